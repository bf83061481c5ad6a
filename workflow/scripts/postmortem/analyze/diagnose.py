"""From facts to the diagnosis of one run: findings, the root cause, and everything the report shows."""

from __future__ import annotations

from typing import Any

from ..collect.logs.statements import EXCEPTION, Statement, statements_of
from ..facts import RunFacts
from ..report.document import present
from .catalogue import Catalogue, Entry, finding_from
from .checks import good_run
from .checks.checks import confirm
from .detectors import all_detectors
from .exceptions import chains, classify
from .findings import Evidence, Finding
from .resolve import resolve
from .verdict import verdict
from .wording import word


def diagnose(facts: RunFacts, catalogue: Catalogue) -> dict[str, Any]:
    """The diagnosis of one run as diagnosis.json holds it, valid against the contract's schema."""
    problems: list[str] = []
    statements = [statements_of(log) for log in facts.logs]
    said = _said_by_logs(facts, catalogue, statements)
    shown = _shown_by_other_facts(facts, problems)
    for finding in (*said, *shown):
        try:
            if not any(finding is other for other in shown):  # detectors have looked at all facts themselves
                confirm(finding, facts)
            good_run.support(finding, facts)
        except Exception as error:
            problems.append(f"a check of {finding.id} broke: {type(error).__name__}: {error}")
    findings = resolve([*said, *shown])
    status, root = verdict(facts, findings, [s for log in statements for s in log])
    return present(facts, status, root, findings, problems)


def _said_by_logs(facts: RunFacts, catalogue: Catalogue, statements: list[list[Statement]]) -> list[Finding]:
    """What the catalogue knows of the logs' statements, and what exceptions say by themselves."""
    pairs: list[tuple[Statement, Finding, Entry | None]] = []
    for of_log in statements:
        known: set[int] = set()
        for entry, statement, captures in catalogue.search(of_log):
            pairs.append((statement, finding_from(entry, statement, captures), entry))
            if entry.role not in ("hint",):
                known.add(id(statement))
        for statement in of_log:
            if statement.kind == EXCEPTION and id(statement) not in known and (finding := classify.classify(statement)):
                finding.position = statement.position
                finding.evidence.append(Evidence(finding.position.log, statement.text, statement.line))
                pairs.append((statement, finding, None))
    chains.settle([(statement, finding) for statement, finding, _ in pairs])
    for statement, finding, known_as in pairs:
        if known_as is not None:
            word(finding, known_as, statement, facts)
    return [finding for _, finding, _ in pairs]


def _shown_by_other_facts(facts: RunFacts, problems: list[str]) -> list[Finding]:
    findings: list[Finding] = []
    for name, detect in all_detectors():
        try:
            findings += detect(facts)
        except Exception as error:
            problems.append(f"the detector {name} broke: {type(error).__name__}: {error}")
    return findings
