"""Collecting the facts of a run: what breaks costs only itself, only the last attempt counts, and facts stay small."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from made_runs import curve_of, falling, make_run, plain_weights

from postmortem import facts
from postmortem.collect import collector
from postmortem.collect.evidence import KINDS
from postmortem.collect.logs import run_logs
from postmortem.collect.logs.scan import signal_patterns
from postmortem.discover import discovery
from postmortem.discover import snakemake_log as snakemake_logs
from postmortem.facts import RunFacts
from postmortem.jobs import stages
from postmortem.project import project
from postmortem.project.project import Project

RUN = "set_01/teacher_autoencoder"
CRASH = 'Traceback (most recent call last):\n  File "t.py", line 3, in f\n    g()\nKeyError: {}\n'
READERS = {kind.name: f"postmortem.collect.{kind.reader}" for kind in KINDS if kind.reader and not kind.of_pipeline}
SACCT = "JobID|JobName|State|ExitCode|Submit|Start|End\n"


def known(root: Path, **settings: Any) -> Project:
    return project.from_config({"sacct": "off"} | settings, root)


def collected(watched: Project, run: str = RUN) -> RunFacts:
    found = discovery.discover(watched)
    state = found.state_of(run)
    assert state is not None
    return collector.collect_run(watched, state, found.all_runs, signal_patterns)


def snakemake_log(root: Path, *blocks: str, name: str = "2026-03-01T100000.000000") -> Path:
    folder = root / ".snakemake" / "log"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.snakemake.log").write_text("Building DAG of jobs...\n" + "".join(blocks))
    return folder / f"{name}.snakemake.log"


def failed_job(run: str, jobid: int, external: str, day: int = 1) -> str:
    return (
        f"[Sun Mar  {day} 10:00:00 2026]\nrule train_{jobid}:\n    output: experimentruns/{run}/best_model.pt\n"
        f"    log: experimentruns/{run}/slurm.err\n    jobid: {jobid}\n\n"
        f"Submitted job {jobid} with external jobid '{external}'.\n"
        f"[Sun Mar  {day} 11:00:00 2026]\nError in rule train_{jobid}:\n    jobid: {jobid}\n"
        f"    output: experimentruns/{run}/best_model.pt\n    cluster_jobid: {external}\n\n"
    )


# --- a reader that breaks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READERS)
def test_a_reader_that_breaks_costs_only_itself(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("it\nbroke")

    make_run(tmp_path, RUN, stderr=CRASH.format("'a'"), val_loss=falling(), weights=plain_weights())
    whole = collected(known(tmp_path))
    monkeypatch.setattr(importlib.import_module(READERS[name]), "read", breaks)
    found = collected(known(tmp_path))
    assert [line for line in found.not_checked if line not in whole.not_checked] == [
        f"{name}: the reader broke (RuntimeError: it broke)"
    ]
    assert found.logs[0].tracebacks[0].exceptions[0].type == "KeyError"
    for reader, kind in {"config": "config", "curves": "curves", "checkpoint": "checkpoints"}.items():
        assert bool(getattr(found, kind)) == (reader != name)


def test_logs_that_cannot_be_read_cost_only_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(tmp_path, RUN, stderr=CRASH.format("'a'"))
    monkeypatch.setattr(run_logs, "read_log", lambda *_: 1 / 0)
    found = collected(known(tmp_path))
    assert "logs: the reader broke (ZeroDivisionError: division by zero)" in found.not_checked
    assert found.config is not None and found.config.values["lr"].value == 0.002


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "experimentruns" / RUN).mkdir(parents=True)
    found = collected(known(tmp_path))
    assert any("slurm.err" in line for line in found.not_checked)
    assert any("config.json" in line for line in found.not_checked)


def test_every_reader_is_asked_and_none_of_them_of_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    make_run(tmp_path, RUN, stderr=CRASH.format("'a'"))
    snakemake_log(tmp_path, "MissingInputException in rule x in file Snakefile, line 3:\nMissing input files:\n")
    watched = known(tmp_path)
    for name in READERS:
        module = importlib.import_module(READERS[name])
        monkeypatch.setattr(module, "read", lambda *_, name=name, **__: asked.append(name))
    collected(watched, "(workflow)")
    assert asked == []
    collected(watched)
    assert asked == list(READERS)


# --- the last attempt ------------------------------------------------------------------------------------------------


def test_only_the_logs_of_the_last_attempt_are_evidence(tmp_path: Path) -> None:
    make_run(tmp_path, RUN, stderr="2026-03-02 10:00:01,000 INFO go\n" + CRASH.format("'new'"))
    logs = tmp_path / "slurm_logs"
    logs.mkdir()
    for job, key in (("25", "old"), ("27", "new")):
        (logs / f"{job}-train_1.err").write_text(CRASH.format(f"'{key}'"))
    snakemake_log(tmp_path, failed_job(RUN, 1, "25"))
    snakemake_log(tmp_path, failed_job(RUN, 1, "27", day=2), name="2026-03-02T100000.000000")
    (tmp_path / "sacct.txt").write_text(
        SACCT
        + "25|train|FAILED|1:0|2026-03-01T09:00:00|2026-03-01T10:00:00|2026-03-01T11:00:00\n"
        + "27|train|FAILED|1:0|2026-03-02T09:00:00|2026-03-02T10:00:00|2026-03-02T11:00:00\n"
    )
    found = collected(known(tmp_path, sacct="sacct.txt"))
    assert [attempt.job_id for attempt in found.attempts] == ["25", "27"]
    assert [job.id for job in found.slurm_jobs] == ["27"]
    paths = [log.source.path for log in found.logs]
    assert "slurm_logs/27-train_1.err" in paths and "slurm_logs/25-train_1.err" not in paths
    assert sum(path.startswith(".snakemake/log/2026-03-02") for path in paths) == 1
    assert not any(path.startswith(".snakemake/log/2026-03-01") for path in paths)
    assert not any("'old'" in line.text for log in found.logs for line in log.lines)


def test_what_snakemake_says_of_other_runs_is_left_out(tmp_path: Path) -> None:
    other = "set_01/student_autoencoder"
    make_run(tmp_path, RUN, stderr=CRASH.format("'a'"))
    make_run(tmp_path, other, stderr=CRASH.format("'b'"))
    log = snakemake_log(tmp_path, failed_job(other, 1, "58"), failed_job(RUN, 2, "59"))
    found = collected(known(tmp_path))
    (pipeline,) = [log for log in found.logs if log.role == "snakemake"]
    said = "\n".join(line.text for line in pipeline.lines)
    assert "Error in rule train_2" in said and "train_1" not in said
    whole = log.read_text().split("\n")
    assert all(whole[line.number - 1] == line.text for line in pipeline.lines)


def test_of_a_large_snakemake_log_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = "".join(failed_job(f"set_{i:05d}/teacher_normal", i, str(1000 + i)) for i in range(10, 4000))
    make_run(tmp_path, RUN, stderr=CRASH.format("'a'"))
    log = snakemake_log(tmp_path, others, failed_job(RUN, 2, "59"))
    monkeypatch.setattr(run_logs, "LOG_BYTES", 64 * 1024)
    read: list[int] = []
    parse = snakemake_logs.parse
    found = discovery.discover(known(tmp_path))
    state = found.state_of(RUN)
    assert state is not None
    monkeypatch.setattr(snakemake_logs, "parse", lambda text, path: read.append(len(text)) or parse(text, path))
    facts_of_run = collector.collect_run(known(tmp_path), state, found.all_runs, signal_patterns)
    assert read and max(read) <= 64 * 1024
    (pipeline,) = [log for log in facts_of_run.logs if log.role == "snakemake"]
    whole = log.read_text().split("\n")
    assert all(whole[line.number - 1] == line.text for line in pipeline.lines)
    assert {"    output: experimentruns/set_01/teacher_autoencoder/best_model.pt"} == {
        line.text for line in pipeline.lines if "output:" in line.text
    }


# --- size ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [350_000, 3_000_000])
def test_facts_stay_small_whatever_the_size_of_the_logs(size: int, tmp_path: Path) -> None:
    lines = "".join(f"2026-03-01 10:00:00,000 WARNING worker {i} said {i * 7919:x}\n" for i in range(size // 55))
    crash = "".join(CRASH.format(f"'{i}'") for i in range(200))
    make_run(tmp_path, RUN, stderr=lines + crash, stdout=lines, val_loss=falling(3000), weights=plain_weights())
    logs = tmp_path / "slurm_logs"
    logs.mkdir()
    (logs / "59-train_2.err").write_text(lines + crash)
    (logs / "59-train_2.out").write_text(lines)
    snakemake_log(tmp_path, failed_job(RUN, 2, "59"), *(failed_job(f"set_{i}/x", i, f"{i}") for i in range(3, 500)))
    found = collected(known(tmp_path))
    assert len(found.logs) == 5
    facts.write(found, tmp_path / "facts.json")
    assert (tmp_path / "facts.json").stat().st_size < 1_500_000


def test_facts_are_read_as_they_were_written(tmp_path: Path) -> None:
    make_run(tmp_path, RUN, stderr=CRASH.format("'a'"), weights=plain_weights(), val_loss=falling())
    found = collected(known(tmp_path))
    found.curves.append(curve_of("odd", [float("nan"), float("inf"), 1.0]))
    stages.facts.write(found, tmp_path / "facts.json")
    assert facts.read(tmp_path / "facts.json") == found


def test_a_command_names_no_profile_that_is_not_there(tmp_path: Path) -> None:
    def command() -> str:
        return str(collected(known(tmp_path)).profile["run_again"]["workflow"])

    make_run(tmp_path, RUN, stderr=CRASH.format("'a'"))
    assert "--profile profiles/slurm" in command()  # of a project without its code nobody knows what else is missing
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "Snakefile").touch()
    assert "--profile" not in command()
    (tmp_path / "profiles" / "slurm").mkdir(parents=True)
    assert "--profile profiles/slurm" in command()
    (tmp_path / "pipeline" / "Snakefile").rename(tmp_path / "Snakefile")
    assert command() == "snakemake --profile profiles/slurm {output}"
