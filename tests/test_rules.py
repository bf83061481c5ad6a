"""The rules, through the real command line under Snakemake 9 and 7: what is made, made again, and refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from postmortem.collect.logs.scan import WHOLE_BYTES
from postmortem.jobs import batches

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAMS = {"9": REPOSITORY / ".venv" / "bin" / "snakemake", "7": REPOSITORY / ".venv-snakemake7" / "bin" / "snakemake"}
CRASH = "Traceback (most recent call last):\n  File \"train.py\", line 3, in <module>\n    main()\nKeyError: 'f1'\n"


class Caller:
    """Calls Snakemake on a project."""

    def __init__(self, version: str, folder: Path) -> None:
        self.program = PROGRAMS[version]
        if not self.program.exists():
            pytest.skip(f"there is no {self.program}")
        self.project = folder
        for dataset in ("set_01", "set_02", "set_03", "set_04"):
            self.run(f"{dataset}/teacher_autoencoder").mkdir(parents=True)
        self.fail("set_01/teacher_autoencoder")
        self.fail("set_02/teacher_autoencoder")

    def run(self, run_id: str) -> Path:
        return self.project / "experimentruns" / run_id

    def fail(self, run_id: str) -> None:
        (self.run(run_id) / "slurm.err").write_text(CRASH)
        (self.run(run_id) / ".failed").touch()

    def call(self, *arguments: str, status: int = 0, snakefile: Path = REPOSITORY / "Snakefile") -> str:
        command = [self.program, *arguments, "-s", snakefile, "--directory", self.project, "--cores", "2"]
        if "--config" not in arguments:
            command += ["--config", "sacct=off", "runs_per_job=1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        return said


def rules_run(said: str) -> set[str]:
    return {name.removeprefix("postmortem_") for name in re.findall(r"^(?:local)?rule (\w+):$", said, re.MULTILINE)}


@pytest.fixture(
    params=[pytest.param("9", marks=pytest.mark.snakemake), pytest.param("7", marks=pytest.mark.snakemake7)]
)
def caller(request: pytest.FixtureRequest, tmp_path: Path) -> Caller:
    return Caller(request.param, tmp_path / "ein Ordner für Läufe")


def batch_of(run_id: str) -> str:
    (batch,) = batches.deal([run_id], known_runs=4, runs_per_job=1)
    return batch.name


@pytest.mark.slow
def test_only_what_changed_is_made_again(caller: Caller) -> None:
    first, second, third = (f"set_0{number}/teacher_autoencoder" for number in (1, 2, 3))
    said = caller.call("diagnose_all")
    assert "postmortem: 2 of 4 to diagnose" in said
    for name in ("diagnosis.facts.json", "diagnosis.json", "diagnosis.md"):
        assert (caller.run(first) / name).stat().st_size
        assert not (caller.run(third) / name).exists()
    for name in ("diagnoses.md", "diagnoses.html", "diagnoses.tsv"):
        assert "set_01/teacher_autoencoder" in (caller.project / "experimentruns" / name).read_text()

    assert "Nothing to be done" in caller.call("diagnose_all"), "a second call"

    time.sleep(1.1)  # Snakemake compares whole seconds in places
    (caller.run(first) / ".failed").touch()
    again = rules_run(caller.call("diagnose_all"))
    assert f"collect_{batch_of(first)}" in again, "the sentinel was touched"
    assert batch_of(first) == batch_of(second) or f"collect_{batch_of(second)}" not in again

    caller.fail(third)
    again = {name for name in rules_run(caller.call("diagnose_all")) if name.startswith("collect")}
    assert again == {f"collect_{batch_of(third)}"}, "another run failed"

    (caller.run("set_04/teacher_autoencoder") / "slurm.err").write_text("Stage 'autoencoder' complete\n")
    shutil.rmtree(caller.project / ".snakemake" / "postmortem" / "found")
    assert "Nothing to be done" in caller.call("diagnose_all"), "another run ended well; what was found is found again"

    time.sleep(1.1)
    (caller.run(first) / "config.json").write_text('{"lr": 1}')
    again = {name for name in rules_run(caller.call("diagnose_all")) if name.startswith("collect")}
    assert again == {f"collect_{batch_of(first)}"}, "a file of its own has changed"

    own = caller.project / "postmortem" / "catalogue" / "own.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("[]\n")
    again = rules_run(caller.call("diagnose_all"))
    assert f"collect_{batch_of(first)}" in again, "a large log may hold what a new entry looks for"
    assert {f"analyze_{batch_of(first)}", f"report_{batch_of(third)}", "summarize"} <= again


ENTRY = """
- id: data.stale_cache
  title: recordings of another calibration
  patterns:
    - 'calibration (?P<have>\\w+) of the recordings is not (?P<want>\\w+)'
  root_cause: The recordings were calibrated as {{ have }}, the pipeline wants {{ want }}.
  fix:
    - text: Calibrate again.
      command: python tools/calibrate.py --to {{ want }}
  role: fatal
"""


@pytest.mark.slow
def test_a_new_entry_is_found_in_a_large_log_that_was_collected_before(caller: Caller) -> None:
    run = caller.run("set_01/teacher_autoencoder")
    filler = "".join(f"step {number} of the loop took {number * 7919:x} ms\n" for number in range(60_000))
    said = "calibration c3 of the recordings is not c9\n"
    (run / "slurm.err").write_text(filler + said + filler)
    assert (run / "slurm.err").stat().st_size > 2 * WHOLE_BYTES
    for name, cause in (("", "unknown"), ("own.yaml", "data.stale_cache")):
        if name:
            own = caller.project / "postmortem" / "catalogue" / name
            own.parent.mkdir(parents=True)
            own.write_text(ENTRY)
        caller.call("diagnose_all")
        facts = json.loads((run / "diagnosis.facts.json").read_text())
        (log,) = [log for log in facts["logs"] if log["role"] == "stderr"]
        assert (said.strip() in [line["text"] for line in log["lines"]]) == bool(name)
        assert json.loads((run / "diagnosis.json").read_text())["root_cause"]["id"] == cause


@pytest.mark.slow
def test_news_from_the_accounting_make_a_diagnosis_again(caller: Caller) -> None:
    first = "set_01/teacher_autoencoder"
    (caller.run(first) / ".failed").write_text('{"slurm_job_id": "7"}')
    table = caller.project / "sacct.txt"
    header = "JobID|JobName|State|ExitCode|Submit|Start|End\n"
    rows = [f"{job}|x|{state}|1:0|{day}T09:00:00|{day}T10:00:00|{day}T11:00:00\n"
            for job, state, day in (("5", "FAILED", "2026-01-01"), ("7", "TIMEOUT", "2026-01-02"))]  # fmt: skip
    settings = ["--config", f"sacct={table}", "runs_per_job=1"]

    def collected(*said: str) -> set[str]:
        table.write_text(header + "".join(said))
        return {name for name in rules_run(caller.call("diagnose_all", *settings)) if name.startswith("collect")}

    assert len(collected(rows[0])) == 2
    assert collected(*rows) == {f"collect_{batch_of(first)}"}, "its job was recorded"
    assert json.loads((caller.run(first) / "diagnosis.facts.json").read_text())["slurm_jobs"][0]["state"] == "TIMEOUT"
    assert collected(rows[0]) == set(), "it was forgotten"


@pytest.mark.slow
def test_one_run_is_diagnosed_by_its_path_failed_or_not(caller: Caller) -> None:
    healthy, failed = caller.run("set_03/teacher_autoencoder"), caller.run("set_01/teacher_autoencoder")
    caller.call("experimentruns/set_03/teacher_autoencoder/diagnosis.md")
    assert "## Root Cause" in (healthy / "diagnosis.md").read_text() and not (failed / "diagnosis.md").exists()
    caller.call("experimentruns/set_01/teacher_autoencoder/diagnosis.md")
    assert (failed / "diagnosis.md").exists()
    assert "Nothing to be done" in caller.call("experimentruns/set_03/teacher_autoencoder/diagnosis.md")
    time.sleep(1.1)
    (healthy / "slurm.err").write_text("Stage 'autoencoder' complete\n")
    again = rules_run(caller.call("experimentruns/set_03/teacher_autoencoder/diagnosis.md"))
    assert again == {"collect_one", "analyze_one", "report_one"}, "a file of its own has changed"
    said = caller.call("experimentruns/set_01/teacher_autoencodr/diagnosis.md", status=1)
    assert 'there is no run "set_01/teacher_autoencodr"' in said and "Traceback" not in said
    assert 'did you mean "set_01/teacher_autoencoder"?' in said


@pytest.mark.slow
def test_a_wrong_setting_is_one_sentence(caller: Caller) -> None:
    answers = {
        "experiment_rot=x": 'unknown key "experiment_rot" with the value "x" (did you mean "experiment_root"?)',
        "runs_per_job=many": 'runs_per_job is "many", but it must be a whole number of at least 1',
        "project=kdgat": 'project is "kdgat", but there is no such profile',
        "experiment_root=experimentrun": 'does not exist (did you mean "experimentruns"?)',
    }
    for setting, sentence in answers.items():
        said = caller.call("diagnose_all", "--config", setting, status=1).strip()
        assert said.startswith("PostmortemError:\npostmortem: config: ") and sentence in said
        assert said.count("\n") == 1, "a sentence, and neither a traceback nor lines of the Snakefile"


@pytest.mark.slow
def test_nothing_to_do_is_said_and_is_no_failure(caller: Caller) -> None:
    shutil.rmtree(caller.run("set_01"))
    shutil.rmtree(caller.run("set_02"))
    assert "postmortem: nothing to do: none of 2 runs has failed" in caller.call("diagnose_all")


@pytest.mark.slow
def test_as_a_module_of_another_workflow(caller: Caller) -> None:
    consumer = caller.project / "Snakefile"
    consumer.write_text(
        "rule all:\n    output: 'done.txt'\n    shell: 'touch {output}'\n\n"
        f"module postmortem:\n    snakefile: {str(REPOSITORY / 'Snakefile')!r}\n"
        "    config: {'sacct': 'off'}\n\nuse rule * from postmortem as postmortem_*\n"
    )
    caller.call("--config", "own=1", snakefile=consumer)
    assert (caller.project / "done.txt").exists() and not (caller.project / "experimentruns/diagnoses.md").exists()
    caller.call("postmortem_diagnose_all", "--config", "own=1", snakefile=consumer)
    assert (caller.run("set_01/teacher_autoencoder") / "diagnosis.md").exists()
    shutil.rmtree(caller.project / "experimentruns")
    os.remove(caller.project / "done.txt")
    caller.call("--config", "own=1", snakefile=consumer)
    assert (caller.project / "done.txt").exists(), "a project without runs does not stop the pipeline"


def test_a_run_stays_in_its_batch_when_others_fail() -> None:
    known = [f"set_{number:02d}/run" for number in range(40)]
    alone = {batch.name for batch in batches.deal(known[:1], len(known), 4) if known[0] in batch.run_ids}
    all_of_them = {batch.name for batch in batches.deal(known, len(known), 4) if known[0] in batch.run_ids}
    assert alone == all_of_them


def test_batches_hold_every_run_once_and_the_pipeline_alone() -> None:
    known = [f"set_{number:02d}/run" for number in range(40)]
    dealt = batches.deal([*known, "(workflow)"], len(known), 8)
    assert sorted(run_id for batch in dealt for run_id in batch.run_ids) == sorted([*known, "(workflow)"])
    assert next(batch for batch in dealt if batch.name == "workflow").run_ids == ["(workflow)"]
    assert len(dealt) == 9 and max(len(batch.run_ids) for batch in dealt) < 16
