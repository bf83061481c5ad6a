#!/usr/bin/env bash
# Make the virtual environment DIR and install the given requirement files into it: venv.sh DIR FILE...
#
# Debian splits `ensurepip` off into the package python3-venv, so `python3 -m venv` may fail on a fresh machine.
# Then, in this order: an environment without pip, filled by the pip of the machine; uv; as root, apt-get; else one
# sentence that says what to install.
set -euo pipefail

dir=$1
shift
packages=()
for file in "$@"; do packages+=(-r "$file"); done

suitable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=
for candidate in ${PYTHON:-} python3.11 python3 /usr/bin/python3; do
  if suitable "$candidate"; then python=$candidate && break; fi
done
if [ -z "$python" ]; then
  echo "setup: no Python 3.11 or newer found; install it or name one: make setup PYTHON=/path/to/python3.11" >&2
  exit 1
fi

has() { "$python" -c "import $1" 2>/dev/null; }

if [ ! -x "$dir/bin/python" ]; then
  if ! has ensurepip && ! has pip && ! command -v uv >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: this Python cannot make environments; installing the Debian package python3-venv"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >&2 || true
  fi
  if has ensurepip; then
    "$python" -m venv "$dir"
  elif has pip || command -v uv >/dev/null; then
    "$python" -m venv --without-pip "$dir"
  else
    echo "setup: $("$python" --version) cannot make environments here: run 'apt-get install python3-venv' as root" >&2
    exit 1
  fi
fi

if "$dir/bin/python" -c 'import pip' 2>/dev/null; then
  install=("$dir/bin/python" -m pip install)
elif has pip; then
  install=("$python" -m pip --python "$dir/bin/python" install)
else
  install=(uv pip install --python "$dir/bin/python")
fi

echo "setup: installing ${*} into $dir (some minutes the first time)"
"${install[@]}" --quiet --use-pep517 "${packages[@]}" 2> >(grep -v "is ignored: it is neither a file nor a directory" >&2)
