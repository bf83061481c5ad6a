"""The command `postmortem`: one word for each thing that it does. The words' own programs say what they take."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import near_match
from ..installation import REPOSITORY, SNAKEFILE
from ..outputs import MARK
from ..paths import names
from ..project.project import DEFAULT_EXPERIMENT_ROOT
from ..text import safe

SCRIPTS = REPOSITORY / "workflow" / "scripts"
EXPERIMENT_ROOT = "experiment_root="

USAGE = """usage: postmortem WORD [ARGUMENTS]

  diagnose [PATH]   diagnose the failed runs of the project at PATH (default: here) that lack their diagnosis, or,
                    where PATH is the folder of a run, that run
  explain RUN...    why this cause and no other, on one screen; RUN is the folder of a diagnosed run
  submit JOB...     submit SLURM jobs that diagnose these jobs if they fail
  trap              the lines that make a batch script leave a sentinel when it fails
  check-catalogue WHAT...
                    check entries of the catalogue against their tests

`postmortem WORD --help` says more. The same diagnoses, in parallel and as part of a pipeline, are made by
snakemake diagnose_all -s {snakefile}"""


def main(arguments: list[str] | None = None) -> int:
    """Exit status of the word's program; 2, with one sentence, where there is no such word."""
    arguments = sys.argv[1:] if arguments is None else arguments
    word, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if word in ("-h", "--help", "help"):
        print(USAGE.format(snakefile=SNAKEFILE))
        return 0
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `postmortem explain … | head` ends quietly
    sys.argv[0] = f"postmortem {word}"  # what the words' programs call themselves in their help
    program = WORDS.get(word)
    if program is None:
        print(f'{MARK}there is no word "{word}"{near_match(word, WORDS)}; the words are {", ".join(WORDS)}')
        return 2
    return program(rest)


def _diagnose(arguments: list[str]) -> int:
    from .diagnose_now import main as diagnose_now

    sys.argv[0] += " [PATH]"
    if not arguments or arguments[0].startswith("-"):
        return diagnose_now(arguments)
    place, rest = Path(arguments[0]).absolute(), arguments[1:]
    if not place.is_dir():
        print(f"{MARK}{safe(arguments[0])} is no folder")
        return 2
    settings = [word.removeprefix("--config=") for word in rest]
    given = [setting.removeprefix(EXPERIMENT_ROOT) for setting in settings if setting.startswith(EXPERIMENT_ROOT)]
    experiment_root = Path(given[-1] if given else DEFAULT_EXPERIMENT_ROOT)
    dataset, runs = place.parent, place.parent.parent
    if names(str(runs), str(experiment_root)) and not (place / experiment_root).is_dir():
        project = runs.parents[len(experiment_root.parts) - 1]
        return diagnose_now(["--directory", str(project), "--run", f"{dataset.name}/{place.name}", *rest])
    return diagnose_now(["--directory", str(place), *rest])


def _explain(arguments: list[str]) -> int:
    from .explain import main as explain

    if not arguments or arguments[0].startswith("-"):
        print("usage: postmortem explain RUN...   RUN: the folder of a diagnosed run, or its diagnosis.json")
        return 0 if arguments else 2
    return explain([Path(argument) for argument in arguments])


def _submit(arguments: list[str]) -> int:
    from .dependency_job import main as submit

    return submit(arguments)


def _trap(_: list[str]) -> int:
    print("# Two lines for the top of a batch script: the folder of its run, and what leaves a sentinel there.")
    print(f"run={DEFAULT_EXPERIMENT_ROOT}/<dataset>/<run>")
    print(f'. {shlex.quote(str(SCRIPTS / "postmortem_trap.sh"))} "$run"')
    return 0


def _check_catalogue(arguments: list[str]) -> int:
    os.execv(sys.executable, [sys.executable, str(SCRIPTS / "check_catalogue.py"), *arguments])


WORDS: dict[str, Callable[[list[str]], int]] = {
    "diagnose": _diagnose,
    "explain": _explain,
    "submit": _submit,
    "trap": _trap,
    "check-catalogue": _check_catalogue,
}
