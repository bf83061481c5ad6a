"""SLURM's accounting: saved tables of `sacct -P`, or a live call of it.

In: a table with a header line, of any columns that have JobID, State and ExitCode; or job ids. Out: SlurmJob records in
the order of the table, each with its steps. A requeued job has several records of the same id.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from ..facts import SlurmJob, SlurmStep
from ..files import open_file, read_text
from ..paths import same_folder
from . import sacct_table, scontrol

REQUIRED = ("JobID", "State", "ExitCode")
FIELDS = (
    "JobID,JobIDRaw,JobName,User,Account,Partition,State,ExitCode,DerivedExitCode,Reason,Submit,Eligible,Start,End,Elapsed,"
    "ElapsedRaw,Timelimit,ReqCPUS,ReqMem,AllocTRES,MaxRSS,MaxVMSize,NNodes,NodeList,WorkDir,SubmitLine"
)
LONGEST_ID = 2000  # characters; an array that waits lists its tasks in its id
LARGEST_BY_LINE = 8 * 2**20  # bytes of a table; up to there row by row takes less than the import of pandas
TIMEOUT_SECONDS = 5  # a loaded slurmdbd answers within a second or hangs for minutes
UNNAMED = "allocation"  # for some seconds sacct calls a job so that ended soon, and does not know its folder either
WAIT_SECONDS = 1.0  # for sacct to record an end that the controller knows
HISTORY = "now-14days"  # jobs whose id no log tells are found by name and folder among those that ended lately

PENDING = {"PENDING", "CONFIGURING", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
RUNNING = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "STAGE_OUT", "SIGNALING", "RESIZING"}
GOOD = {"COMPLETED"}
NEVER_STARTS = re.compile(r"DependencyNeverSatisfied|JobHeld(?:User|Admin)|held|BadConstraints|PartitionTimeLimit")
"""Reasons for which a pending job stays pending until somebody acts."""


@dataclass
class Accounting:
    """Records of jobs, and what kept sacct from being read, in words."""

    jobs: list[SlurmJob] = field(default_factory=list)
    problem: str = ""


def read_table(path: Path, source: str, root: Path, job_ids: Collection[str]) -> Accounting:
    """Read a saved table. source: as the facts shall name it.

    Of a large one, which is a whole site's, only the jobs that can be of the project in `root`, some of whose jobs have
    these ids.
    """
    try:
        if path.stat().st_size > LARGEST_BY_LINE:
            return _of_large_table(path, source, root, job_ids)
        return parse_table(read_text(path), source)
    except OSError as error:
        return Accounting(problem=f"{source} cannot be read ({error.strerror})")


def parse_table(text: str, source: str) -> Accounting:
    """Read the output of `sacct -P` (or -p). Rows that do not fit the header are skipped."""
    lines = text.splitlines()
    header = _header(enumerate(lines, start=1), source)
    if header.problem:
        return Accounting(problem=header.problem)
    return Accounting(_records(header, enumerate(lines[header.line :], start=header.line + 1), source))


@dataclass
class _Header:
    """The line with the columns' names, or what is wrong with it."""

    line: int = 0
    delimiter: str = "|"
    columns: list[str] = field(default_factory=list)
    problem: str = ""


def _header(lines: Iterable[tuple[int, str]], source: str) -> _Header:
    number, line = next(((number, line) for number, line in lines if "JobID" in line), (0, ""))
    if not number:
        return _Header(problem=f"{source} has no header line with JobID")
    delimiter = next((mark for mark in "|;,\t" if mark in line), "|")
    columns = [name.strip() for name in line.strip().rstrip(delimiter).split(delimiter)]
    missing = [name for name in REQUIRED if name not in columns]
    problem = f"{source} lacks the column {' and '.join(missing)}" if missing else ""
    return _Header(number, delimiter, columns, problem)


def _records(header: _Header, rows: Iterable[tuple[int, str]], source: str) -> list[SlurmJob]:
    """Jobs with their steps, of rows with their line numbers."""
    jobs: list[SlurmJob] = []
    last: dict[str, SlurmJob] = {}
    for number, row in rows:
        values = row.split(header.delimiter)
        if len(values) < len(header.columns) or not 0 < len(values[0].strip()) <= LONGEST_ID:
            continue
        fields = dict(zip(header.columns, (value.strip() for value in values), strict=False))
        job_id, dot, _ = fields["JobID"].partition(".")
        if not dot:
            jobs.append(_job(fields, source, number, row))
            last[job_id] = jobs[-1]
        elif job_id in last:  # a requeued job's steps follow their record
            last[job_id].steps.append(_step(fields, number, row))
    return jobs


def _lines(path: Path) -> TextIO:
    return TextIOWrapper(open_file(path), encoding="utf-8", errors="replace")


def _of_large_table(path: Path, source: str, root: Path, job_ids: Collection[str]) -> Accounting:
    with _lines(path) as lines:
        header = _header(enumerate(lines, start=1), source)
    if header.problem:
        return Accounting(problem=header.problem)
    wanted = sacct_table.rows_of_project(path, header.line, header.delimiter, header.columns, root, job_ids)
    with _lines(path) as lines:
        rows = (
            (number, line.rstrip("\n"))
            for number, line in enumerate(lines, start=1)
            if number > header.line and (wanted is None or number in wanted)
        )
        return Accounting(_records(header, rows, source))


def live(job_ids: Collection[str], work_dir: Path) -> Accounting:
    """Ask sacct about those jobs, and about all that were started in that folder lately.

    Two bounded calls, since `-S` does not list jobs that wait for a dependency and `-j` does not find unknown ids.
    What sacct does not say, because it is not there or has not heard of a job's end yet, the controller may know.
    """
    job_ids = {*job_ids, *scontrol.known_in(work_dir)}
    if not shutil.which("sacct"):
        return Accounting(scontrol.show(_newest(job_ids)), "sacct: not on this machine")
    wanted = {base_id(job_id) for job_id in job_ids}
    found, problems = [], []
    calls = [["-S", HISTORY]]
    if job_ids:
        calls.insert(0, ["-j", ",".join(sorted(job_ids))])
    for arguments in calls:
        answer = _call(arguments)
        problems += [answer.problem] if answer.problem else []
        found += [job for job in answer.jobs if base_id(job.id) in wanted or same_folder(job.work_dir, work_dir)]
    return Accounting(_unique(_with_latest(found, job_ids)), "; ".join(dict.fromkeys(problems)))


def _with_latest(jobs: list[SlurmJob], job_ids: Collection[str]) -> list[SlurmJob]:
    """With what the controller knows better: sacct hears of an end, or of a job that waits again, some seconds late.

    Of an end only after a short wait, for sacct says more: the steps, and who cancelled a job.
    """
    last = {base_id(job.id): job for job in sorted(jobs, key=lambda job: job.submit)}
    settled = {base for base, job in last.items() if _is_told(job)}
    settled -= {base_id(job.id) for job in jobs if not _ended(job)}  # of an array some tasks may have ended
    shown = scontrol.show(_newest(job_id for job_id in job_ids if base_id(job_id) not in settled))
    known = {job.id for job in jobs if job.state != "REQUEUED"}
    # Of a job that waits sacct says "Dependency", the controller "DependencyNeverSatisfied".
    news = [job for job in shown if not _ended(job) and (job.id not in known or job.state in PENDING)]
    if ended := [job for job in shown if _ended(job)]:
        time.sleep(WAIT_SECONDS)
        late = _call(["-j", ",".join(job.id for job in ended)]).jobs
        told = {job.id for job in late if _is_told(job)}
        news += [job for job in late if job.id in told] + [job for job in ended if job.id not in told]
    renewed = {job.id for job in news}
    return [job for job in jobs if job.id not in renewed or (_ended(job) and job.name != UNNAMED)] + news


def _is_told(job: SlurmJob) -> bool:
    """Whether sacct has told all of the job's last attempt."""
    return _ended(job) and job.state != "REQUEUED" and job.name != UNNAMED


def _unique(jobs: list[SlurmJob]) -> list[SlurmJob]:
    return list({(job.id, job.submit, job.start, job.state): job for job in jobs}.values())


def _ended(job: SlurmJob) -> bool:
    return job.state not in PENDING | RUNNING


def _newest(job_ids: Iterable[str]) -> list[str]:
    return sorted(job_ids, key=lambda job_id: [int(part) for part in re.findall(r"\d{1,18}", job_id)], reverse=True)


def _call(arguments: list[str]) -> Accounting:
    fields = FIELDS.split(",")
    while True:
        command = ["sacct", "-D", "-P", "-o", ",".join(fields), *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return Accounting(problem=f"sacct: no answer within {TIMEOUT_SECONDS} s")
        except OSError as error:
            return Accounting(problem=f"sacct: cannot be started ({error.strerror})")
        refused = re.search(r'Invalid field requested: "?(\w+)', done.stderr)
        if refused and refused[1] in fields:  # an older sacct does not know every field
            fields.remove(refused[1])
            continue
        if done.returncode:
            said = " ".join(done.stderr.split())[:200]
            return Accounting(problem=f"sacct: exit status {done.returncode} ({said})")
        return parse_table(done.stdout, "sacct")


def base_id(job_id: str) -> str:
    """The id without step, component and task: "12_3.batch" and "12+0" are "12"."""
    return re.split(r"[._+]", job_id)[0]


def _job(fields: dict[str, str], source: str, line: int, raw: str) -> SlurmJob:
    get = fields.get
    state_text = fields["State"]
    return SlurmJob(
        id=fields["JobID"],
        state=_full_state(state_text.split()[0]) if state_text else "",
        state_text=state_text,
        exit_code=fields["ExitCode"],
        name=get("JobName", ""),
        reason=_known(get("Reason", "")),
        submit=_known(get("Submit", "")),
        start=_known(get("Start", "")),
        end=_known(get("End", "")),
        elapsed_seconds=_seconds(get("ElapsedRaw", "") or get("Elapsed", "")),
        time_limit=get("Timelimit", ""),
        requested_memory=get("ReqMem", ""),
        node=_known(get("NodeList", "")),
        user=get("User", ""),
        work_dir=get("WorkDir", ""),
        fields=fields,
        source=source,
        line=line,
        raw=raw,
    )


def _step(fields: dict[str, str], line: int, raw: str) -> SlurmStep:
    state = fields["State"]
    return SlurmStep(
        id=fields["JobID"],
        state=_full_state(state.split()[0]) if state else "",
        exit_code=fields["ExitCode"],
        max_rss=fields.get("MaxRSS", ""),
        elapsed=fields.get("Elapsed", ""),
        line=line,
        raw=raw,
    )


_STATES = ("OUT_OF_MEMORY", "CANCELLED", "NODE_FAIL", "COMPLETED", "PREEMPTED", "REQUEUED", "BOOT_FAIL", "DEADLINE")


def _full_state(word: str) -> str:
    """sacct without -P cuts "OUT_OF_MEMORY" to "OUT_OF_ME+"."""
    return next((state for state in _STATES if state.startswith(word[:-1])), word) if word.endswith("+") else word


def _known(value: str) -> str:
    return "" if value in ("Unknown", "None", "None assigned", "N/A") else value


def _seconds(elapsed: str) -> int | None:
    """Seconds of "84", "01:24", "6:00:00" or "1-02:00:00"."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(?:(\d+):)?(\d+)", elapsed)
    if not match:
        return None
    days, first, second, last = (int(part or 0) for part in match.groups())
    hours, minutes = (first, second) if match[3] else (0, first)
    return ((days * 24 + hours) * 60 + minutes) * 60 + last
