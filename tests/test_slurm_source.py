"""Accounting: saved tables of any shape, and live calls that are bounded and forgiving."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from postmortem.discover import sacct as accounting

HEADER = "JobID|JobName|State|ExitCode|Reason|Submit|Start|End|Elapsed|WorkDir"


def table(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def test_the_three_columns_are_enough() -> None:
    (job,) = accounting.parse_table("JobID|State|ExitCode\n7|TIMEOUT|0:0\n", "t").jobs
    assert (job.id, job.state, job.exit_code, job.start, job.line) == ("7", "TIMEOUT", "0:0", "", 2)


def test_columns_in_any_order_and_a_bar_at_the_end() -> None:
    (job,) = accounting.parse_table("State|ExitCode|JobID|\nFAILED|1:0|7|\n", "t").jobs
    assert (job.id, job.state) == ("7", "FAILED")


@pytest.mark.parametrize("text", ["State|ExitCode\nFAILED|1:0\n", "JobID|State\n7|FAILED\n", ""])
def test_a_table_without_the_needed_columns_is_named(text: str) -> None:
    found = accounting.parse_table(text, "table.txt")
    assert not found.jobs and "table.txt" in found.problem


def test_lines_before_the_header_and_torn_rows_are_passed_over() -> None:
    found = accounting.parse_table("a warning of the site\n" + table("7|a|FAILED|1:0|None|t|t|t|00:01|/x", "8|b|"), "t")
    assert [(job.id, job.line) for job in found.jobs] == [("7", 3)]


def test_steps_belong_to_the_job_above_them() -> None:
    rows = [
        "7|a|FAILED|1:0|None|s|2026-01-01T10:00:00|2026-01-01T10:00:30|00:00:30|/x",
        "7.batch|batch|FAILED|1:0||||||",
        "7.0|python|OUT_OF_MEMORY|0:125||||||",
        "8|b|COMPLETED|0:0|None|s|s|s|00:00:01|/x",
        "8.batch|batch|COMPLETED|0:0||||||",
    ]
    first, second = accounting.parse_table(table(*rows), "t").jobs
    assert [(step.id, step.state) for step in first.steps] == [("7.batch", "FAILED"), ("7.0", "OUT_OF_MEMORY")]
    assert [step.id for step in second.steps] == ["8.batch"]


def test_a_requeued_job_has_two_records_and_each_its_steps() -> None:
    rows = [
        "7|a|REQUEUED|0:0|None|s|s|s|00:00:05|/x",
        "7.batch|batch|CANCELLED|0:15||||||",
        "7|a|RUNNING|0:0|None|s|s|Unknown|00:00:02|/x",
        "7.batch|batch|RUNNING|0:0||||||",
    ]
    first, second = accounting.parse_table(table(*rows), "t").jobs
    assert (first.state, first.steps[0].state) == ("REQUEUED", "CANCELLED")
    assert (second.state, second.end, second.steps[0].state) == ("RUNNING", "", "RUNNING")


def test_who_cancelled_stays_in_the_text() -> None:
    (job,) = accounting.parse_table(table("7|a|CANCELLED by 1001|0:0|None|s|s|s|00:01|/x"), "t").jobs
    assert (job.state, job.state_text) == ("CANCELLED", "CANCELLED by 1001")


def test_a_state_cut_by_the_column_s_width() -> None:
    (job,) = accounting.parse_table("JobID|State|ExitCode\n7|OUT_OF_ME+|0:125\n", "t").jobs
    assert job.state == "OUT_OF_MEMORY"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("84", 84), ("01:24", 84), ("06:00:00", 21600), ("1-02:00:00", 93600), ("", None), ("INVALID", None)],
)
def test_elapsed_in_all_its_forms(text: str, seconds: int | None) -> None:
    (job,) = accounting.parse_table(f"JobID|State|ExitCode|Elapsed\n7|FAILED|1:0|{text}\n", "t").jobs
    assert job.elapsed_seconds == seconds


@pytest.mark.parametrize("job_id", ["12", "12_3", "12.batch", "12_3.0", "12+1", "12+1.extern"])
def test_the_id_without_step_task_and_component(job_id: str) -> None:
    assert accounting.base_id(job_id) == "12"


@pytest.fixture
def sacct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An sacct to be written by the test, in a PATH without the machine's own one."""
    program = tmp_path / "bin" / "sacct"
    program.parent.mkdir()
    for name in ("cat", "sleep"):
        (program.parent / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def install(program: Path, body: str) -> None:
    program.write_text(f"#!/bin/bash\n{body}\n")
    program.chmod(0o755)


def test_without_sacct_it_says_so(sacct: Path, tmp_path: Path) -> None:
    assert "not on this machine" in accounting.live(["7"], tmp_path).problem


def test_asked_by_id_and_by_folder(sacct: Path, tmp_path: Path) -> None:
    rows = [
        "7|a|FAILED|1:0|None|s|s|s|1|/elsewhere",
        f"8|b|FAILED|1:0|None|s|s|s|1|{tmp_path}",
        "9|c|FAILED|1:0|None|s|s|s|1|/elsewhere",
    ]
    install(sacct, f"cat <<'END'\n{table(*rows)}END")
    assert sorted(job.id for job in accounting.live(["7"], tmp_path).jobs) == ["7", "8"]


def test_an_older_sacct_is_asked_again_without_the_field_it_lacks(sacct: Path, tmp_path: Path) -> None:
    install(
        sacct,
        'case "$*" in *SubmitLine*) echo \'sacct: error: Invalid field requested: "SubmitLine"\' >&2; exit 1;; esac\n'
        "echo 'JobID|State|ExitCode'; echo '7|TIMEOUT|0:0'",
    )
    found = accounting.live(["7"], tmp_path)
    assert [job.state for job in found.jobs] == ["TIMEOUT"] and not found.problem


def test_a_hanging_sacct_is_left_alone(sacct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounting, "TIMEOUT_SECONDS", 0.2)
    install(sacct, "exec sleep 20")
    assert "no answer within" in accounting.live(["7"], tmp_path).problem


def test_what_sacct_complains_of_is_passed_on(sacct: Path, tmp_path: Path) -> None:
    install(sacct, "echo 'sacct: error: Problem talking to the database' >&2; exit 1")
    assert "Problem talking to the database" in accounting.live(["7"], tmp_path).problem
