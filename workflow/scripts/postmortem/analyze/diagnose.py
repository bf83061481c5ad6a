"""From facts to the diagnosis of one run: hits → findings → claims → judgements → verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..collect.logs.statements import EXCEPTION, Statement, statements_of
from ..facts import RunFacts
from . import plain_errors
from .catalogue import Catalogue, Hit
from .checks import good_run
from .checks.checks import confirm
from .detectors import all_detectors
from .exceptions import chains, classify
from .findings import HINT, WRAPPER, Claim, Finding, Support
from .resolve import Resolution, resolve
from .verdict import Verdict, verdict
from .wording import finding_of


@dataclass(frozen=True)
class Diagnosis:
    """What was judged of one run. problems: parts of the judgement that broke, in words."""

    verdict: Verdict
    resolution: Resolution
    problems: list[str]


def diagnose(facts: RunFacts, catalogue: Catalogue) -> Diagnosis:
    """The diagnosis of one run from its facts alone."""
    problems: list[str] = []
    statements = [statements_of(log) for log in facts.logs]
    said = _said_by_logs(facts, catalogue, statements)
    claims = [Claim(finding, _support(finding, facts, True, problems)) for _, finding in said]
    # Detectors have looked at all facts themselves.
    shown = _shown_by_other_facts(facts, problems)
    claims += [Claim(finding, _support(finding, facts, False, problems)) for finding in shown]
    resolution = resolve(claims, chains.speakers(said))
    every_statement = [statement for of_log in statements for statement in of_log]
    return Diagnosis(verdict(facts, resolution.judgements, every_statement), resolution, problems)


def _said_by_logs(
    facts: RunFacts, catalogue: Catalogue, statements: list[list[Statement]]
) -> list[tuple[Statement, Finding]]:
    """What the catalogue knows of the logs' statements, and what exceptions say by themselves."""
    said: list[tuple[Statement, Finding]] = []
    for of_log in statements:
        hits = catalogue.search(of_log)
        said += [(hit.statement, finding_of(hit, facts)) for hit in hits]
        said += _unknown_exceptions(of_log, hits, facts)
        known = {id(statement) for statement, finding in said if finding.role not in (HINT, WRAPPER)}
        said += plain_errors.guesses(of_log, known)
    return said


def _unknown_exceptions(
    statements: list[Statement], hits: list[Hit], facts: RunFacts
) -> list[tuple[Statement, Finding]]:
    known = {id(hit.statement) for hit in hits if hit.entry.role != HINT}
    unknown = [s for s in statements if s.kind == EXCEPTION and id(s) not in known]
    return [(statement, finding) for statement in unknown if (finding := classify.classify(statement, facts.code))]


def _shown_by_other_facts(facts: RunFacts, problems: list[str]) -> list[Finding]:
    findings: list[Finding] = []
    for name, detect in all_detectors():
        try:
            made_in = f"scripts/postmortem/analyze/detectors/{name}.py"
            findings += [replace(finding, made_in=made_in) for finding in detect(facts)]
        except Exception as error:
            problems.append(f"the detector {name} broke: {type(error).__name__}: {error}")
    return findings


def _support(finding: Finding, facts: RunFacts, from_log: bool, problems: list[str]) -> Support:
    support = Support()
    try:
        if from_log:
            support = confirm(finding, facts)
        good_run.compare(finding, facts, support)
    except Exception as error:
        problems.append(f"a check of {finding.id} broke: {type(error).__name__}: {error}")
    return support
