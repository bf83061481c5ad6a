"""Snakemake's logs: what became of each job. The logs of a small pipeline are really written by Snakemake 9 and 7."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from postmortem.collect.logs.snakemake_excerpt import lines_of_others
from postmortem.discover import snakemake_log
from postmortem.discover.snakemake_log import SnakemakeLog
from postmortem.facts import SnakemakeJob

REPOSITORY = Path(__file__).resolve().parents[1]
VERSIONS = {"9": REPOSITORY / ".venv" / "bin" / "snakemake", "7": REPOSITORY / ".venv-snakemake7" / "bin" / "snakemake"}

# a fails for good, b fails once, c makes nothing, d is good. Each log looks like the log of a Snakemake inside the job.
PIPELINE = """
rule all:
    input: expand("runs/{ds}/one/model.pt", ds=list("abcd"))

rule train:
    output: "runs/{ds}/one/model.pt"
    log: "runs/{ds}/one/inner.log"
    retries: 1
    shell:
        '''
        printf 'Error in rule train:\\n    jobid: 0\\n    output: {output}\\n' > {log}
        if [ {wildcards.ds} = a ]; then exit 3; fi
        if [ {wildcards.ds} = b ] && [ ! -e tried ]; then touch tried; exit 4; fi
        if [ {wildcards.ds} != c ]; then touch {output}; fi
        '''
"""


@pytest.fixture(
    scope="module",
    params=[pytest.param("9", marks=pytest.mark.snakemake), pytest.param("7", marks=pytest.mark.snakemake7)],
)
def real_log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"snakemake{request.param}")
    (folder / "Snakefile").write_text(PIPELINE)
    if not VERSIONS[request.param].exists():
        pytest.skip(f"there is no {VERSIONS[request.param]}")
    command = [VERSIONS[request.param], "--cores", "1", "--keep-going", "--show-failed-logs", "--latency-wait", "1"]
    subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    (log,) = (folder / ".snakemake" / "log").glob("*.log")
    return log


def states_of(log: SnakemakeLog) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for job in log.jobs:
        found.setdefault(job.wildcards.get("ds", ""), []).append(job.state)
    return found


def test_a_real_log(real_log: Path) -> None:
    log = snakemake_log.parse(real_log.read_text(), "log")
    assert states_of(log) == {
        "a": ["restarted", "failed"],
        "b": ["restarted", "finished"],
        "c": ["restarted", "failed"],
        "d": ["finished"],
    }
    assert not log.problems and log.failed and not log.succeeded
    last = next(job for job in reversed(log.jobs) if job.wildcards == {"ds": "a"})
    assert (last.rule, last.outputs, last.logs) == ("train", ["runs/a/one/model.pt"], ["runs/a/one/inner.log"])
    assert "exit" in last.exit_text and last.time <= last.ended
    assert real_log.read_text().splitlines()[last.error_line - 1] == "Error in rule train:"
    assert "MissingOutputException" in next(job for job in log.jobs if job.wildcards == {"ds": "c"}).message


def test_the_excerpt_of_a_real_log_is_about_one_run(real_log: Path) -> None:
    text = real_log.read_text()
    jobs = snakemake_log.parse(text, "log").jobs
    mine = [job for job in jobs if job.wildcards == {"ds": "c"}]
    others = lines_of_others(text, mine)
    kept = "\n".join(line for number, line in enumerate(text.splitlines(), start=1) if number not in others)
    assert "runs/c/one" in kept and "MissingOutputException" in kept and "Building DAG" in kept
    for other in ("runs/a/one", "runs/b/one", "runs/d/one"):
        assert other not in "\n".join(line for line in kept.splitlines() if "all" not in line)


JOB = """\
[Sun Mar  1 10:00:0{n} 2026]
rule train:
    output: runs/{ds}/one/model.pt
    log: runs/{ds}/one/out.log, runs/{ds}/one/err.log
    jobid: {n}
    wildcards: ds={ds}
    resources: mem_mb=10

"""


def one(text: str) -> SnakemakeJob:
    (job,) = snakemake_log.parse(text, "log").jobs
    return job


@pytest.mark.parametrize(
    ("line", "external"),
    [
        ("Submitted job 1 with external jobid '58'.", "58"),
        ("Submitted job 1 with external jobid 'Submitted batch job 58'.", "Submitted batch job 58"),
        ("Submitted DRMAA job 1 with external jobid 58.", "58"),
        ("Job 1 has been submitted with SLURM jobid 58 (log: /p/58.log).", "58"),
        ("Job 1 has been submitted with SLURM jobid 58.", "58"),
        ("Resuming incomplete job 1 with external jobid '58'.", "58"),
    ],
)
def test_every_way_to_say_that_a_job_was_submitted(line: str, external: str) -> None:
    job = one(JOB.format(n=1, ds="a") + line + "\n")
    assert (job.state, job.external_jobid) == ("submitted", external)


def test_an_array_gives_each_job_its_task() -> None:
    text = JOB.format(n=1, ds="a") + JOB.format(n=2, ds="b")
    text += "Submitted array job with Snakemake IDs 1,2 and SLURM job ID 58. The individual task IDs are 1-2.\n"
    assert [job.external_jobid for job in snakemake_log.parse(text, "log").jobs] == ["58_1", "58_2"]


def test_the_error_block_of_a_cluster_job() -> None:
    text = JOB.format(n=1, ds="a") + (
        "Submitted job 1 with external jobid '58'.\n[Sun Mar  1 10:05:00 2026]\nError in rule train:\n    jobid: 1\n"
        "    output: runs/a/one/model.pt\n    log: runs/a/one/out.log (check log file(s) for error details)\n"
        "    cluster_jobid: 58\n\nError executing rule train on cluster (jobid: 1, external: 58, jobscript: /x).\n"
    )
    job = one(text)
    assert (job.state, job.external_jobid, job.ended, job.wildcards) == (
        "failed",
        "58",
        "2026-03-01T10:05:00",
        {"ds": "a"},
    )


def test_a_message_of_several_lines_does_not_hide_the_rest() -> None:
    text = JOB.format(n=1, ds="a") + (
        "[Sun Mar  1 10:05:00 2026]\nError in rule train:\n    message: Job submission failed: no account x. Known:\n"
        "ml\nphysics For further error details see the log\n    jobid: 1\n    output: runs/a/one/model.pt\n"
        "    external_jobid: 58\n"
    )
    job = one(text)
    assert (job.state, job.external_jobid) == ("failed", "58")
    assert "no account x" in job.message and "physics" in job.message


def test_sbatch_said_no_to_the_job_announced_last() -> None:
    text = JOB.format(n=1, ds="a") + "Submitted job 1 with external jobid '58'.\n" + JOB.format(n=2, ds="b")
    text += "Error submitting jobscript (exit code 1):\n\n"
    first, second = snakemake_log.parse(text, "log").jobs
    assert (first.state, second.state) == ("submitted", "failed")
    assert second.message.startswith("Error submitting jobscript")


def test_a_group_s_jobs_failed_together() -> None:
    text = (
        "[Sun Mar  1 10:00:00 2026]\ngroup job g (jobs in lexicogr. order):\n"
        "    [Sun Mar  1 10:00:00 2026]\n    rule train:\n        output: runs/a/one/model.pt\n        jobid: 1\n"
        "        wildcards: ds=a\n\n"
        "[Sun Mar  1 10:05:00 2026]\nError in group g:\n    jobs:\n        rule train:\n            jobid: 1\n"
        "            output: runs/a/one/model.pt\n"
    )
    assert one(text).state == "failed"


def test_a_console_with_windows_line_ends_and_other_output() -> None:
    text = (JOB.format(n=1, ds="a") + "Epoch 1: 3%|#\rEpoch 1: 99%|##\nFinished job 1.\n").replace("\n", "\r\n")
    assert one(text).state == "finished"


@pytest.mark.parametrize(
    ("text", "kind", "rule"),
    [
        ("MissingInputException in rule x in file /p/Snakefile, line 3:\nMissing input files for rule x:\n",
         "MissingInputException", "x"),
        ("SyntaxError in file /p/Snakefile, line 3:\ninvalid syntax\n", "SyntaxError", ""),
        ("WildcardError in rule x in file /p/Snakefile, line 3:\nNo values given for wildcard\n", "WildcardError", "x"),
        ("AmbiguousRuleException:\nRules a and b are ambiguous\n", "AmbiguousRuleException", ""),
        ("LockException:\nError: Directory cannot be locked.\n", "LockException", ""),
        ("Error: Directory cannot be locked. Please make sure that no other\n", "LockException", ""),
        ("IncompleteFilesException:\nThe files below seem to be incomplete.\n", "IncompleteFilesException", ""),
        ("WorkflowError:\nTarget rules may not contain wildcards.\n", "WorkflowError", ""),
        (
            "CalledProcessError in file /p/Snakefile, line 40:\nCommand 'x' returned non-zero exit status 127.\n"
            '  File "/p/Snakefile", line 40, in __onstart\n',
            "CalledProcessError", "",
        ),
    ],
)  # fmt: skip
def test_what_stops_the_workflow_itself(text: str, kind: str, rule: str) -> None:
    log = snakemake_log.parse("Building DAG of jobs...\n" + text, "log")
    assert (log.problems[0].type, log.problems[0].rule, log.problems[0].line) == (kind, rule, 2)
    assert log.failed


def test_that_a_job_failed_is_no_problem_of_the_workflow() -> None:
    text = JOB.format(n=1, ds="a") + (
        "RuleException:\nCalledProcessError in file x, line 3:\nCommand 'set -e' returned non-zero exit status 1.\n"
        "[Sun Mar  1 10:05:00 2026]\nError in rule train:\n    jobid: 1\n"
        "WorkflowError:\nAt least one job did not complete successfully.\n"
    )
    assert snakemake_log.parse(text, "log").problems == []


def test_a_rule_that_could_not_be_filled_in() -> None:
    text = JOB.format(n=1, ds="a") + (
        "RuleException in rule train in file /p/Snakefile, line 9:\nAttributeError: 'Wildcards' object has no "
        "attribute 'dataset', when formatting the following:\npython x.py {wildcards.dataset}\n"
    )
    log = snakemake_log.parse(text, "log")
    assert log.jobs[0].state == "failed" and log.problems[0].job is log.jobs[0]


@pytest.mark.parametrize(
    ("end", "succeeded"),
    [("3 of 3 steps (100%) done", True), ("2 of 3 steps (67%) done", False), ("Nothing to be done (all there).", True)],
)
def test_whether_all_was_done(end: str, succeeded: bool) -> None:
    assert snakemake_log.parse(end + "\n", "log").succeeded == succeeded


def test_hostile_text_is_passed_over() -> None:
    junk = "\x00\x01 rule \n" + "[" * 5000 + "\nError in rule :\n    message: \n" + "    jobid: \n" * 3
    assert isinstance(snakemake_log.parse(junk * 50, "log"), SnakemakeLog)
