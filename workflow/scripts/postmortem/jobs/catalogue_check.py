"""Checks catalogue entries against their tests as data: hits that must be found, look-alikes that must not.

The tests of the entry with id `I` and title `T` lie in `<tests>/I/<T in lower case, words joined by "-">.yaml`. Every
pattern has a line that it finds, and that no pattern before it finds: the `example` beside it, else one of the hits.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from .. import yaml_text
from ..analyze.catalogue import Catalogue, Entry
from ..analyze.diagnose import diagnose
from ..analyze.findings import FATAL, GENERIC
from ..collect.logs.scan import read_log
from ..collect.logs.statements import statements_of
from ..facts import Log, RunFacts
from ..files import read_text
from ..report.document import document


def tests_of(entry: Entry, tests: Path) -> Path:
    """Where the entry's tests lie."""
    return tests / entry.id / f"{entry.slug}.yaml"


def problems(entry: Entry, catalogue: Catalogue, tests: Path) -> list[str]:
    """What is wrong with an entry by its tests, in sentences; empty if nothing is."""
    path = tests_of(entry, tests)
    if not path.is_file():
        return [f"{entry.name} ({entry.file}) has no tests: write {path}"]
    try:
        cases = yaml_text.load(read_text(path)) or {}
    except yaml.YAMLError as error:
        return [f"{path} is not YAML: {error}"]
    found = [f"{path} has no {kind}" for kind in ("hits", "misses") if not cases.get(kind)]
    found += _of_patterns(entry, cases.get("hits") or [])
    for text in cases.get("hits") or []:
        found += _of_hit(entry, catalogue, text)
    for text in cases.get("misses") or []:
        _, names = _search(catalogue, text)
        if entry.name in names:
            found.append(f"{entry.name} is found in its look-alike, at {names[entry.name]!r}:\n{text}")
    return found


def _of_patterns(entry: Entry, hits: list[str]) -> list[str]:
    """Patterns that no line shows: nobody knows whether a program ever prints what they look for."""
    found = []
    for pattern in entry.patterns:
        role = pattern.roles[0] if pattern.roles else "stderr"
        examples = [pattern.example] if pattern.example else hits
        if any(entry.finder(statements_of(_log(text, role))) is pattern for text in examples):
            continue
        if pattern.example:
            found.append(f"{entry.name}: in its example {pattern.expression!r} finds nothing, or one before it does")
        else:
            found.append(f"{entry.name}: no line shows what {pattern.expression!r} finds: give it an `example`")
    return found


def _of_hit(entry: Entry, catalogue: Catalogue, text: str) -> list[str]:
    facts, names = _search(catalogue, text)
    if entry.name not in names:
        return [f"{entry.name} is not found, only {sorted(names)}, in:\n{text}"]
    diagnosis = document(facts, diagnose(facts, catalogue))
    found = [problem for problem in diagnosis["not_checked"] if "broke" in problem]
    if "(entry " in str(diagnosis):
        found.append(f"a text of {entry.name} cannot be rendered: {diagnosis['root_cause']} {diagnosis['fix']}")
    cause = diagnosis["root_cause"]["id"]
    if entry.role in (FATAL, GENERIC) and cause != entry.id:
        found.append(f"{entry.name} is found, but the root cause is {cause}: {diagnosis['findings']}\n{text}")
    return found


def _search(catalogue: Catalogue, text: str) -> tuple[RunFacts, dict[str, str]]:
    """The facts of a failed run that left this text in slurm.err, and the entries found in it with their statements."""
    log = _log(text, "stderr")
    names = {hit.entry.name: hit.statement.text for hit in catalogue.search(statements_of(log))}
    return RunFacts(run="test/run", directory="experimentruns/test/run", state="failed", logs=[log]), names


def _log(text: str, role: str) -> Log:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "slurm.err").write_text(text, encoding="utf-8")
        return read_log(Path(folder) / "slurm.err", Path(folder), role)
