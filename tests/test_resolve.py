"""The root cause is what nothing else explains: wrappers never, consequences after their causes, doubt lowers."""

from __future__ import annotations

from typing import Any

import pytest

from postmortem.analyze.findings import FATAL, GENERIC, HINT, SYMPTOM, WRAPPER, Finding
from postmortem.analyze.resolve import HIGHEST, LOWEST, could_precede, explains, resolve
from postmortem.facts import Position


def finding(id: str, line: int, role: str = FATAL, explains: list[str] | None = None, **keys: Any) -> Finding:
    place = {key: keys.pop(key) for key in ("rank", "depth", "handled", "traceback") if key in keys}
    log = keys.pop("log", "slurm.err")
    return Finding(
        id, id, role, keys.pop("confidence", 0.85), f"{id}: {line}", explains=explains or [],
        position=Position(log if line else "", "stderr" if line else "", line, **place), **keys,
    )  # fmt: skip


def ids(*findings: Finding) -> list[str]:
    return [f.id for f in resolve(list(findings))]


def test_explains_by_id_and_by_group() -> None:
    cause = finding("gpu.oom", 1, explains=["distributed.*", "run.interrupted"])
    assert explains(cause, "distributed.backend")
    assert explains(cause, "run.interrupted")
    assert not explains(cause, "run.interrupted_by")
    assert not explains(cause, "distributedly.x")


@pytest.mark.parametrize(
    ("first", "second", "possible"),
    [
        (finding("a", 1), finding("b", 2), True),
        (finding("a", 2), finding("b", 1), False),
        (finding("a", 2), finding("b", 1, SYMPTOM), True),
        (finding("a", 2, log="x"), finding("b", 1, log="y"), True),
        (finding("a", 0), finding("b", 1), True),
        (finding("a", 9, traceback=0, depth=1), finding("b", 5, traceback=0, depth=0), False),
    ],
)
def test_what_could_have_come_first(first: Finding, second: Finding, possible: bool) -> None:
    assert could_precede(first, second) is possible


def test_the_first_of_two_unexplained_is_the_root() -> None:
    found = resolve([finding("data.empty", 20), finding("code.bug", 10)])
    assert [f.id for f in found] == ["code.bug", "data.empty"]
    assert [f.explained_by for f in found] == [None, None]


def test_a_consequence_names_its_cause() -> None:
    cause, consequence = finding("gpu.oom", 10, explains=["distributed.*"]), finding("distributed.backend", 20)
    assert ids(consequence, cause) == ["gpu.oom", "distributed.backend"]
    assert consequence.explained_by == "gpu.oom"


def test_no_consequence_before_its_cause() -> None:
    late, early = finding("gpu.oom", 20, explains=["distributed.*"]), finding("distributed.backend", 10)
    assert ids(late, early)[0] == "distributed.backend"
    assert early.explained_by is None


def test_a_wrapper_is_explained_by_anything_and_never_first() -> None:
    wrapper = finding("unknown", 1, WRAPPER)
    assert ids(wrapper, finding("code.bug", 50))[0] == "code.bug"
    assert wrapper.explained_by == "code.bug"


def test_symptoms_and_hints_stand_behind() -> None:
    assert (
        ids(finding("run.interrupted", 1, SYMPTOM), finding("x.hint", 2, HINT), finding("code.bug", 9))[0] == "code.bug"
    )
    assert ids(finding("x.hint", 1, HINT), finding("run.interrupted", 2, SYMPTOM))[0] == "run.interrupted"


def test_a_handled_exception_is_not_the_root() -> None:
    handled = finding("io.network", 1, handled=True, explains=["code.bug"])
    crash = finding("code.bug", 50)
    assert ids(handled, crash)[0] == "code.bug"
    assert crash.explained_by is None
    assert handled.confidence < crash.confidence


def test_the_specific_stands_for_the_generic_of_the_same_statement() -> None:
    specific, generic = finding("gpu.oom", 5), finding("code.bug", 5, GENERIC)
    assert ids(generic, specific) == ["gpu.oom"]


def test_two_causes_that_explain_each_other_do_not_both_vanish() -> None:
    a, b = (
        finding("io.network", 5, explains=["tracking.*"]),
        finding("tracking.service", 5, explains=["io.*"], log="out"),
    )
    found = resolve([a, b])
    assert found[0].explained_by is None


def test_confidence_follows_support_and_doubt() -> None:
    (alone,) = resolve([finding("code.bug", 1)])
    (confirmed,) = resolve([finding("code.bug", 1, confirmed_by=["sacct", "the config"])])
    (refuted,) = resolve([finding("code.bug", 1, refuted_by=["sacct"])])
    rivals = resolve([finding("code.bug", 1), finding("data.empty", 2)])
    assert refuted.confidence < rivals[0].confidence < alone.confidence < confirmed.confidence <= HIGHEST
    (doubted,) = resolve([finding("code.bug", 1, refuted_by=["x"] * 9)])
    assert doubted.confidence == LOWEST


def test_repeats_are_one_finding_with_several_quotes() -> None:
    ranks = [finding("gpu.oom", i, rank=i, captures={"": "CUDA out of memory"}) for i in range(1, 9)]
    for one in ranks:
        one.entry = "gpu.oom: same"
    assert len(resolve(ranks)) == 1
    assert resolve([]) == []
