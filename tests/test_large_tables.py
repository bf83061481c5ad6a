"""Large tables, of which pandas reads whole columns: the facts are those of reading row by row, in bounded memory."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from example_projects import REPOSITORY
from made_runs import make_run
from whole_chain import collected, failed

from postmortem.collect.files import metrics_csv
from postmortem.collect.files.metrics_csv import read_metrics_csv
from postmortem.collect.files.series import MOST_POINTS, Series
from postmortem.discover import sacct
from postmortem.facts import PARTIAL, Curve, Source

HEADER = "epoch,lr,step,train_loss,val_loss\n"


def metrics(rows: int, cell: Callable[[int], str] = lambda row: f"{random.Random(row).random()}") -> str:
    return HEADER + "".join(
        f"{row // 50},0.001,{row},{cell(row)},{'' if row % 50 else f'{1 / (row + 1)}'}\n" for row in range(rows)
    )


def both_ways(folder: Path, text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> list[list[Curve]]:
    """The curves by rows, and by columns in small blocks."""
    path = folder / "metrics.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    monkeypatch.setattr(metrics_csv, "BLOCK_BYTES", 10_000)
    found = []
    for limit in (1 << 60, 0):
        monkeypatch.setattr(metrics_csv, "LARGEST_BY_ROW", limit)
        found.append(read_metrics_csv(path, folder))
    return found


def alike(one: Any, other: Any) -> bool:
    """Equal, but for the last digits of a float, which pandas before 3.1 does not get right."""
    if isinstance(one, Curve):
        one, other = [*vars(one).items()], [*vars(other).items()]
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(alike(*pair) for pair in zip(one, other, strict=True))
    return one == other or (isinstance(one, float) and math.isclose(one, other, rel_tol=1e-12))


TABLES: dict[str, str | bytes] = {
    "plain": metrics(3000),
    "nan and infinities": metrics(3000, lambda row: {1500: "nan", 1501: "inf", 2000: "-inf"}.get(row, "0.5")),
    "nan from a block's end on": metrics(3000, lambda row: "NaN" if row > 300 else "0.25"),
    "the header again": metrics(1000) + metrics(1000),
    "torn rows and blank lines": metrics(500) + "7,0.001\n\n,,,\n" + metrics(500)[len(HEADER) :] + "9,0.001,77,0",
    "rows that are too long": metrics(500) + "10,0.001,501,0.5,0.4,1,2,3\n" + metrics(20)[len(HEADER) :],
    "text": metrics(1000, lambda row: "True" if row % 3 else "no number"),
    "spaces and signs": metrics(1000, lambda row: f" {'+' if row % 2 else '-'}{row}.5e-3 "),
    "whole numbers": metrics(1000, lambda row: str(10**18 + row)),
    "quotes over line ends": metrics(200) + '3,0.001,200,"0.5\n",\n' + metrics(200)[len(HEADER) :],
    "line ends of Windows": metrics(1000).replace("\n", "\r\n"),
    "lone carriage returns": metrics(300).replace("\n", "\r") + "\n" + metrics(300),
    "bytes": metrics(300).encode() + b"\xff\xfe\x00,\x0b,1,2,3\n" * 9 + metrics(300).encode(),
    "without steps": "a,b\n" + "".join(f"{row},{row % 7}\n" for row in range(3000)),
    "one name twice": "step,a,a\n" + "".join(f"{row},{row},{-row}\n" for row in range(3000)),
    "no header": "\n" * 5000,
    "empty": "",
}


@pytest.mark.parametrize("name", TABLES)
def test_by_columns_as_by_rows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_rows, by_columns = both_ways(tmp_path, TABLES[name], monkeypatch)
    assert alike(by_rows, by_columns)
    assert name in ("no header", "empty") or any(curve.count > 200 for curve in by_rows)


def test_the_lines_of_what_is_not_finite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = str(TABLES["nan and infinities"])
    curve = next(c for c in both_ways(tmp_path, text, monkeypatch)[1] if c.metric == "train_loss")
    assert (curve.first_nonfinite_step, curve.first_nonfinite_line) == (1500, 1502)
    assert curve.first_nonfinite_text == text.splitlines()[1501]
    assert (curve.last_line, curve.last_text) == (3001, text.splitlines()[-1])


def test_many_values_at_once_are_kept_as_one_by_one() -> None:
    source = random.Random(7)
    values = [source.choice([math.nan, math.inf, source.random()]) for _ in range(5000)]
    slow, quick = (Series(Source("x"), "loss") for _ in range(2))
    for i, value in enumerate(values):
        slow.add(float(i), value, i + 2, f"line {i + 2}")
    start = 0
    while start < len(values):
        end = start + source.choice([1, 2, 399, 400, 401, 1000])
        chunk = numpy.array(values[start:end])
        numbers = numpy.arange(start, start + len(chunk))
        quick.extend(numbers.astype(float), chunk, numbers + 2, lambda number: f"line {number}")
        start = end
    assert slow.finish() == quick.finish()
    assert len(quick.curve.points) <= MOST_POINTS + 1


def test_of_a_table_beyond_the_limit_the_first_part_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_csv, "LARGEST_CSV", 50_000)
    for curves in both_ways(tmp_path, metrics(5000), monkeypatch):
        curve = next(c for c in curves if c.metric == "train_loss")
        assert curve.source.state == PARTIAL and 500 < curve.count < 1500
        assert curve.last_text.count(",") == 4, "no line that was cut"


# --- accounting ----------------------------------------------------------------------------------------------------

COLUMNS = "JobID|JobName|State|ExitCode|Submit|Start|End|WorkDir|SubmitLine"


def accounting(root: Path, *, here: str, others: int = 400) -> str:
    """A site's table: jobs of others, each with steps, and five of ours among them, one of them requeued."""
    lines = ["sacct: warning of the site", COLUMNS]
    for number in range(others):
        folder = f"/fs/other/{number % 7}"
        lines += [f"{number}|a|COMPLETED|0:0|s|s|e|{folder}|sbatch 'x", f"{number}.batch|batch|COMPLETED|0:0|s|s|e||"]
        if number % 100 == 7:
            job = 10_000 + number
            lines += [f"{job}|b|REQUEUED|0:0|s1|s|e|{here}|", f"{job}.batch|batch|CANCELLED|0:15|s|s|e||"]
            lines += [f"{job}|b|FAILED|1:0|s2|s|e|{here}|sbatch", f" {job}.0 |x|FAILED|1:0|s|s|e|||", "torn|x"]
            lines += [f"{job}_1|c|FAILED|1:0|s3|s|e||", ""]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("here", ["root", "/fs/moved", ""])
def test_of_a_large_table_only_the_projects_jobs_become_records(
    here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from postmortem.discover.scheduler_records import _of_this_project

    path = tmp_path / "sacct.txt"
    path.write_text(accounting(tmp_path, here=str(tmp_path) if here == "root" else here))
    known = {"10107": "set_01/run"} if here == "/fs/moved" else {}
    found = []
    for limit in (1 << 60, 0):
        monkeypatch.setattr(sacct, "LARGEST_BY_LINE", limit)
        found.append(sacct.read_table(path, "sacct.txt", tmp_path, known))
    by_line, by_columns = ([*_of_this_project(accounting.jobs, tmp_path, known)] for accounting in found)
    assert by_line == by_columns
    assert len(by_line) == (12 if here else 412)
    if here:
        assert len(found[0].jobs) == 412 and len(found[1].jobs) == 12
        job = by_columns[1]
        assert (job.id, job.state, job.steps[0].id, job.steps[0].state) == ("10007", "FAILED", "10007.0", "FAILED")
        assert path.read_text().splitlines()[(job.line or 0) - 1] == job.raw


@pytest.mark.parametrize(
    ("text", "problem"),
    [("State|ExitCode\n", "no header line"), ("JobID|State\n7|FAILED\n", "lacks the column ExitCode"), ("", "header")],
)
def test_a_large_table_without_the_needed_columns(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sacct, "LARGEST_BY_LINE", -1)
    (tmp_path / "sacct.txt").write_text(text)
    assert problem in sacct.read_table(tmp_path / "sacct.txt", "sacct.txt", tmp_path, []).problem


def test_a_large_table_with_three_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sacct, "LARGEST_BY_LINE", 0)
    (tmp_path / "sacct.txt").write_text("JobID|State|ExitCode|\n7|TIMEOUT|0:0|\n8|FAILED|1:0|\n")
    assert [job.id for job in sacct.read_table(tmp_path / "sacct.txt", "t", tmp_path, []).jobs] == ["7", "8"]


def test_a_run_finds_its_job_in_a_sites_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = "set_01/teacher_autoencoder"
    failed(make_run(tmp_path, run, stderr="ValueError: x\n"))
    text = accounting(tmp_path, here=str(tmp_path)).replace("|b|", "|smk-teacher_autoencoder-dataset=set_01|")
    (tmp_path / "sacct.txt").write_text(text)
    jobs = []
    for limit in (1 << 60, 0):
        monkeypatch.setattr(sacct, "LARGEST_BY_LINE", limit)
        jobs.append(collected(tmp_path, run, str(tmp_path / "sacct.txt")).slurm_jobs)
    assert jobs[0] == jobs[1] and jobs[0]


# --- what it costs -------------------------------------------------------------------------------------------------

_MEASURED = """
import sys, time
sys.path.insert(0, {package!r})
from pathlib import Path
from postmortem.collect.files import metrics_csv
from postmortem.discover import sacct
if {by_line}:
    metrics_csv.LARGEST_BY_ROW = sacct.LARGEST_BY_LINE = 1 << 60
start = time.process_time()
{work}
spent = time.process_time() - start
print(spent, Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
_CURVES = "metrics_csv.read_metrics_csv(Path({path!r}), Path('/'))"
_JOBS = "sacct.read_table(Path({path!r}), 'sacct.txt', Path({root!r}), [])"


def cost(work: str, *, by_line: bool, **names: Any) -> tuple[float, int]:
    """CPU seconds and peak kB of reading a file in a process of its own, the import of pandas included."""
    code = _MEASURED.format(package=str(REPOSITORY / "workflow/scripts"), by_line=by_line, work=work.format(**names))
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return float(said[0]), int(said[1])


@pytest.mark.slow
def test_large_curves_take_less_than_half_the_time_and_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    with path.open("w") as stream:
        stream.write(HEADER)
        stream.writelines(f"{row // 50},0.001,{row},{row * 7919 % 10**6 / 10**6},\n" for row in range(1_000_000))
    rows, columns = (cost(_CURVES, by_line=by_line, path=str(path)) for by_line in (True, False))
    print(f"{path.stat().st_size >> 20} MB: by rows {rows}, by columns {columns}")
    assert columns[0] < 0.5 * rows[0]
    assert columns[1] < 200 * 1024, f"{columns[1]} kB"
    path.unlink()


@pytest.mark.slow
def test_a_sites_accounting_takes_less_than_half_the_time_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "sacct.txt"
    row = "{0}|job_{0}|FAILED|1:0|2026-01-01T10:00:00|2026-01-01T10:00:00|2026-01-01T10:00:00|{1}|sbatch run.sh\n"
    with path.open("w") as stream:
        stream.write(COLUMNS + "\n")
        for job in range(100_000):
            stream.write(row.format(job, f"/fs/{job % 900}" if job % 999 else tmp_path))
            stream.write(f"{job}.batch|batch|FAILED|1:0|||||\n" + f"{job}.extern|extern|COMPLETED|0:0|||||\n")
    lines, columns = (cost(_JOBS, by_line=by_line, path=str(path), root=str(tmp_path)) for by_line in (True, False))
    print(f"{path.stat().st_size >> 20} MB: by lines {lines}, by columns {columns}")
    assert columns[0] < 0.6 * lines[0] and columns[1] < 0.5 * lines[1]
    path.unlink()
