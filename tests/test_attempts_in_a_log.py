"""One log of several attempts: the last one counts. What fails while a program shuts down did not end it."""

from __future__ import annotations

from pathlib import Path

import pytest
from replay import diagnose_text

CRASH = """\
Traceback (most recent call last):
  File "/home/ada/net/{file}", line 9, in <module>
    main()
  File "/home/ada/net/{file}", line 5, in main
    {source}
{error}
"""
ABSENT = "FileNotFoundError: [Errno 2] No such file or directory: 'data/a.csv'"
FIRST = CRASH.format(file="train.py", source='print(table["lr"])', error="KeyError: 'lr'")
SECOND = CRASH.format(
    file="train.py", source="load(path)", error="FileNotFoundError: [Errno 2] No such file or directory: 'data/a.csv'"
)
BANNER = "Seed set to 7\nloading the settings of run 12\n"
FINALIZER = """\
Traceback (most recent call last):
  File "/usr/lib/python3.11/multiprocessing/util.py", line 300, in _run_finalizers
    finalizer()
  File "/usr/lib/python3.11/shutil.py", line 717, in rmtree
    os.rmdir(path)
OSError: [Errno 16] Device or resource busy: '.nfs000000002f3a1b'
"""


def cause(text: str, folder: Path, state: str = "failed") -> str:
    diagnosis = diagnose_text(text, folder, state)
    return (diagnosis["root_cause"] or {}).get("id") or diagnosis["status"]


@pytest.mark.parametrize("between", ["", BANNER])
def test_the_last_attempt_counts(between: str, tmp_path: Path) -> None:
    assert cause(FIRST + between + SECOND, tmp_path) == "data.missing"
    assert cause(SECOND + between + FIRST, tmp_path) == "code.bug"


def test_what_an_earlier_attempt_died_of_is_survived(tmp_path: Path) -> None:
    diagnosis = diagnose_text(BANNER + FIRST + BANNER + "all is well\n", tmp_path, "unknown")
    assert diagnosis["status"] == "ok"
    # the same words of ranks side by side tell of no new start
    assert diagnose_text(BANNER + BANNER + FIRST, tmp_path, "unknown")["status"] == "failed"


def test_a_finalizer_that_fails_is_not_the_death(tmp_path: Path) -> None:
    assert cause(FIRST + FINALIZER, tmp_path) == "code.bug"
    reasons = diagnose_text(FIRST + FINALIZER, tmp_path)["trace"]["candidates"][1]["against"]
    assert any("shut down" in reason for reason in reasons)


def test_the_shell_s_complaint_is_the_cause_only_where_nothing_else_is(tmp_path: Path) -> None:
    noise = "/var/spool/slurmd/job7/slurm_script: line 9: nvidia-smi: command not found\n"
    assert cause(noise, tmp_path) == "env.activation"
    assert cause(noise + FIRST, tmp_path) == "code.bug"
    assert cause(FIRST + noise, tmp_path) == "code.bug"


TRAINS = 'Traceback (most recent call last):\n  File "/p/train.py", line 9, in <module>\n    fit()\n'
NO_GPU = f"{TRAINS}RuntimeError: No CUDA GPUs are available\n"
PLOTS = 'Traceback (most recent call last):\n  File "/p/plot.py", line 4, in <module>\n    '


def test_what_ended_one_script_is_no_excuse_for_the_next(tmp_path: Path) -> None:
    wrong = f"{PLOTS}cfg.schedul\nomegaconf.errors.ConfigAttributeError: Key 'schedul' is not in struct\n"
    assert diagnose_text(NO_GPU + wrong, tmp_path)["root_cause"]["id"] == "config.invalid"


def imports(line: int, module: str) -> str:
    return (
        'Traceback (most recent call last):\n  File "/home/ada/net/train.py", line '
        f"{line}, in <module>\n    import {module}\nModuleNotFoundError: No module named '{module}'\n"
    )


def test_a_script_that_gets_beyond_an_import_was_started_again(tmp_path: Path) -> None:
    lost = "/var/spool/slurmd/job7/slurm_script: line 3: venv/bin/activate: No such file or directory\n"
    assert cause(lost + imports(1, "torch"), tmp_path) == "env.activation"
    assert cause(lost + imports(1, "torch") + imports(5, "optuna"), tmp_path) == "code.import"
    assert cause(lost + imports(5, "optuna") + imports(1, "torch"), tmp_path) == "env.activation"


def test_what_a_script_did_not_make_is_missing_for_the_next(tmp_path: Path) -> None:
    missing = f"{PLOTS}open(path)\nFileNotFoundError: [Errno 2] No such file or directory: 'scores.csv'\n"
    assert diagnose_text(NO_GPU + missing, tmp_path)["root_cause"]["id"] == "gpu.unavailable"
    assert diagnose_text(missing, tmp_path)["root_cause"]["id"] == "data.missing"


USAGE = "usage: {script} [-h] [--lr LR]\n{script}: error: unrecognized arguments: --learning-rate 3\n"
NO_SYNTAX = '  File "/home/ada/net/{script}", line 71\n    data = read(\n    ^\nSyntaxError: invalid syntax\n'


@pytest.mark.parametrize("refused", [USAGE, NO_SYNTAX])
def test_what_runs_after_all_is_another_attempt(refused: str, tmp_path: Path) -> None:
    absent = CRASH.format(
        file="train.py", source="import helpers", error="ModuleNotFoundError: No module named 'helpers'"
    )
    assert cause(refused.format(script="train.py") + absent, tmp_path) == "code.import"
    # of two scripts of one job the first may have been to make what the second misses
    missing = cause(refused.format(script="prepare.py") + SECOND, tmp_path)
    assert missing == ("config.invalid" if refused == USAGE else "code.syntax")
