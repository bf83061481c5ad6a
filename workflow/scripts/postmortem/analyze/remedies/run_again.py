"""The commands that run a stage again: from its frozen configuration, or by the workflow, which knows the order."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from ...facts import ABSENT, RunFacts
from ..findings import Fix
from .shell import argument

_REDIRECTED = re.compile(r" (?:[12]?>{1,2}|&>) ?(?:&1|\S+)")


@dataclass(frozen=True)
class WorkflowCommand:
    """How the workflow started a run. command: with other values; log: of Snakemake, which tells it."""

    command: str
    rule: str
    log: str


def as_the_workflow_ran_it(facts: RunFacts, values: dict[str, Any]) -> WorkflowCommand | None:
    """The command of the run's rule with other values for its options; None if no log tells it, or it gives another.

    Its output stays on the terminal: the run's logs are the evidence.
    """
    job = next((job for job in reversed(facts.snakemake_jobs) if job.shell.strip()), None)
    if job is None:
        return None
    command = job.shell
    for key, value in values.items():
        name = re.escape(key).replace("_", "[_-]")
        option = re.compile(rf"(?<!\S)(?P<option>(?:--)?{name}[= ])\S+")
        command, count = option.subn(lambda found: found["option"] + shlex.quote(_shown(value)), command)  # noqa: B023
        if not count:
            return None
    return WorkflowCommand(_REDIRECTED.sub("", command).strip(), job.rule, job.log)


def rerun(facts: RunFacts, values: dict[str, Any] | None = None) -> str:
    """The command that runs this stage again, with config values changed; empty if the profile has no template.

    A configuration that was never written cannot be run from: then the workflow makes the run's output again.
    """
    given = {key: value for key, value in (values or {}).items() if str(value) != ""}
    if not facts.stage or (values and not given):
        return ""
    if facts.config is not None and facts.config.source.state == ABSENT:
        return "" if given else run_through_workflow(facts)
    return stage_command(facts, facts.stage, facts.directory, given)


def stage_command(facts: RunFacts, stage: str, directory: str, values: dict[str, Any]) -> str:
    """The profile's command that runs a stage from the configuration frozen in a run's directory, with values changed.

    Empty if the profile has no template for the stage, or none for a flag that the values need.
    """
    templates: dict[str, str] = facts.profile.get("run_again") or {}
    if not templates.get("stage") or (values and not templates.get("flag")):
        return ""
    flags = " ".join(
        templates["flag"].format(field=shlex.quote(key.replace("_", "-")), value=shlex.quote(_shown(value)))
        for key, value in values.items()
    )
    config = f"{directory}/{facts.profile.get('config_file') or 'config.json'}"
    return templates["stage"].format(stage=stage, config=shlex.quote(config), flags=flags).strip()


def run_through_workflow(facts: RunFacts, *before: str) -> str:
    """The command by which the workflow makes this run's output again; empty if the profile has no template for it.

    before: outputs of other runs that this one reads, which are made first where they are not there.
    """
    template = str((facts.profile.get("run_again") or {}).get("workflow") or "")
    own = next((item.path for item in facts.artefacts if item.role == "success"), "")
    outputs = " ".join(argument(output) for output in dict.fromkeys((*before, own)) if output)
    return template.replace("{output}", outputs) if outputs else ""


def made_before(facts: RunFacts, path: str, text: str, stays: bool = True) -> Fix:
    """The fix that has the workflow make a file that this run reads, and then this run's own output.

    stays: whether the file may stay; the workflow makes nothing again that is there. No command without a template.
    """
    command = run_through_workflow(facts, path)
    return Fix(text, (command if stays else f"rm -f {argument(path)} && {command}") if command else None, None, path)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
