"""Resolve requirements and write the pinned, complete lock: lock.py LOCK INPUT... (called by "make lock").

An input is a requirement file, or a pyproject.toml, of which the project's dependencies count.
`pip install --dry-run` resolves without installing, so the lock does not depend on what an environment already holds.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path


def arguments_of(path: Path) -> list[str]:
    """The requirements of an input, as pip's arguments."""
    if path.suffix != ".toml":
        return ["-r", str(path)]
    return list(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["dependencies"])


def resolve(inputs: list[Path]) -> dict[str, str]:
    """What pip would install into an empty environment: normalised name to `name==version`."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        requirements = [argument for path in inputs for argument in arguments_of(path)]
        resolve_only = ["--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
        subprocess.run([sys.executable, "-m", "pip", "install", *resolve_only, *requirements], check=True)
        found = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    # A local version ("+cpu") names one build of one index; without it any machine finds its own build.
    return {
        re.sub(r"[-_.]+", "-", meta["name"]).lower(): f"{meta['name']}=={meta['version'].partition('+')[0]}"
        for meta in found
    }


def main(lock: Path, inputs: list[Path]) -> None:
    """Write the lock with a header that says where it comes from."""
    pins = resolve(inputs)
    header = f'# Made by "make lock" from {", ".join(path.name for path in inputs)}. Do not edit.\n'
    lock.write_text(header + "".join(f"{pins[name]}\n" for name in sorted(pins)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(arg) for arg in sys.argv[2:]])
