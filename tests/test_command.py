"""The command `postmortem`: its words, and how it answers what it does not know."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from postmortem.installation import REPOSITORY
from postmortem.jobs.command import WORDS

COMMAND = REPOSITORY / "tools" / "postmortem"  # what .venv/bin/postmortem is a link to
CRASH = """\
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    print(table["lr"])
KeyError: 'lr'
"""


def call(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, text=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in (("crashed", CRASH), ("well", "epoch 1 loss 0.2\n")):
        run = tmp_path / "experimentruns" / "cifar" / name
        run.mkdir(parents=True)
        (run / "slurm.err").write_text(text)
    return tmp_path


def diagnosis(root: Path, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / "experimentruns" / "cifar" / name / "diagnosis.json").read_text())
    return found


def test_setup_puts_it_beside_snakemake() -> None:
    assert "ln -sfn ../../tools/postmortem .venv/bin/postmortem" in (REPOSITORY / "Makefile").read_text()


def test_it_says_its_words(tmp_path: Path) -> None:
    done = call(folder=tmp_path)
    assert done.returncode == 0
    assert all(f"\n  {word}" in done.stdout for word in WORDS)


def test_an_unknown_word_is_answered_by_the_one_that_was_meant(tmp_path: Path) -> None:
    done = call("dignose", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "")
    assert 'did you mean "diagnose"?' in done.stdout


def test_diagnose_finds_what_failed(root: Path) -> None:
    done = call("diagnose", root, "--config", "sacct=off", folder=root.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cifar/crashed: code.bug" in done.stdout
    assert diagnosis(root, "crashed")["status"] == "failed"
    assert not (root / "experimentruns" / "cifar" / "well" / "diagnosis.json").exists()
    assert (root / "experimentruns" / "diagnoses.md").is_file()
    # here, and nothing is left to do
    assert "no failed run found that lacks its diagnosis" in call("diagnose", folder=root).stdout


def test_diagnose_takes_the_folder_of_a_run_that_is_well(root: Path) -> None:
    done = call("diagnose", root / "experimentruns" / "cifar" / "well", "--config", "sacct=off", folder=root)
    assert "cifar/well: ok" in done.stdout
    assert diagnosis(root, "well")["status"] == "ok"


@pytest.mark.parametrize("experiment_root", ["results", "out/runs/"])
def test_diagnose_takes_the_folder_of_a_run_that_lies_elsewhere(experiment_root: str, root: Path) -> None:
    (root / experiment_root).parent.mkdir(exist_ok=True)
    (root / "experimentruns").rename(root / experiment_root)
    run = root / experiment_root / "cifar" / "well"
    done = call("diagnose", run, "--config", f"experiment_root={experiment_root}", "--config", "sacct=off", folder=root)
    assert "cifar/well: ok" in done.stdout
    assert json.loads((run / "diagnosis.json").read_text())["status"] == "ok"


def test_what_is_no_project_gets_a_sentence(root: Path) -> None:
    for place, said in (("nowhere", "nowhere is no folder"), (root.parent, "experiment_root is")):
        done = call("diagnose", place, folder=root)
        assert (done.returncode, done.stderr) == (2, "")
        assert said in done.stdout
    asked = call("diagnose", root, "--run", "cifar/wel", folder=root)
    assert 'there is no run "cifar/wel"' in asked.stdout and 'did you mean "cifar/well"?' in asked.stdout


@pytest.mark.parametrize(
    ("asked", "answer"),
    [(["--log", "gone.log"], "there is no log "), (["--job", "77"], "nothing ties a run to job 77")],
)
def test_what_is_asked_for_and_not_there_is_said(asked: list[str], answer: str, root: Path) -> None:
    call("diagnose", root, "--config", "sacct=off", folder=root.parent)  # from here on nothing is left to diagnose
    said = call("diagnose", root, *asked, "--config", "sacct=off", folder=root.parent).stdout
    assert answer in said and "no failed run found that lacks its diagnosis" in said


def test_the_page_of_a_run_that_just_stops_says_so(root: Path) -> None:
    call("diagnose", root / "experimentruns" / "cifar" / "well", "--config", "sacct=off", folder=root.parent)
    assert diagnosis(root, "well")["summary"] == "cifar/well: no sign of a failure (nothing says how it ended)."


def test_explain_and_trap(root: Path) -> None:
    call("diagnose", root, "--config", "sacct=off", folder=root)
    run = root / "experimentruns" / "cifar" / "crashed"
    for place in (run, run / "diagnosis.json", run / "diagnosis.md"):
        assert "code.bug" in call("explain", place, folder=root).stdout
    well = run.with_name("well")
    assert f"diagnose the run first: postmortem diagnose {well}" in call("explain", well, folder=root).stdout
    trap = call("trap", folder=root).stdout.splitlines()[-1]
    assert Path(shlex.split(trap)[1]).is_file()


def test_its_help_is_that_of_the_word(tmp_path: Path) -> None:
    for word in ("diagnose", "submit"):
        assert call(word, "--help", folder=tmp_path).stdout.startswith(f"usage: postmortem {word} ")
