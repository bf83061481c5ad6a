"""What checkpoints, configs, databases and code say about a claim of the log."""

from __future__ import annotations

import re

from ...facts import ABSENT, READ, UNREADABLE, Checkpoint, RunFacts
from ..detectors import configuration, distillation
from ..detectors.embedding import ids_of_graphs, ids_of_mapping, table_rows
from ..detectors.quoting import quote_checkpoint
from ..detectors.trackers import contradiction, made_its_output, status_evidence
from ..detectors.upstream import first_failed
from ..findings import Evidence, Finding, Support
from ..remedies.run_again import made_before
from .data import said

_SIZE_MISMATCH = re.compile(
    r"size mismatch for ([\w.]+): copying a param with shape (?:torch\.Size\()?\(?\[?([\d, ]*)\]?\)?\)? from "
    r"checkpoint, "
    r"the shape in current model is (?:torch\.Size\()?\(?\[?([\d, ]*)"
)
_DAMAGE = {"truncated": "was cut off", "empty": "is empty", "not_a_checkpoint": "is no checkpoint"}
_KEYS = re.compile(r"(Missing|Unexpected) key\(s\) in state_dict: ([^\n]{0,400})")


def shapes(finding: Finding, facts: RunFacts, support: Support) -> None:
    """The tensor that the message names, as it is in the checkpoint; and the number behind it: ids or features."""
    text = said(finding)
    mismatches = [(name, _numbers(then), _numbers(now)) for name, then, now in _SIZE_MISMATCH.findall(text)]
    for checkpoint in facts.checkpoints:
        shapes_there = {tensor.name: tensor.shape for tensor in checkpoint.tensors}
        agreeing = [
            (n, then, now) for n, then, now in mismatches if shapes_there.get(n, shapes_there.get(f"model.{n}")) == then
        ]
        if agreeing:
            support.confirmed_by.append("the checkpoint")
            name, then, now = agreeing[0]
            support.evidence.append(
                quote_checkpoint(checkpoint, f"{name} has the shape {then}", f"the model that was built has {now}")
            )
            _ids_behind(facts, checkpoint, agreeing, support)
            break
        missing = [
            key for kind, keys in _KEYS.findall(text) if kind == "Missing" for key in re.findall(r'"([\w.]+)"', keys)
        ]
        if missing and shapes_there and checkpoint.role != "own" and not any(key in shapes_there for key in missing):
            support.confirmed_by.append("the checkpoint")
            support.evidence.append(
                quote_checkpoint(
                    checkpoint,
                    f"its keys begin with {', '.join(list(shapes_there)[:3])}",
                    f"{missing[0]} is not among them",
                )
            )
            break


def _ids_behind(
    facts: RunFacts, checkpoint: Checkpoint, mismatches: list[tuple[str, list[int], list[int]]], support: Support
) -> None:
    """Where the shape that differs is the number of ids: how many the data have now."""
    table = table_rows(checkpoint)
    counts = [count for count in (ids_of_mapping(facts), ids_of_graphs(facts)) if count]
    built = {now[0] for _, then, now in mismatches if table and then and now and then[0] == table.shape[0]}
    for count in counts:
        if table and built and (count.ids in built or count.ids != table.shape[0]):
            support.confirmed_by.append("the data")
            support.evidence.append(count.evidence)
            support.explanation.append(
                f"The checkpoint was trained on {table.shape[0]} ids, the data now have "
                f"{count.ids}: the cache was made anew from other files in between."
            )
            text = (
                f"Train {checkpoint.run or 'the run that made it'} again on the data as they are now ({count.ids} ids; "
                f"the command removes its checkpoint first), or restore the files that gave {table.shape[0]} ids."
            )
            if checkpoint.role != "own":
                support.first_fixes.append(made_before(facts, checkpoint.source.path, text, stays=False))
            return


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.replace(" ", "").split(",") if part]


def damage(finding: Finding, facts: RunFacts, support: Support) -> None:
    """The checkpoint's structure, read again here."""
    for checkpoint in facts.checkpoints:
        if checkpoint.problem in ("truncated", "empty", "not_a_checkpoint") or checkpoint.refused_globals:
            support.confirmed_by.append("the checkpoint")
            support.evidence.append(quote_checkpoint(checkpoint, checkpoint.source.reason, f"{checkpoint.size} bytes"))
            if checkpoint.source.path not in finding.root_cause:
                support.happened = f"{checkpoint.source.path} {_DAMAGE.get(checkpoint.problem, 'cannot be loaded')}."
                support.explanation.append(f"It is {checkpoint.source.reason.removesuffix(': it was cut off')}.")
            support.file = support.file or checkpoint.source.path
    needed = [c for c in facts.checkpoints if c.role != "own"]
    if not support.confirmed_by and needed and all(c.tensor_count for c in needed):
        support.refuted_by.append("every checkpoint that it reads can be read")


def absence(finding: Finding, facts: RunFacts, support: Support) -> None:
    """What is said to be missing is missing; and the failed run that should have made it."""
    for checkpoint in facts.checkpoints:
        if checkpoint.source.state == ABSENT and checkpoint.role != "own" and finding.id != "data.missing":
            support.confirmed_by.append("the file system")
            support.evidence.append(quote_checkpoint(checkpoint, checkpoint.source.reason, "as it is now"))
    for run in facts.upstream:
        if finding.id != "data.missing" and any(
            a.state != READ and a.path.split("/")[-1] in said(finding) for a in run.artefacts
        ):
            support.confirmed_by.append("the runs that it needs")
            support.evidence.append(Evidence(run.run, run.reason, None, "upstream"))
    if finding.id != "data.missing" and (failed := first_failed(facts)):
        support.upstream_run = failed.run


def configuration_file(finding: Finding, facts: RunFacts, support: Support) -> None:
    """Configs that cannot be read, and detectors' own views of the values."""
    text = said(finding)
    if facts.config and facts.config.source.state == UNREADABLE and "onfig" in text:
        support.confirmed_by.append("the configuration")
        support.evidence.append(Evidence(facts.config.source.path, facts.config.source.reason, None, "config"))
    for run in facts.upstream:
        for artefact in run.artefacts:
            if artefact.role == "config" and artefact.state == UNREADABLE and ("onfig" in text or "JSON" in text):
                support.confirmed_by.append("the configuration")
                support.evidence.append(
                    Evidence(artefact.path, f"{artefact.size} bytes that are no valid JSON", None, "upstream", run.run)
                )
                support.file = support.file or artefact.path


def configuration_values(finding: Finding, facts: RunFacts, support: Support) -> None:
    """A value that the detectors object to by themselves, and keys that the message names."""
    for other in (*configuration.detect(facts), *distillation.detect(facts)):
        if other.role == "fatal" and other.id == finding.id:
            support.confirmed_by.append("the configuration")
            support.evidence += other.evidence[:3]
            if other.root_cause not in finding.root_cause:
                support.explanation.append(other.root_cause)
            if not any(fix.config for fix in (*finding.fix, *support.fixes)):
                support.fixes += other.fix
    if facts.config is None:
        return
    for key, item in facts.config.values.items():
        if len(key) > 3 and re.search(rf"(?<![\w-]){re.escape(key)}\b", said(finding)) and item.line:
            support.evidence.append(Evidence(facts.config.source.path, item.text.strip(), item.line, "config"))
            if repr(item.value).strip("'\"") in said(finding) and item.value not in (True, False, None, "", 0, 1):
                support.confirmed_by.append("the configuration")
            break


def config_and_values(finding: Finding, facts: RunFacts, support: Support) -> None:
    configuration_file(finding, facts, support)
    configuration_values(finding, facts, support)


def database(finding: Finding, facts: RunFacts, support: Support) -> None:
    """The database as it is: locked, corrupt, absent, or holding a run that never ended."""
    kind = "mlflow" if finding.id == "tracking.mlflow" else "project_db"
    for tracked in facts.trackers:
        if tracked.kind != kind:
            continue
        if tracked.source.state != READ and tracked.source.reason and tracked.source.state != ABSENT:
            support.confirmed_by.append("the database")
            support.evidence.append(Evidence(tracked.source.path, tracked.source.reason, None, "tracker"))
        elif how := contradiction(facts, tracked):
            support.confirmed_by.append("the database")
            support.evidence.append(status_evidence(tracked))
            support.explanation.append(f"{tracked.source.path}: {how}.")
    if made_its_output(facts) and support.confirmed_by:
        support.explanation.append("The run's output is there: only the record of it failed.")
