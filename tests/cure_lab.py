"""Real failures, and whether the first fix of their diagnosis cures them: applied as printed, then run again.

An experiment of cures/*.yaml is a small project with one mistake. Its job is run as a batch script would be, fails,
and is diagnosed by the tool's own command. The first fix is applied as it stands in diagnosis.json, the job is run
again in the same shell, and must end well and make what it was to make.

    cure_lab.py [--only EXPRESSION] [--keep DIR]       prints a line for each experiment
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
EXPERIMENTS = HERE / "cures"
DIAGNOSE = HERE.parent / "workflow" / "scripts" / "diagnose_now.py"
RUN = "experimentruns/toy/first"
RESULT = f"{RUN}/metrics.json"
LONGEST = 90  # seconds that a job, or a fix with the job after it, may take
# What a test must not do to the machine that it runs on, or cannot do on one without network.
_NOT_HERE = re.compile(
    r"(?<![\w./-])(sudo|apt(?:-get)?|pip3?|uv|conda|mamba|curl|wget|docker|s?kill|pkill|killall|reboot|systemctl|sbatch|srun|scancel"
    r"|sacct\w*|crontab|dvc)(?![\w.-])|https?://"
)
_READ_BY = re.compile(
    r"[\w@%+:,{}*~-]*(?:/[\w.@%+:,{}*~-]+)+|[\w-]+\.(?:py|sh|smk|json|ya?ml|csv|txt|ckpt|pt|npz?|pkl)"
)


class NotApplicable(Exception):
    """The fix cannot be applied as printed; says why."""


@dataclass
class Experiment:
    """A project that fails. config: the run's config.json. shell: what the shell was set to before the job."""

    name: str
    run: str
    files: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] | None = None
    prepare: str = ""
    shell: str = ""


@dataclass
class Outcome:
    """What became of an experiment. why: what went wrong where it is not cured."""

    name: str
    cause: str
    fix: dict[str, Any]
    why: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def cured(self) -> bool:
        return not self.why


def experiments(group: str = "*", only: str = "") -> list[Experiment]:
    """Those of cures/<group>.yaml whose name the expression `only` finds."""
    paths = sorted(EXPERIMENTS.glob(f"{group}.yaml"))
    read = [Experiment(**entry) for path in paths for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]
    return [experiment for experiment in read if re.search(only, experiment.name)]


def examine(experiment: Experiment, project: Path) -> Outcome:
    """Let it fail in the folder `project`, diagnose it, and apply the first fix."""
    _set_up(experiment, project)
    status = _job(experiment, project)
    assert status, f"{experiment.name} did not fail:\n{_streams(project)}"
    (project / RUN / ".failed").write_text(json.dumps({"exit_code": status, "source": "trap"}))
    diagnosis = _diagnosed(project)
    cause = (diagnosis["root_cause"] or {}).get("id", diagnosis["status"])
    outcome = Outcome(experiment.name, cause, diagnosis["fix"][0])
    outcome.problems = [problem for fix in diagnosis["fix"] for problem in unusable(fix, project)]
    try:
        script = apply(outcome.fix, project)
    except NotApplicable as reason:
        outcome.why = str(reason)
        return outcome
    outcome.why = _still_failing(experiment, project, script)
    return outcome


def apply(fix: dict[str, Any], project: Path) -> str:
    """Make the edit and set the values of a fix; the command that is left to paste. Raises NotApplicable."""
    if fix.get("diff"):
        apply_diff(fix["diff"], project)
    if fix.get("config"):
        _set_values(fix["config"], project)
    command = fix.get("command") or ""
    if not (command or fix.get("diff") or fix.get("config")):
        raise NotApplicable("nothing to apply")
    if found := _NOT_HERE.search(command):
        raise NotApplicable(f"not run here: {found[0]}")
    outside = [w for w in _words(command) if w.startswith("/") and not w.startswith((str(project), "/dev/"))]
    if outside:
        raise NotApplicable(f"outside the project: {outside[0]}")
    return command


def apply_diff(diff: str, project: Path) -> None:
    """A unified diff without context: each removed line must stand exactly where the diff says."""
    lines = diff.splitlines()
    name = next(line[4:].partition("\t")[0] for line in lines if line.startswith("+++ "))
    path = project / name
    if not path.is_file():
        raise NotApplicable(f"the diff edits {name}, which is not there")
    text = path.read_text(encoding="utf-8").split("\n")
    moved = 0
    at = 0
    for line in lines:
        if hunk := re.match(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", line):
            # Of an empty range unified diffs name the line before it.
            at = int(hunk[1]) - (0 if hunk[2] == "0" else 1) + moved
        elif line.startswith(("--- ", "+++ ")) and not at:
            continue
        elif line.startswith("+"):
            text.insert(at, line[1:])
            at, moved = at + 1, moved + 1
        elif line.startswith(("-", " ")):
            if at >= len(text) or text[at] != line[1:]:
                raise NotApplicable(f"{name}:{at + 1} is not {line[1:]!r}")
            if line[0] == "-":
                del text[at]
                moved -= 1
            else:
                at += 1
    path.write_text("\n".join(text), encoding="utf-8")


def unusable(fix: dict[str, Any], project: Path) -> list[str]:
    """What is wrong with a fix by itself: a command that does not parse, a file that is not there."""
    problems = []
    command = fix.get("command") or ""
    parsed = subprocess.run(["bash", "-n", "-c", f"{command}\n"], capture_output=True, text=True)
    if parsed.returncode:
        problems.append(f"does not parse: {command!r}: {parsed.stderr.strip()}")
    made = {RESULT, ".snakemake"}
    for part in re.findall(r"\b(?:mkdir|touch|git mv|mv|cp|ln|>|--cores 1) (.*)", command):
        made |= set(_words(part))
    for word in _words(command):
        word = word.partition("=")[2] if re.match(r"[\w-]+=", word) else word
        there = glob(word, root_dir=project) or (project / word).exists()
        if _READ_BY.fullmatch(word) and word not in made and not there:
            problems.append(f"names {word}, which is not there: {command!r}")
    if fix.get("file") and not (project / fix["file"]).exists() and fix.get("line"):
        problems.append(f"the place {fix['file']}:{fix['line']} is not there")
    return problems


def _words(command: str) -> list[str]:
    try:
        return [word for line in command.splitlines() for word in shlex.split(line, comments=True)]
    except ValueError:
        return command.split()


def _set_values(values: dict[str, Any], project: Path) -> None:
    path = project / RUN / "config.json"
    if not path.exists():
        raise NotApplicable("the run has no config.json")
    try:
        held = json.loads(path.read_text())
    except ValueError as error:
        raise NotApplicable("config.json is no JSON") from error
    path.write_text(json.dumps(held | values, indent=2))


def _set_up(experiment: Experiment, project: Path) -> None:
    (project / RUN).mkdir(parents=True)
    for name, text in experiment.files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    if experiment.config is not None:
        (project / RUN / "config.json").write_text(json.dumps(experiment.config, indent=2))
    (project / "job.sh").write_text(f"#!/bin/bash\n{experiment.run}", encoding="utf-8")
    if experiment.prepare:
        prepared = _bash(f"set -e\n{experiment.prepare}", project)
        assert prepared.returncode == 0, f"{experiment.name}: {prepared.stdout}"


def _job(experiment: Experiment, project: Path) -> int:
    script = f"{experiment.shell}\nbash job.sh > {RUN}/slurm.out 2> {RUN}/slurm.err"
    return _bash(script, project).returncode


def _still_failing(experiment: Experiment, project: Path, command: str) -> str:
    """Paste the command, if there is one, and run the job again; empty if that makes the result, else what was said."""
    before = _result(project)
    pasted = _bash(f"{experiment.shell}\n{command}", project) if command else None
    if pasted and pasted.returncode == 0 and _result(project) not in (b"", before):
        return ""
    # Not pasted twice: what the command set in its shell (a limit, a variable) is what the job needs.
    settings = "\n".join(line for line in command.splitlines() if re.match(r"\s*(export|ulimit|source|\.|cd) ", line))
    script = f"{experiment.shell}\n{settings}\ncd {shlex.quote(str(project))}\nbash job.sh"
    again = _bash(script, project)
    if again.returncode == 0 and _result(project) not in (b"", before):
        return ""
    said = (pasted.stdout if pasted and pasted.returncode else again.stdout).strip().splitlines()
    return said[-1] if said else f"exit status {again.returncode}, nothing made"


def _result(project: Path) -> bytes:
    path = project / RESULT
    return path.read_bytes() if path.exists() else b""


def _bash(script: str, project: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(project),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = ["bash", "-c", f"{script}\n"]
    output = subprocess.PIPE
    try:
        return subprocess.run(
            command, cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=LONGEST,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
        return subprocess.CompletedProcess(command, 124, f"{said!r}\nno end after {LONGEST} s")


def _diagnosed(project: Path) -> dict[str, Any]:
    command = [sys.executable, str(DIAGNOSE), "--directory", str(project)]
    options = ["--config", "project=default", "--config", "sacct=off"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=LONGEST)
    path = project / RUN / "diagnosis.json"
    assert path.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _streams(project: Path) -> str:
    return "\n".join((project / RUN / name).read_text(errors="replace") for name in ("slurm.out", "slurm.err"))


def shown(outcome: Outcome) -> str:
    """One line of the table."""
    fix = outcome.fix
    does = fix.get("command") or json.dumps(fix.get("config")) if fix.get("command") or fix.get("config") else ""
    if fix.get("diff"):
        does = " ".join(line for line in fix["diff"].splitlines()[3:])
    about = " ".join((does or fix["text"]).split())[:110]
    verdict = "cured" if outcome.cured else f"NOT: {outcome.why[:90]}"
    return f"{outcome.name:<40} {outcome.cause:<26} {about:<110} {verdict}"


def main() -> int:
    """Command line; the exit status says nothing about the cures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="expression that the experiment's name holds")
    parser.add_argument("--keep", type=Path, help="folder in which the projects stay")
    args = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory() as scratch:
        for experiment in experiments(only=args.only):
            try:
                outcome = examine(experiment, (args.keep or Path(scratch)) / experiment.name)
            except AssertionError as broken:
                print(f"{experiment.name}: NO EXPERIMENT: {broken}", flush=True)
                continue
            outcomes.append(outcome)
            print(shown(outcome), *(f"    {problem}" for problem in outcome.problems), sep="\n", flush=True)
    cured = sum(outcome.cured for outcome in outcomes)
    print(f"{cured} of {len(outcomes)} cured")
    return 0


if __name__ == "__main__":
    sys.exit(main())
