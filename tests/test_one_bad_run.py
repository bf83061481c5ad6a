"""A run that cannot be read, written or even named stops no other diagnosis, and gets its own or one clear word."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from example_projects import BOTH, REPOSITORY, call
from made_runs import CRASH, make_run

from postmortem.jobs import diagnose_now

BAD, GOOD = "set_01/teacher_autoencoder", "set_02/teacher_autoencoder"
TABLE = "JobID|JobName|State|ExitCode|Submit|Start|End|WorkDir|SubmitLine\n"


def bad(root: Path) -> Path:
    return root / "experimentruns" / BAD


def deep_sentinel(root: Path) -> None:
    (bad(root) / ".failed").write_text("[" * 3000 + "]" * 3000)


def deep_object_in_sentinel(root: Path) -> None:
    (bad(root) / ".failed").write_text('{"reason": ' + '{"a":' * 900 + "1" + "}" * 901)


def long_integers(root: Path) -> None:
    (bad(root) / ".failed").write_text('{"exit_code": ' + "9" * 4000 + ', "slurm_job_id": ' + "9" * 4000 + "}")
    (bad(root) / "config.json").write_text('{"lr": ' + "9" * 4500 + ', "epochs": -' + "9" * 5000 + "}")
    (bad(root) / "metrics.json").write_text('{"f1": ' + "9" * 4500 + "}")


def long_job_id(root: Path) -> None:
    (bad(root) / ".failed").write_text(json.dumps({"exit_code": 1, "slurm_job_id": "9" * 4500}))
    row = f"{'9' * 4500}|train|FAILED|1:0|2026-01-05T10:00:00|2026-01-05T10:00:01|2026-01-05T11:00:00|{root}|sbatch\n"
    (root / "sacct.txt").write_text(TABLE + row)


def report_is_a_folder(root: Path) -> None:
    (bad(root) / "diagnosis.md").mkdir()


def facts_are_a_folder(root: Path) -> None:
    (bad(root) / "diagnosis.facts.json").mkdir()
    (bad(root) / "diagnosis.json").mkdir()


def log_is_a_folder(root: Path) -> None:
    (bad(root) / "slurm.err").unlink()
    (bad(root) / "slurm.err").mkdir()


def dataset_named_as_the_summary(root: Path) -> None:
    (root / "experimentruns" / "diagnoses.md" / "first").mkdir(parents=True)
    (root / "experimentruns" / "diagnoses.md" / "first" / ".failed").touch()


def workflow_log_without_times(root: Path) -> None:
    log = root / ".snakemake" / "log" / "2026-01-05T100000.000000.snakemake.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"Error in rule train:\n    jobid: 1\n    output: experimentruns/{BAD}/best_model.pt\n\n")


def names_with_braces(root: Path) -> None:
    for name in ("seed_{1}", "a{b", "tab\there", "line\nbreak", "-x", "d $(touch x)"):
        make_run(root, f"set_03/{name}", stderr=CRASH)
        (root / "experimentruns" / "set_03" / name / ".failed").touch()


def no_permission(root: Path) -> None:
    (bad(root) / "slurm.err").chmod(0)
    bad(root).chmod(0)


KINDS = [
    deep_sentinel, deep_object_in_sentinel, long_integers, long_job_id, report_is_a_folder, facts_are_a_folder,
    log_is_a_folder, dataset_named_as_the_summary, workflow_log_without_times, names_with_braces,
]  # fmt: skip
EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def project(root: Path, kind: Callable[[Path], None]) -> list[str]:
    """Two failed runs, one of them spoilt; the settings to diagnose with."""
    for run in (BAD, GOOD):
        make_run(root, run, stderr=CRASH)
        (root / "experimentruns" / run / ".failed").touch()
    kind(root)
    return ["sacct=sacct.txt"] if (root / "sacct.txt").exists() else ["sacct=off"]


def well_diagnosed(root: Path, run: str) -> bool:
    result = json.loads((root / "experimentruns" / run / "diagnosis.json").read_text())
    return result["root_cause"]["id"] == "code.bug" and (root / "experimentruns" / run / "diagnosis.md").is_file()


@EACH
def test_the_others_are_diagnosed(
    kind: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (setting,) = project(tmp_path, kind)
    assert diagnose_now.main(["--directory", str(tmp_path), "--config", setting]) == 0
    said = capsys.readouterr()
    assert well_diagnosed(tmp_path, GOOD), said.out
    assert "Traceback" not in said.out + said.err
    assert BAD.split("/")[1] in said.out


@EACH
@BOTH
@pytest.mark.slow
def test_the_others_are_diagnosed_by_the_workflow(
    kind: Callable[[Path], None], snakemake: Path, tmp_path: Path
) -> None:
    (setting,) = project(tmp_path, kind)
    command = [snakemake, "diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", tmp_path, "--cores", "1"]
    done = call(tmp_path, *command, "--keep-going", "--config", setting)
    assert well_diagnosed(tmp_path, GOOD), done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout


def test_a_run_of_any_name_gets_its_diagnosis(tmp_path: Path) -> None:
    project(tmp_path, names_with_braces)
    assert diagnose_now.main(["--directory", str(tmp_path), "--config", "sacct=off"]) == 0
    for name in (tmp_path / "experimentruns" / "set_03").iterdir():
        assert well_diagnosed(tmp_path, f"set_03/{name.name}"), name
    assert not (tmp_path / "x").exists()


def as_nobody(root: Path, *limits: tuple[int, int]) -> tuple[int, str]:
    """The exit status and the words of a call by somebody who may not write in the project, or may write little."""
    said = root.parent / "said"
    child = os.fork()
    if not child:
        status = 99
        try:
            sys.stdout = sys.stderr = said.open("w")
            for name, value in limits:
                resource.setrlimit(name, (value, value))
            if not limits and os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            status = diagnose_now.main(["--directory", str(root), "--config", "sacct=off"])
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.read_text()


def test_a_project_that_may_not_be_written_to_gets_one_sentence(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    project(root, lambda _: None)
    for folder in (tmp_path, *tmp_path.parents):  # pytest keeps its folders to itself
        if folder.owner() == Path.home().owner() and folder.is_relative_to("/tmp/"):
            folder.chmod(0o755)
    if os.geteuid() != 0:
        root.chmod(0o555)
    status, said = as_nobody(root)
    *_, last = lines = said.splitlines()
    assert status == 1 and all(line.startswith("postmortem: ") for line in lines) and len(lines) == 2, said
    assert "Permission denied" in last


def test_a_full_disk_costs_a_sentence_a_run(tmp_path: Path) -> None:
    """The system refuses to write more than a kilobyte into a file, which is how a full disk shows as well."""
    project(tmp_path, lambda _: None)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, said = as_nobody(tmp_path, (resource.RLIMIT_FSIZE, 1000))
    assert said.count("cannot be written (File too large") >= 2 and "Traceback" not in said, said
    assert not list(tmp_path.glob("experimentruns/*/*/.diagnosis*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_run_that_may_not_be_read(tmp_path: Path) -> None:
    project(tmp_path, no_permission)
    try:
        assert diagnose_now.main(["--directory", str(tmp_path), "--config", "sacct=off"]) == 0
        assert well_diagnosed(tmp_path, GOOD)
    finally:
        bad(tmp_path).chmod(0o755)
