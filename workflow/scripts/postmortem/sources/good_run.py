"""The last good run: this run's own last success, or its nearest sibling's, and what is different now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import ending, times
from ..facts import READ, Config, Difference, GoodRun, Line, Log, RunFacts
from ..git import GitRepository
from ..run import Run, find_all, success_artefact
from ..statements import ERROR, EXCEPTION, LINE, WARNING, statements_of
from .config import config_name, read_config
from .log import read_log

if TYPE_CHECKING:
    from ..discover import RunState
    from ..project import Project

DIFFERENCES = 20  # shown; more than that is another run, not the same with a change
NEW_LINES = 8
CANDIDATES = 12  # siblings whose logs' ends are looked at
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?|'[^']*'|\"[^\"]*\"|/\S+")
# Keys that differ between runs by what they are, not by what was done to them.
_EXPECTED = re.compile(
    r"(?:^|\.)(?:seed|dataset|run_?name|run_?id|[^.]*_(?:path|dir|root)|timestamp|created|model_size)$"
)
_VERSION = re.compile(
    r"\b(?P<name>torch|lightning|pytorch[_-]lightning|torch[_-]geometric|numpy|mlflow|cuda|"
    r"python)[ =:v]{1,3}(?P<version>\d+\.\d+[\w.+]*)",
    re.I,
)


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.good_run, if there is a good run to compare with."""
    run = run_state.run
    good = nearest_good_run(project, run)
    if good is None:
        return
    logs = [read_log(project.root / path, project.root, role) for path, role in _streams(project, good)]
    ended = next((log.last_time for log in logs if log.last_time), "")
    found = GoodRun(good.id, "sibling", ended)
    config = read_config(good.directory / config_name(project), project.root)
    found.differences = [*_config_differences(facts.config, config), *_versions(facts.logs, logs)]
    found.differences += _commits(project, facts, ended)
    found.new_lines, found.new_lines_source = _new_lines(facts.logs, logs)
    found.differences = found.differences[:DIFFERENCES]
    facts.good_run = found


def nearest_good_run(project: Project, run: Run) -> Run | None:
    """The finished run of the same stage that is nearest: same dataset before same size before any."""
    if not run.stage:
        return None
    siblings = [other for other in find_all(project) if other.stage == run.stage and other.id != run.id]
    siblings.sort(
        key=lambda other: (other.size != run.size, other.kd != run.kd, other.dataset != run.dataset, other.id)
    )
    return next((other for other in siblings[:CANDIDATES] if _ended_well(project, other)), None)


def _ended_well(project: Project, run: Run) -> bool:
    artefact = success_artefact(run, project.profile)
    if (
        artefact is None
        or not artefact.is_file()
        or artefact.stat().st_size == 0
        or (run.directory / ".failed").exists()
    ):
        return False
    ends = [ending.read(project.root / path) for path, role in _streams(project, run) if role == "stderr"]
    return not any(end.fatal for end in ends if end)


def _streams(project: Project, run: Run) -> list[tuple[str, str]]:
    patterns = [(pattern, "stderr") for pattern in project.profile.logs.stderr]
    patterns += [(pattern, "stdout") for pattern in project.profile.logs.stdout]
    return [
        (project.relative(path), role) for pattern, role in patterns for path in sorted(run.directory.glob(pattern))
    ]


def _config_differences(now: Config | None, then: Config) -> list[Difference]:
    if now is None or now.source.state != READ or then.source.state != READ:
        return []
    differences = []
    for key in sorted(now.values.keys() | then.values.keys()):
        if _EXPECTED.search(key):
            continue
        mine, theirs = now.values.get(key), then.values.get(key)
        if mine is None or theirs is None or mine.value != theirs.value:
            differences.append(
                Difference("config", key, _shown(mine), _shown(theirs), now.source.path, mine.line if mine else None)
            )
    return differences


def _shown(item: Any) -> str:
    return "not set" if item is None else str(item.value)


def _versions(now: list[Log], then: list[Log]) -> list[Difference]:
    mine, theirs = _versions_in(now), _versions_in(then)
    return [
        Difference("package", name, mine[name], theirs[name])
        for name in sorted(mine.keys() & theirs.keys())
        if mine[name] != theirs[name]
    ]


def _versions_in(logs: list[Log]) -> dict[str, str]:
    return {m["name"].lower(): m["version"] for log in logs for line in log.lines for m in _VERSION.finditer(line.text)}


def _commits(project: Project, facts: RunFacts, ended: str) -> list[Difference]:
    """Commits since the good run ended that touch the files in the traceback."""
    files = sorted({frame.file for frame in facts.code})
    moment = times.parse(ended) if ended else None
    if not files or moment is None:
        return []
    commits = GitRepository(project.root).commits_since(moment.isoformat(), files)
    return [Difference("code", ", ".join(files), commit, "before it") for commit in commits]


def _new_lines(now: list[Log], then: list[Log]) -> tuple[list[Line], str]:
    """Statements of this run, of its first log that has any, that no log of the good run makes."""
    known = {_template(s.text) for log in then for s in statements_of(log)}
    for log in now:
        if log.role not in ("stderr", "stdout"):
            continue
        new = [
            s
            for s in statements_of(log)
            if s.kind in (EXCEPTION, ERROR, WARNING, LINE) and _template(s.text) not in known
        ]
        lines: dict[str, Line] = {}
        for statement in new:
            lines.setdefault(_template(statement.text), Line(statement.line, statement.text.split("\n")[0]))
        if lines and then:
            return list(lines.values())[:NEW_LINES], log.source.path
    return [], ""


def _template(text: str) -> str:
    return _NUMBERS.sub("#", text.split("\n")[0])[:160]
