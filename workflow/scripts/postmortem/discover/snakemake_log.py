"""Snakemake's logs and console captures, versions 5 to 9: what became of each job, and what stopped the workflow.

In: the text of a log. Out: a SnakemakeLog. Wildcards stand only in a job's first block, its failure in a later one, so
blocks are joined by job id; a log embedded by --show-failed-logs repeats a failure, which must not count twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..facts import SnakemakeJob
from . import snakemake_log_lines as syntax

STARTED, SUBMITTED, FINISHED, FAILED, RESTARTED = "started", "submitted", "finished", "failed", "restarted"


@dataclass
class WorkflowProblem:
    """An error of the workflow itself: Snakemake stopped, and not because the program of a job failed.

    job: the job that was about to start, if there was one; it has the state failed.
    """

    type: str  # "MissingInputException", "LockException" …
    line: int
    text: str  # the first lines of it
    rule: str = ""
    job: SnakemakeJob | None = None


@dataclass
class SnakemakeLog:
    """What one log says. started: ISO 8601, from the header or the first time stamp."""

    path: str
    started: str = ""
    jobs: list[SnakemakeJob] = field(default_factory=list)
    problems: list[WorkflowProblem] = field(default_factory=list)
    snakefile: str = ""  # only Snakemake 9 says it
    succeeded: bool = False  # all jobs done, or nothing to be done

    @property
    def failed(self) -> bool:
        """A job failed for good, or the workflow itself stopped."""
        return bool(self.problems) or any(job.state == FAILED for job in self.jobs)


_JOB_FAILED_SOMEWHERE = "At least one job did not complete successfully"
_MESSAGE_LINES = 40
_IN_A_HANDLER = ", in __onstart"  # before any job, so that there is none whose failure would be said again
_PROBLEM_LINES = 12  # a problem's own text is short; what follows is a traceback or a list of files
_IN_A_JOB = ("CalledProcessError", "MissingOutputException", "ClusterJobException", "SpawnedJobError")


def parse(text: str, path: str) -> SnakemakeLog:
    """Read a log. path: as the facts shall name it. Never fails: what is not understood is skipped."""
    return _Parser(text, path).parse()


class _Parser:
    """Goes through the lines once; jobs are found again by their id, which a later job may reuse after a restart."""

    def __init__(self, text: str, path: str) -> None:
        self.lines = text.splitlines()
        self.log = SnakemakeLog(path)
        self.by_id: dict[str, SnakemakeJob] = {}
        self.groups: list[list[SnakemakeJob]] = []  # announced, not submitted yet: a group has an id of its own
        self.at = 0
        self.time = ""

    def parse(self) -> SnakemakeLog:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if line[:1] in ("[", " ", ""):
                self._indented(line)
            elif line[0] in "rlcgJSRFTEWAN0123456789" or line[0].isupper():
                self._plain(line)
        if any(job.state == FAILED for job in self.log.jobs):
            self.log.problems.clear()  # they only say again that a job failed
        for problem in self.log.problems:
            self._stop_job(problem)
        return self.log

    def _stop_job(self, problem: WorkflowProblem) -> None:
        """The rule of a job could not be filled in: the job was announced, but never ran."""
        for job in reversed(self.log.jobs):
            if problem.rule and job.rule == problem.rule and job.state == STARTED:
                job.message, job.error_line = problem.text, problem.line
                job.state, job.ended = FAILED, job.time
                problem.job = job
                return

    def _indented(self, line: str) -> None:
        if match := syntax.TIME.search(line[:40]):
            self.time = syntax.iso(match[1])
            self.log.started = self.log.started or self.time
            line = line[match.end() :].strip() if match.end() < len(line) else ""
            if line:  # Snakemake 9 prints "[time] Group job …" in one line
                self._plain(line)
        elif match := syntax.JOB.match(line):
            self._job(match)
        elif match := syntax.ERROR.match(line):
            self._error(match[1])
        elif match := syntax.HEADER_DATE.match(line):
            self.log.started = self.log.started or match[1].replace(" ", "T")
        elif match := syntax.HEADER_SNAKEFILE.match(line):
            self.log.snakefile = self.log.snakefile or match[1]
        elif syntax.EMBEDDED.match(line):
            self.at = syntax.after_embedded(self.lines, self.at)

    def _plain(self, line: str) -> None:
        if match := syntax.JOB.match(line):
            self._job(match)
        elif match := syntax.ERROR.match(line):
            self._error(match[1])
        elif match := syntax.JOB_WITH_MESSAGE.match(line):
            self._start(SnakemakeJob(self.log.path, jobid=match[1], message=match[2]))
        elif match := syntax.SUBMITTED.match(line) or syntax.RESUMED.match(line):
            self._submitted(match[1], match[2])
        elif match := syntax.SUBMITTED_SLURM.match(line):
            self._submitted(match[1], match[2], match[3])
        elif match := syntax.SUBMITTED_ARRAY.match(line):
            for task, jobid in enumerate(match[1].split(","), start=int(match[3])):
                self._submitted(jobid, f"{match[2]}_{task}")
        elif syntax.REFUSED.match(line):
            self._refused(line)
        elif match := syntax.FINISHED.match(line):
            self._end(self.by_id.get(match[1]), FINISHED)
        elif match := syntax.RESTART.match(line):
            if job := self.by_id.pop(match[1], None):
                job.state = RESTARTED
        elif syntax.EMBEDDED.match(line):
            self.at = syntax.after_embedded(self.lines, self.at)
        elif syntax.GROUP.match(line):
            self.groups.append([])
        elif syntax.GROUP_ERROR.match(line):
            self._group_error()
        elif match := syntax.ALL_DONE.match(line):
            self.log.succeeded = match[1] == match[2]
        elif match := syntax.MISSING_OUTPUT.match(line):
            self._missing_output(match[1] or "")
        elif match := syntax.PROBLEM.match(line):
            self._problem(match)

    def _job(self, match: re.Match[str]) -> None:
        first_line = self.at
        items, _ = self._items()
        job = SnakemakeJob(
            self.log.path,
            rule=match[2],
            jobid=items.get("jobid", ""),
            wildcards=syntax.wildcards(items.get("wildcards", "")),
            outputs=syntax.files(items.get("output", "")),
            logs=syntax.files(items.get("log", "")),
            first_line=first_line,
        )
        if self.groups and match[1]:
            self.groups[-1].append(job)
        self._start(job)

    def _start(self, job: SnakemakeJob) -> None:
        job.first_line = job.first_line or self.at
        job.time = self.time
        known = self.by_id.get(job.jobid)
        if known and known.rule == job.rule and known.outputs == job.outputs and known.state in (STARTED, SUBMITTED):
            return  # the same job, announced again by the Snakemake inside the cluster job
        self.by_id[job.jobid] = job
        self.log.jobs.append(job)

    def _submitted(self, jobid: str, external_jobid: str, job_log: str | None = None) -> None:
        known = [self.by_id[jobid]] if jobid in self.by_id else []
        for job in known or (self.groups.pop(0) if self.groups else []):
            job.external_jobid = external_jobid
            job.state = SUBMITTED
            if job_log:
                job.logs.append(job_log)

    def _refused(self, line: str) -> None:
        """sbatch said no: the job that was announced last and not submitted yet, for jobs are submitted in order."""
        for job in reversed(self.log.jobs):
            if job.state == STARTED:
                job.error_line, job.message = self.at, line.strip()
                self._end(job, FAILED)
                return
        self._add_problem("SubmissionError", line)

    def _error(self, rule: str) -> None:
        error_line = self.at
        items, shell = self._items()
        if "message" in items and "jobid" not in items:
            shell = self._after_message(items)
        outputs = syntax.files(items.get("output", ""))
        job = self._find(rule, items.get("jobid", ""), outputs)
        if job is None:
            job = SnakemakeJob(self.log.path, rule=rule, jobid=items.get("jobid", ""), first_line=error_line)
            job.time = self.time
            self.by_id[job.jobid] = job
            self.log.jobs.append(job)
        elif job.state == FAILED:
            return  # told again: embedded, or by the Snakemake inside the cluster job
        job.outputs = job.outputs or outputs
        job.logs += [file for file in syntax.files(items.get("log", "")) if file not in job.logs]
        job.external_jobid = items.get("external_jobid") or items.get("cluster_jobid") or job.external_jobid
        if items.get("message", "None") != "None":
            job.message = items["message"]
        job.error_line, job.shell, job.exit_text = error_line, *shell
        self._end(job, FAILED)

    def _after_message(self, items: dict[str, str]) -> tuple[str, str]:
        """A message of several lines, such as what sbatch said: the items go on at the job's id."""
        for at in range(self.at, min(self.at + _MESSAGE_LINES, len(self.lines))):
            line = self.lines[at]
            if line.startswith("    jobid: "):
                items["message"] = "\n".join([items["message"], *self.lines[self.at : at]])
                self.at = at
                more, shell = self._items()
                items.update(more)
                return shell
            if syntax.ERROR.match(line) or syntax.TIME.search(line[:40]):
                break
        return "", ""

    def _find(self, rule: str, jobid: str, outputs: list[str]) -> SnakemakeJob | None:
        job = self.by_id.get(jobid)
        if job and job.rule in (rule, ""):
            job.rule = rule
            return job
        same = [job for job in self.log.jobs if job.rule == rule and outputs and job.outputs == outputs]
        return same[-1] if same else None

    def _group_error(self) -> None:
        """The jobs of a failed group are listed by rule, id, output and log; which of them failed is not told."""
        while self.at < len(self.lines) and self.lines[self.at].startswith("    "):
            match = syntax.JOB.match(self.lines[self.at])
            self.at += 1
            if match:
                items, _ = self._items()
                job = self._find(match[2], items.get("jobid", ""), syntax.files(items.get("output", "")))
                if job and job.state in (STARTED, SUBMITTED):
                    job.error_line = self.at
                    self._end(job, FAILED)

    def _missing_output(self, rule: str) -> None:
        """The next line names the job; versions before 7 name none, there it is the newest that has not ended."""
        text = " ".join(self.lines[self.at : self.at + 1])
        named = re.match(r"Job (\d+)\s+completed", text)
        for job in reversed(self.log.jobs):
            if named and job.jobid != named[1]:
                continue
            if job.state in (STARTED, SUBMITTED) and rule in ("", job.rule):
                job.error_line, job.message = self.at, " ".join(self.lines[self.at - 1 : self.at + 3])
                self._end(job, FAILED)
                return

    def _problem(self, match: re.Match[str]) -> None:
        text = "\n".join(self.lines[self.at - 1 : self.at - 1 + _PROBLEM_LINES])
        if _JOB_FAILED_SOMEWHERE in text:
            return
        if any(word in text for word in _IN_A_JOB) and _IN_A_HANDLER not in text:
            return
        kind = match["type"] or ("LockException" if "locked" in match["said"] else "MissingSnakefile")
        self._add_problem(kind, text, match["rule"] or "")

    def _add_problem(self, kind: str, text: str, rule: str = "") -> None:
        self.log.problems.append(WorkflowProblem(kind, self.at, text, rule))

    def _end(self, job: SnakemakeJob | None, state: str) -> None:
        if job is not None:
            job.state, job.ended = state, self.time

    def _items(self) -> tuple[dict[str, str], tuple[str, str]]:
        """The "key: value" lines of the block that begins here, and of its shell command the text and the exit text."""
        items: dict[str, str] = {}
        shell: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if not syntax.continues_block(line):
                break
            self.at += 1
            if line.strip() == "shell:":
                end = syntax.after_shell(self.lines, self.at)
                shell = [said.strip() for said in self.lines[self.at : end]]
                self.at = end
            elif match := syntax.ITEM.match(line):
                items.setdefault(match[1], match[2])
        exit_text = shell.pop() if shell and shell[-1].startswith("(") else ""
        return items, ("\n".join(shell), exit_text)
