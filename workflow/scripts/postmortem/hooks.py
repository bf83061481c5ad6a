"""What a pipeline calls from its own `onerror:`, so that nobody has to start the diagnosis by hand.

    onerror:
        sys.path.insert(0, "<postmortem>/workflow/scripts")
        from postmortem.hooks import on_error
        on_error(log)

This module runs in the pipeline's Python, which may be old and lack our packages: the standard library only, Python
3.8. The work is done by our own interpreter in a process of its own. Nothing that goes wrong here may hide or change
the pipeline's error: every failure becomes one line on stderr.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from typing import Any

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
COMMAND = os.path.join(REPOSITORY, "workflow", "scripts", "diagnose_now.py")
NEEDED = ("yaml", "re2", "msgspec", "jinja2", "jsonschema")
OLDEST_PYTHON = (3, 11)
GRACE = 5.0  # seconds after its own time limit until a diagnosis that does not end is killed


def on_error(log: str | Iterable[str], time_limit: float = 60.0, **config: Any) -> None:
    """Diagnose the runs whose jobs failed in this Snakemake log; a line for each on stderr. Never raises.

    log: as Snakemake gives it to an onerror handler. time_limit: seconds, after which the rest is left to diagnose_all.
    config: settings of the diagnosis, as after `--config`. The project is the working directory.
    """
    try:
        interpreter = find_interpreter()
        if interpreter is None:
            _say(f"no diagnosis: there is no environment in {REPOSITORY}; make it with `make setup` there")
            return
        logs = [log] if isinstance(log, str) else list(log or ())
        _diagnose(interpreter, logs, time_limit, config)
    except KeyboardInterrupt:
        _say(f"the diagnosis was interrupted; ask for it with: {_by_hand()}")
    except BaseException as error:  # whatever it is, the pipeline's own error comes first
        _say(f"no diagnosis from here ({type(error).__name__}: {error}); ask for it with: {_by_hand()}")


def _diagnose(interpreter: str, logs: list[str], time_limit: float, config: dict[str, Any]) -> None:
    command = [interpreter, "-s", COMMAND, "--time-limit", str(time_limit)]
    for path in logs:
        command += ["--log", path]
    for key, value in config.items():
        command += ["--config", f"{key}={json.dumps(value)}"]
    # In a session of its own: Ctrl-C reaches us alone, and all that it started can be ended together.
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=2, stderr=errors, env=_environment(), start_new_session=True
        )
        try:
            status = process.wait(timeout=time_limit + GRACE)
        except subprocess.TimeoutExpired:
            _say(f"the diagnosis did not end within {time_limit:g} s; ask for the rest with: {_by_hand()}")
            return
        finally:
            _end(process)
        if status not in (0, 2):  # 2: it has told what is wrong with the settings
            errors.seek(0)
            last = (errors.read().decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1]
            _say(f"the diagnosis broke (exit status {status}: {last[:200]}); ask for it with: {_by_hand()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started, if it still runs."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            pass
        process.wait()


def find_interpreter() -> str | None:
    """Ours: beside $POSTMORTEM_SNAKEMAKE, in .venv, or the pipeline's own if it has all that we need."""
    chosen = os.environ.get("POSTMORTEM_SNAKEMAKE")
    places = [os.path.dirname(chosen)] if chosen else []
    for place in [*places, os.path.join(REPOSITORY, ".venv", "bin")]:
        path = os.path.join(place, "python")
        if os.access(path, os.X_OK):
            return path
    from importlib.util import find_spec

    if sys.version_info >= OLDEST_PYTHON and all(find_spec(name) for name in NEEDED):
        return sys.executable
    return None


def _environment() -> dict[str, str]:
    """The pipeline's, without what would make our interpreter load the pipeline's packages."""
    ours = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "SNAKEMAKE_PROFILE", "VIRTUAL_ENV")
    return {key: value for key, value in os.environ.items() if key not in ours}


def _by_hand() -> str:
    snakefile = os.path.join(REPOSITORY, "Snakefile")
    return f"snakemake diagnose_all -s {snakefile} --directory {os.getcwd()} --cores 1"


def _say(text: str) -> None:
    try:
        sys.stderr.write(f"postmortem: {' '.join(text.split())}\n")
        sys.stderr.flush()
    except BaseException:  # a closed stderr
        pass
