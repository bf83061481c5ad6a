"""The diagnosis as a dictionary: the contract's keys, and what the report shows beyond them."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from ..analyze.exceptions.classify import last_own_frame
from ..analyze.exceptions.tables import BY_TYPE
from ..analyze.findings import HINT, WRAPPER, Evidence, Finding
from ..analyze.remedies import fixes
from ..facts import Log, RaisedException, RunFacts, Traceback
from ..text import one_line

# "RuntimeError: text" without its traceback, and R's "Error in f(x) :" or "Error: text".
_BARE_ERROR = re.compile(
    r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): \S|Error(?: in (?!rule|group)[^\n]{1,200}?)? ?:"
)
SCHEMA_VERSION = 1
SUMMARY_CHARACTERS = 300  # the contract's limit
SUMMARY_SENTENCES = 200  # characters; two lines of a terminal
QUOTE_LINES = 30  # of one exception's message
BLOCK_LINES = 8  # of the indented block under a heading, such as the missing files of a rule
CONTEXT_LINES = 3  # shown around a quote
EVIDENCE_ITEMS = 24
FINDINGS = 40
CODE_FRAMES = 2  # the innermost; the others are listed in the traceback
OWN_FRAMES = 12


def present(
    facts: RunFacts, status: str, root: Finding | None, findings: list[Finding], problems: list[str]
) -> dict[str, Any]:
    """Everything that is written to diagnosis.json."""
    logs = {log.source.path: log for log in facts.logs}
    ordered = [root, *(f for f in findings if f is not root)] if root else findings
    failed = status in ("failed", "suspect")
    raised = _raised(root, logs)
    evidence = _evidence(root, ordered, facts, logs) if failed else []
    return {
        "schema_version": SCHEMA_VERSION,
        "run": facts.run,
        "status": status,
        "summary": one_line(_summary(facts, status, root), SUMMARY_CHARACTERS),
        "root_cause": _root_cause(facts, root) if failed else None,
        "findings": [_listed(f) for f in ordered if f.role not in (WRAPPER, HINT) or f is root][:FINDINGS],
        "evidence": evidence,
        "fix": [asdict(fix) for fix in fixes.fixes(facts, root, raised, evidence)] if failed else [],
        "prevention": (root.prevention if root and root.prevention else _general_prevention(root)) if failed else [],
        "not_checked": [*facts.not_checked, *problems],
        "discovery": facts.reasons,
        "attempts": [asdict(attempt) for attempt in facts.attempts],
        "code": [asdict(frame) for frame in facts.code[:CODE_FRAMES]],
        "changed": asdict(facts.good_run) if facts.good_run and failed else None,
        "traceback": _traceback(root, logs) if failed else [],
        "stage": facts.stage,
        "dataset": facts.dataset,
    }


def _summary(facts: RunFacts, status: str, root: Finding | None) -> str:
    if status == "ok":
        return f"{facts.run}: no sign of a failure."
    if status == "running":
        return f"{facts.run}: still running or waiting."
    if root is None:
        why = f" ({facts.reasons[0]})" if facts.reasons else ""
        raised = _last_raised(facts)
        if raised:
            return f"{facts.run} failed{why}; nothing explains it for sure. The last error is {raised.text}"
        return f"{facts.run} failed{why}, but nothing that was read says why."
    return _first_sentences(root.root_cause) or root.title


def _first_sentences(text: str) -> str:
    """The beginning of a text, up to the last sentence that ends within what one line of a terminal's summary holds."""
    text = " ".join(text.split())
    ends = [match.end() for match in re.finditer(r"[.!?](?= [A-Z(])", text) if match.end() <= SUMMARY_SENTENCES]
    return text[: ends[-1]] if ends and len(text) > SUMMARY_SENTENCES else text


def _root_cause(facts: RunFacts, root: Finding | None) -> dict[str, Any]:
    if root is None:
        read = ", ".join(log.source.path for log in facts.logs if log.size)
        silent = f"neither {read} nor anything else that was read" if read else "it left no log, and nothing else"
        reasons = "; ".join(facts.reasons) or "it was asked for"
        raised = _last_raised(facts)
        explanation = f"It is known that the run failed ({reasons}), but {silent} says why."
        if raised:
            explanation = (
                f"Nothing explains the failure for sure. The last error in the log: {one_line(raised.text, 500)}"
            )
        return {
            "id": "unknown",
            "title": "Cause not known",
            "explanation": explanation,
            "confidence": 0.3,
            "upstream_run": None,
            "confirmed_by": [],
            "refuted_by": [],
            "would_refute": "",
            "references": [],
        }
    return {
        "id": root.id,
        "title": root.title,
        "explanation": root.root_cause or root.title,
        "confidence": root.confidence,
        "upstream_run": root.upstream_run,
        "confirmed_by": root.confirmed_by,
        "refuted_by": root.refuted_by,
        "would_refute": root.would_refute,
        "references": root.references,
    }


def _listed(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "title": finding.title,
        "confidence": finding.confidence,
        "explained_by": finding.explained_by,
        "role": finding.role,
        "handled": finding.position.handled,
        "source": finding.position.log or (finding.evidence[0].source if finding.evidence else ""),
        "line": finding.position.line or None,
    }


def _evidence(
    root: Finding | None, findings: list[Finding], facts: RunFacts, logs: dict[str, Log]
) -> list[dict[str, Any]]:
    chosen: list[tuple[Evidence, str]] = []
    if root:
        chosen += [(item, root.id) for item in root.evidence]
        chosen += [(item, root.id) for item in _chain(root, logs)]
        for finding in findings:
            if finding is not root and (finding.id == root.id or finding.role == HINT) and finding.evidence:
                chosen.append((finding.evidence[0], finding.id))
        others = [f for f in findings if f is not root and f.id != root.id and f.role not in (WRAPPER, HINT)]
        chosen += [(f.evidence[0], f.id) for f in others if f.evidence]
    else:
        chosen += [(f.evidence[0], f.id) for f in findings if f.evidence]
        if raised := _last_raised(facts):
            chosen.insert(0, (raised, "unknown"))
        chosen += [(item, "unknown") for item in _last_words(facts)]
    items: list[dict[str, Any]] = []
    seen: set[tuple[str, int | None, str]] = set()
    for item, finding_id in chosen:
        key = (item.source, item.line, item.text[:80])
        if key in seen or len(items) >= EVIDENCE_ITEMS:
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


def _root_traceback(root: Finding | None, logs: dict[str, Log]) -> Traceback | None:
    if root is None or root.position.traceback is None or root.position.log not in logs:
        return None
    return logs[root.position.log].tracebacks[root.position.traceback]


def _raised(root: Finding | None, logs: dict[str, Log]) -> RaisedException | None:
    """The exception that is the root cause, if it is one with a traceback."""
    traceback = _root_traceback(root, logs)
    if traceback is None or root is None:
        return None
    return traceback.exceptions[min(root.position.depth, len(traceback.exceptions) - 1)]


def _chain(root: Finding, logs: dict[str, Log]) -> list[Evidence]:
    """The other exceptions of the root's chain, and the frame of the project's own code that raised it."""
    traceback, raised = _root_traceback(root, logs), _raised(root, logs)
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


def _traceback(root: Finding | None, logs: dict[str, Log]) -> list[dict[str, Any]]:
    """The frames of the root's exception in the project's own code, outermost first."""
    raised = _raised(root, logs)
    return [asdict(frame) for frame in raised.frames if frame.own][-OWN_FRAMES:] if raised else []


def _last_raised(facts: RunFacts) -> Evidence | None:
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
    return None


def _last_words(facts: RunFacts) -> list[Evidence]:
    """The last lines of each log that has any: all that is there when nothing speaks."""
    items = []
    for log in facts.logs:
        if log.role in ("stderr", "stdout", "job", "executor"):
            lines = [line for line in log.lines if line.text.strip()]
            items += [Evidence(log.source.path, line.text, line.number, note="last line") for line in lines[-1:]]
    return items


def _general_prevention(root: Finding | None) -> list[str]:
    if root is None:
        return [
            "Let the job write its output unbuffered (PYTHONUNBUFFERED=1) and with PYTHONFAULTHANDLER=1, so that "
            "the last words are kept."
        ]
    return [
        "Run the stage once on a small sample before the whole workflow is submitted: it shows this failure in "
        "a minute."
    ]
