"""What is quoted: the evidence of the root cause and of what else was seen, with the lines around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..analyze.exceptions.classify import last_own_frame
from ..analyze.exceptions.tables import BY_TYPE
from ..analyze.findings import FATAL, GENERIC, HINT, WRAPPER, Evidence
from ..analyze.plain_errors import LONGEST, tells_an_error
from ..analyze.resolve import Judgement
from ..facts import Log, RaisedException, RunFacts, Traceback

# "RuntimeError: text" without its traceback, and R's "Error in f(x) :" or "Error: text".
_BARE_ERROR = re.compile(
    r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): \S|Error(?: in (?!rule|group)[^\n]{1,200}?)? ?:"
)
QUOTE_LINES = 30  # of one exception's message
BLOCK_LINES = 8  # of the indented block under a heading, such as the missing files of a rule
CONTEXT_LINES = 3  # shown around a quote
EVIDENCE_ITEMS = 24
ALSO_SEEN = 12
OWN_FRAMES = 12
LAST_LINES = 40  # of a log, in which an error that a program tells in its own words may be how it ended

Logs = Mapping[str, Log]


def logs_by_path(facts: RunFacts) -> Logs:
    """The logs by the name under which evidence quotes them."""
    return {log.source.path: log for log in facts.logs}


def evidence_of_root(root: Judgement, judgements: Iterable[Judgement], logs: Logs) -> list[dict[str, Any]]:
    """The quotes that support the root cause: its own, its exception chain's, and those of other findings of it."""
    chosen = [*root.evidence, *_chain(root, logs)]
    chosen += [j.evidence[0] for j in judgements if j is not root and j.id == root.id and j.evidence]
    quoted = [(item, root.id) for item in chosen]
    if last := _last_consequence(root, judgements):
        quoted.insert(len(root.evidence), (last.evidence[0], last.id))
    return _quoted(quoted, logs, EVIDENCE_ITEMS)


def _last_consequence(root: Judgement, judgements: Iterable[Judgement]) -> Judgement | None:
    """What the root led to in the end: of the errors that follow from it the last one in its log, behind it.

    Of a root that stands in no log, it is the last in any: the error with which the run ended is part of the proof.
    """
    following = [
        j
        for j in judgements
        if j.explained_by is root.finding
        and j.role in (FATAL, GENERIC)
        and j.evidence
        and not j.position.handled
        and (not root.position.line or j.position.log == root.position.log)
        and j.position.line > root.position.line
    ]
    return max(following, key=lambda j: j.position.line, default=None)


def evidence_of_unknown(judgements: Iterable[Judgement], facts: RunFacts) -> list[dict[str, Any]]:
    """What there is to quote where no cause is named: the last error, what was found at all, the last words."""
    chosen = [(j.evidence[0], j.id) for j in judgements if j.evidence]
    if raised := last_raised(facts):
        chosen.insert(0, (raised, "unknown"))
    chosen += [(item, "unknown") for item in _last_words(facts)]
    return _quoted(chosen, logs_by_path(facts), EVIDENCE_ITEMS)


def also_seen(root: Judgement, judgements: Iterable[Judgement], logs: Logs) -> list[dict[str, Any]]:
    """A quote of each other finding. They do not support the root cause: nothing explains them, or it does."""
    others = [j for j in judgements if j is not root and j.id != root.id and j.role != WRAPPER and j.evidence]
    others.sort(key=lambda j: (j.explained_by is not None, j.role == HINT))
    items = _quoted([(j.evidence[0], j.id) for j in others], logs, ALSO_SEEN)
    by_quote = {(j.id, j.evidence[0].source, j.evidence[0].line): j for j in reversed(others)}
    for item in items:
        judgement = by_quote[item["finding"], item["source"], item["line"]]
        item["title"], item["role"] = judgement.title, judgement.role
        item["explained_by"] = judgement.explained_by.id if judgement.explained_by else None
    return items


def _quoted(chosen: Iterable[tuple[Evidence, str]], logs: Logs, most: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    seen: set[tuple[str, int | None, str]] = set()
    for item, finding_id in chosen:
        key = (item.source, item.line, item.text[:80])
        if key in seen or len(items) >= most:
            continue
        seen.add(key)
        items.append(_quote(item, finding_id, logs.get(item.source)))
    return items


def _quote(item: Evidence, finding_id: str, log: Log | None) -> dict[str, Any]:
    """One item of evidence, with the raw lines and a few around them where it stands in a log."""
    quoted: dict[str, Any] = {
        "source": item.source, "line": item.line, "text": item.text, "finding": finding_id, "kind": item.kind,
        "note": item.note,
        "before": [], "after": [],
    }  # fmt: skip
    if log is None or item.line is None:
        return quoted
    wanted = item.text.count("\n") + 1 + item.text.endswith(":")  # "Error:" alone says nothing without its next line
    if item.text.endswith(":"):
        wanted = max(wanted, _announced(item.line, log))
    here = [line for line in log.lines if item.line <= line.number < item.line + min(wanted, QUOTE_LINES)]
    first = item.text.split("\n", 1)[0]
    if (here and first[:60] in here[0].text) or (here and wanted > 1):
        quoted["text"] = "\n".join(line.text for line in here)
    elif here:
        quoted["text"] = next((line.text for line in here if first[:60] in line.text), here[0].text)
    last = here[-1].number if here else item.line
    quoted["before"] = [asdict(ln) for ln in log.lines if item.line - CONTEXT_LINES <= ln.number < item.line]
    quoted["after"] = [asdict(ln) for ln in log.lines if last < ln.number <= last + CONTEXT_LINES]
    return quoted


def _announced(number: int, log: Log) -> int:
    """How many lines the block has that this heading begins: the heading and the indented lines below it."""
    indent = 0
    count = 1
    for line in log.lines:
        if line.number == number:
            indent = len(line.text) - len(line.text.lstrip())
        elif line.number == number + count:
            if count > BLOCK_LINES or not line.text.strip() or len(line.text) - len(line.text.lstrip()) <= indent:
                break
            count += 1
    return count


def _root_traceback(root: Judgement | None, logs: Logs) -> Traceback | None:
    if root is None or root.position.traceback is None or root.position.log not in logs:
        return None
    return logs[root.position.log].tracebacks[root.position.traceback]


def raised_by(root: Judgement | None, logs: Logs) -> RaisedException | None:
    """The exception that is the root cause, if it is one with a traceback."""
    traceback = _root_traceback(root, logs)
    if traceback is None or root is None:
        return None
    return traceback.exceptions[min(root.position.depth, len(traceback.exceptions) - 1)]


def raised_because_of(root: Judgement | None, judgements: Sequence[Judgement], logs: Logs) -> RaisedException | None:
    """Where a cause that has no traceback came to light: the first exception that it explains, else the next one."""
    if root is None or _root_traceback(root, logs):
        return None
    explained = [raised_by(j, logs) for j in judgements if j.explained_by is root.finding]
    log = logs.get(root.position.log)
    here = log.tracebacks if log else []
    below = [t.exceptions[0] for t in here if t.first_line > root.position.line]
    return next((raised for raised in (*explained, *below) if raised and last_own_frame(raised)), None)


def _chain(root: Judgement, logs: Logs) -> list[Evidence]:
    """The other exceptions of the root's chain, and the frame of the project's own code that raised it."""
    traceback, raised = _root_traceback(root, logs), raised_by(root, logs)
    if traceback is None or raised is None:
        return []
    path = root.position.log
    items = []
    if frame := last_own_frame(raised):
        source = f"\n    {frame.source}" if frame.source else ""
        items.append(
            Evidence(
                path,
                f'File "{frame.file}", line {frame.line}, in {frame.function}{source}',
                frame.log_line or None,
                "code",
            )
        )
    for exception in traceback.exceptions:
        if exception is not raised and exception.line:
            items.append(Evidence(path, f"{exception.type}: {exception.message}".rstrip(": "), exception.line))
    return items


def own_frames(root: Judgement | None, logs: Logs) -> list[dict[str, Any]]:
    """The frames of the root's exception in the project's own code, outermost first."""
    raised = raised_by(root, logs)
    return [asdict(frame) for frame in raised.frames if frame.own][-OWN_FRAMES:] if raised else []


def last_raised(facts: RunFacts) -> Evidence | None:
    """The last error of a log, for the case that nothing is known of it. What launchers say does not count."""
    for log in facts.logs:
        if log.role not in ("stderr", "stdout", "job"):
            continue
        for traceback in reversed(log.tracebacks):
            for raised in reversed(traceback.exceptions):
                name = raised.type.rsplit(".", 1)[-1]
                if raised.line and BY_TYPE.get(name, ("", "", 0.0))[1] != WRAPPER:
                    return Evidence(log.source.path, f"{raised.type}: {raised.message}".rstrip(": "), raised.line)
        for line in reversed(log.lines):  # a bare one, as rich and R print them
            name = line.text.partition(":")[0].rsplit(".", 1)[-1]
            if _BARE_ERROR.match(line.text) and BY_TYPE.get(name, ("", "", 0.0))[1] != WRAPPER:
                return Evidence(log.source.path, line.text, line.number)
        for line in reversed(log.lines[-LAST_LINES:]):
            if tells_an_error(line.text[:LONGEST]):
                return Evidence(log.source.path, line.text, line.number)
    return None


def _last_words(facts: RunFacts) -> list[Evidence]:
    """The last lines of each log that has any: all that is there when nothing speaks."""
    items = []
    for log in facts.logs:
        if log.role in ("stderr", "stdout", "job", "executor"):
            lines = [line for line in log.lines if line.text.strip()]
            items += [Evidence(log.source.path, line.text, line.number, note="last line") for line in lines[-1:]]
    return items
