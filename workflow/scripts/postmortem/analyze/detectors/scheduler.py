"""What SLURM's accounting says of the run's last job: its state, its steps' states, its exit code.

The states are those of sacct's manual page, "JOB STATE CODES"; what each looks like was measured on a real SLURM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...facts import RunFacts, SlurmJob
from ..findings import FATAL, HINT, SYMPTOM, Evidence, Finding, Fix
from ..remedies.resources import longer_minutes, megabytes, more_megabytes, sbatch_time
from ..remedies.run_again import rerun
from ..remedies.shell import argument
from ..remedies.submission import Request, submit_again

# Whatever took the job away makes its programs complain; these are then consequences.
_OF_A_KILL = [
    "run.interrupted",
    "host.killed",
    "host.crash",
    "distributed.*",
    "slurm.cancelled",
    "workflow.missing_output",
    "workflow.incomplete",
    "tracking.service",
]
_SIGNALS = {
    "4": "SIGILL",
    "6": "SIGABRT",
    "7": "SIGBUS",
    "8": "SIGFPE",
    "9": "SIGKILL",
    "11": "SIGSEGV",
    "15": "SIGTERM",
}
_CRASHES = {"4", "6", "7", "8", "11"}
OUTPUT_UNWRITABLE = "0:53"  # slurmstepd's exit when it cannot open --output or --error


@dataclass
class _Meaning:
    id: str
    title: str
    words: str
    role: str = FATAL
    confidence: float = 0.88
    fix: list[Fix] = field(default_factory=list)
    prevention: list[str] = field(default_factory=list)


def detect(facts: RunFacts) -> list[Finding]:
    """The finding of the last record of the run's last job; none for a job that ended well or is still at work."""
    if not facts.slurm_jobs:
        return []
    job = facts.slurm_jobs[-1]
    meaning = _of_state(job, facts) or _of_exit_code(job)
    if meaning is None:
        return []
    finding = Finding(
        meaning.id,
        meaning.title,
        meaning.role,
        meaning.confidence,
        "sacct",
        meaning.words,
        _quotes(job),
        meaning.fix,
        meaning.prevention,
        ["https://slurm.schedmd.com/sacct.html"],
        _OF_A_KILL if meaning.role == FATAL else [],
    )
    finding.would_refute = "a record of sacct that says COMPLETED for the same job"
    return [finding]


def _quotes(job: SlurmJob) -> list[Evidence]:
    """The rows of the job and of its steps that did not end well, as they stand in the table."""
    rows = [
        Evidence(job.source, job.raw or f"{job.id}|{job.state_text or job.state}|{job.exit_code}", job.line, "slurm")
    ]
    for step in job.steps:
        if step.state not in ("COMPLETED", "") and step.raw:
            rows.append(
                Evidence(job.source, step.raw, step.line, "slurm", f"step {step.id}: {step.state} {step.exit_code}")
            )
    return rows


def _of_state(job: SlurmJob, facts: RunFacts) -> _Meaning | None:
    states = {job.state, *(step.state for step in job.steps)}
    codes = {job.exit_code, *(step.exit_code for step in job.steps), job.fields.get("DerivedExitCode", "")}
    if "OUT_OF_MEMORY" in states or "0:125" in codes:
        return _out_of_memory(job, facts)
    if job.state in ("TIMEOUT", "DEADLINE"):
        return _timeout(job, facts)
    if job.state in ("NODE_FAIL", "BOOT_FAIL"):
        return _Meaning(
            "host.node_failure",
            "the node failed",
            f"{_name(job)} was lost because its node {job.node or ''} went down ({job.state}).".replace("  ", " "),
            fix=[
                Fix(
                    "Submit it again, without that node: it was not the run's fault.",
                    submit_again(facts, request=Request(exclude=job.node)) or None,
                    {"--exclude": job.node} if job.node else None,
                ),
                Fix(
                    "See what SLURM knows about the node, and report it.",
                    f"scontrol show node {argument(job.node)} | grep -i -e State -e Reason" if job.node else "sinfo -R",
                ),
            ],
            prevention=["Save checkpoints and resume from them; submit with --requeue."],
        )
    if job.state in ("PREEMPTED", "REQUEUED", "SPECIAL_EXIT", "REQUEUE_HOLD"):
        return _Meaning(
            "slurm.preempted",
            "preempted or requeued",
            f"{_name(job)} was taken off its node ({job.state}) and has not ended well since.",
            fix=[
                Fix(
                    "See whether it waits to start again; release it if it is held, else submit it again.",
                    f"squeue -j {job.id} -o '%i %T %r' || true; scontrol release {job.id}",
                )
            ],
            prevention=["Save checkpoints and resume from them, or use a partition that is not preempted."],
        )
    if job.exit_code == OUTPUT_UNWRITABLE or any(step.exit_code == OUTPUT_UNWRITABLE for step in job.steps):
        return _output_unwritable(job)
    if job.state == "PENDING" and "Dependency" in job.reason:
        return _dependency(job)
    if job.state == "CANCELLED":
        return _dependency(job) if "Dependency" in job.reason else _cancelled(job, facts)
    if job.state == "FAILED" and job.elapsed_seconds == 0 and not job.steps:
        return _Meaning(
            "slurm.submit_rejected",
            "refused after submission",
            f"{_name(job)} failed at once and never had a step: SLURM refused what it asks for, most often memory "
            f"or a GPU "
            "that no node has.",
            confidence=0.65,
            fix=[Fix("Compare what it asked for with what the nodes have.", "sinfo -N -o '%N %P %c %m %G'")],
            prevention=["Try the resources of a rule with sbatch --test-only before the whole workflow is submitted."],
        )
    return None


def _name(job: SlurmJob) -> str:
    return f"SLURM job {job.id}"


def _out_of_memory(job: SlurmJob, facts: RunFacts) -> _Meaning:
    asked, more = megabytes(job.requested_memory), more_megabytes(facts)
    used = max((m for step in job.steps if (m := megabytes(step.max_rss)) is not None), default=None)
    words = f"{_name(job)} was killed because it used more memory than it had asked for"
    words += (
        f" ({job.requested_memory}" + (f"; the last sample showed {used:.0f} MiB" if used else "") + ")."
        if asked
        else "."
    )
    return _Meaning(
        "host.oom",
        "out of memory (SLURM)",
        words,
        confidence=0.93,
        fix=[
            Fix(
                f"Ask for more memory (mem_mb={more} is twice as much)." if more else "Ask for more memory.",
                submit_again(facts, request=Request(megabytes=more, doubled="memory")) or None,
                {"mem_mb": more} if more else None,
            ),
            Fix(
                "Or use less: fewer data loader workers, a smaller batch, no copies of the data set.",
                f"sacct -j {job.id} --format=JobID,State,ReqMem,MaxRSS,Elapsed",
            ),
        ],
        prevention=["Look at MaxRSS of a good run and ask for a third more than that."],
    )


def _timeout(job: SlurmJob, facts: RunFacts) -> _Meaning:
    limit = f" of {job.time_limit}" if job.time_limit else ""
    minutes = longer_minutes(facts)
    return _Meaning(
        "slurm.timeout",
        "wall-time limit",
        f"{_name(job)} was stopped at its wall-time limit{limit}.",
        confidence=0.92,
        fix=[
            Fix(
                "If it was still making progress, ask for more wall time"
                f"{f' (twice as much is --time={sbatch_time(minutes)})' if minutes else ''}, and resume from the last "
                "checkpoint.",
                submit_again(facts, request=Request(minutes, doubled="time")) or None,
                {"--time": sbatch_time(minutes)} if minutes else None,
            ),
            Fix(
                "See what the job did with its time: near-zero TotalCPU means that it hung.",
                f"sacct -j {job.id} --format=JobID,State,Timelimit,Elapsed,TotalCPU",
            ),
        ],
        prevention=["Estimate the time from the epochs per hour of a good run, and save checkpoints."],
    )


def _output_unwritable(job: SlurmJob) -> _Meaning:
    return _Meaning(
        "slurm.output_unwritable",
        "the job's output file cannot be opened",
        f"{_name(job)} ended with 0:53: slurmstepd could not open the file for its output; most often its "
        f"directory does not exist.",
        confidence=0.93,
        fix=[Fix("Make the directory that --output and --error name, before submitting.", "mkdir -p slurm_logs")],
        prevention=["Make the directory of the logs in the Snakefile or the submit script itself."],
    )


def _dependency(job: SlurmJob) -> _Meaning:
    never = "Never" in job.reason or job.state == "CANCELLED"  # --kill-on-invalid-dep ends what can never start
    return _Meaning(
        "slurm.dependency",
        "dependency never satisfied",
        f"{_name(job)} waits for a job that did not end as it must ({job.reason}).",
        FATAL if never else SYMPTOM,
        0.93 if never else 0.5,
        fix=[
            Fix(
                "Repair the job it depends on, cancel this one and submit both again.",
                f"scontrol show job {job.id} | grep -i depend; scancel {job.id}",
            )
        ],
        prevention=["Submit with --kill-on-invalid-dep=yes, so that it ends instead of waiting for ever."],
    )


def _cancelled(job: SlurmJob, facts: RunFacts) -> _Meaning:
    by = re.search(r"by (\d+)", job.state_text)
    who = (
        ""
        if not by
        else " by the administrator or SLURM itself (uid 0)"
        if by[1] == "0"
        else f" by the user with uid {by[1]}"
    )
    before = " before it started" if (job.elapsed_seconds == 0 or job.start in ("None", "Unknown")) else ""
    return _Meaning(
        "slurm.cancelled",
        "cancelled",
        f"{_name(job)} was cancelled{who}{before}.",
        confidence=0.88,
        fix=[
            Fix("If nobody meant to, submit it again.", submit_again(facts) or rerun(facts) or None),
            Fix("See who cancelled it.", f"sacct -j {job.id} --format=JobID,User,State%30,Reason,Start,End"),
        ],
        prevention=["Save checkpoints, so that a cancelled run can go on."],
    )


def _of_exit_code(job: SlurmJob) -> _Meaning | None:
    """A plain failure: only a signal or one of the shell's exit codes says more than that it failed."""
    if job.state != "FAILED":
        return None
    codes = [code for code in (job.exit_code, *(step.exit_code for step in job.steps)) if ":" in code]
    for code, _, signal in (code.partition(":") for code in codes):
        if code.isdigit() and 128 < int(code) < 160:
            signal = str(int(code) - 128)
        if signal in _CRASHES:
            return _Meaning(
                "host.crash",
                "crashed",
                f"{_name(job)} died of {_SIGNALS[signal]} (exit {code}:{signal}).",
                SYMPTOM,
                0.6,
            )
        if signal == "9":
            return _Meaning(
                "host.killed",
                "killed",
                f"{_name(job)} was killed by SIGKILL; nothing says that memory was the reason.",
                SYMPTOM,
                0.55,
            )
        if signal == "15":
            return _Meaning("run.interrupted", "terminated", f"{_name(job)} ended by SIGTERM.", SYMPTOM, 0.5)
        if code == "127":
            return _Meaning(
                "env.activation",
                "command not found",
                f"{_name(job)} ended with 127: the shell did not find a command.",
                SYMPTOM,
                0.6,
            )
        if code == "126":
            return _Meaning(
                "io.permission",
                "command not executable",
                f"{_name(job)} ended with 126: a command could not be executed.",
                HINT,
                0.35,
            )
    return None
