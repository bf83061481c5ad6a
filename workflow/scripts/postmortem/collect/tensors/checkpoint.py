"""Checkpoints of a run, of the runs it needs and of its teacher → facts.checkpoints, through the helper processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...discover.discovery import RunState
from ...facts import PARTIAL, READ, UNREADABLE, Checkpoint, RunFacts, Source, TensorFacts
from ...paths import modified, relative, unreadable
from ...project.project import Project
from ...project.runs import from_id, required_runs
from ..evidence import is_checkpoint, own_checkpoints
from .checkpoint_file import LONGEST_NAME, MOST_TENSORS
from .helper import TORCH, Helper, HelperDied, shared_helper

MOST_UPSTREAM = 6
LARGEST_FILE = 64 * 2**30  # bytes; only samples of large files are read, but a directory entry may be a mistake
ANSWERS_KEPT = 64  # each some 100 kB for a model of a thousand tensors
MOST_TORCH_DEATHS = 2  # where torch dies or hangs twice, on whatever files, it is not asked again
_answers: dict[tuple[str, int, int], dict[str, Any]] = {}


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.checkpoints: own ones, those of needed runs, the teacher's."""
    root = project.root
    facts.checkpoints = [
        read_checkpoint(path, root) for path in own_checkpoints(run_state.directory, project.profile.checkpoints)
    ]
    for path, role, run in needed_checkpoints(project, facts):
        if all(relative(path, root) != known.source.path for known in facts.checkpoints):
            facts.checkpoints.append(read_checkpoint(path, root, role, run))
    for checkpoint in facts.checkpoints:
        if checkpoint.not_checked:
            facts.not_checked.append(f"{checkpoint.source.path}: {checkpoint.not_checked}")


def needed_checkpoints(project: Project, facts: RunFacts) -> list[tuple[Path, str, str]]:
    """(path, role, run) of the checkpoints that the run reads: by the profile, and the config's teacher."""
    run = from_id(facts.run, project)
    needed = [name for name in project.profile.needed_artefacts if is_checkpoint(name)]
    found = [
        (project.experiment_root / other / name, "upstream", other)
        for other in required_runs(run, project.profile)
        for name in needed
    ]
    key = project.profile.teacher.config_key if project.profile.teacher else ""
    named = facts.config.values.get(key) if facts.config and key else None
    if named and isinstance(named.value, str) and named.value:
        path = project.root / named.value
        owner = relative(path.parent, project.experiment_root)
        found = [(path, "teacher", owner), *(item for item in found if item[0] != path)]
    return found[:MOST_UPSTREAM]


def _asked(path: Path) -> dict[str, Any]:
    """What the helpers say, kept for a while: a teacher's checkpoint is looked at with every student's."""
    status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns)
    if key not in _answers:
        if len(_answers) >= ANSWERS_KEPT:
            _answers.clear()
        _answers[key] = _describe(path, shared_helper())
    return _answers[key]


def _describe(path: Path, helper: Helper) -> dict[str, Any]:
    """Fields of facts.Checkpoint: what the structural reader says, and torch of the values that it cannot read."""
    answer = helper.ask("checkpoint", path=str(path))
    unread, sampled = answer.pop("unread", []), answer.pop("sampled", 0)
    reason = ""
    # What weights_only refuses torch does not load either.
    if unread and not answer["refused_globals"]:
        reason, numbers = _with_torch(path, unread)
        _complete(answer, numbers)
        unread = [name for name in unread if name not in numbers]
    notes = []
    if unread:
        notes.append(
            f"values of {len(unread)} of {answer['tensor_count']} tensors" + (f" ({reason})" if reason else "")
        )
    if sampled:
        notes.append(f"{sampled} large tensors only in samples")
    answer["not_checked"] = "; ".join(notes)
    return answer


def _with_torch(path: Path, names: list[str]) -> tuple[str, dict[str, dict[str, Any]]]:
    """Why torch could not read them, and the numbers of those tensors that it could."""
    helper = shared_helper(TORCH)
    if helper.deaths >= MOST_TORCH_DEATHS:
        return "torch was given up here", {}
    try:
        answer = helper.ask("values", path=str(path), names=names)
    except (OSError, HelperDied) as error:
        return f"torch: {error}", {}
    return answer.get("problem", ""), answer.get("numbers", {})


def _complete(answer: dict[str, Any], numbers: dict[str, dict[str, Any]]) -> None:
    """Put the numbers into the rows of their tensors."""
    rows = {row["name"]: row for row in answer["tensors"]}
    for name, found in numbers.items():
        broken = bool(found["nan"] or found["infinite"])
        answer["nan_tensors"] += broken
        if name[:LONGEST_NAME] in rows:
            rows[name[:LONGEST_NAME]] |= found
        elif broken and len(answer["tensors"]) < 2 * MOST_TENSORS:
            answer["tensors"].append({"name": name[:LONGEST_NAME], "shape": [], **found})


def read_checkpoint(
    path: Path, root: Path, role: str = "own", run: str = "", helper: Helper | None = None
) -> Checkpoint:
    """Describe one checkpoint file; why it cannot be used is in `problem`, in words in `source.reason`."""
    found = Checkpoint(Source(relative(path, root)), role, run)
    try:
        found.size = path.stat().st_size
        if found.size > LARGEST_FILE:
            raise HelperDied(f"{found.size / 2**30:.0f} GB are too much to look at")
        answer = dict(_asked(path) if helper is None else _describe(path, helper))
    except OSError as error:
        found.source = unreadable(path, root, error)
        return found
    except HelperDied as error:
        found.problem = "too_large" if "more than" in str(error) or "GB" in str(error) else "killed"
        found.source.state, found.source.reason = UNREADABLE, str(error)
        return found
    found.modified = modified(path)
    tensors = answer.pop("tensors", [])
    reason = answer.pop("reason", "")
    for name, value in answer.items():
        setattr(found, name, value)
    found.tensors = [TensorFacts(**tensor) for tensor in tensors]
    unusable = found.problem and found.problem != "refused_globals"
    found.source.state = UNREADABLE if unusable else PARTIAL if found.not_checked or found.problem else READ
    if found.refused_globals and not reason:
        reason = f"names {', '.join(found.refused_globals[:3])}, which was not run"
    found.source.reason = reason or found.not_checked
    return found
