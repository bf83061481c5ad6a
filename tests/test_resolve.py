"""The root cause is what nothing else explains: wrappers never, consequences after their causes, doubt lowers."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from postmortem.analyze.findings import FATAL, GENERIC, HINT, SYMPTOM, WRAPPER, Claim, Evidence, Finding
from postmortem.analyze.resolve import (
    BESIDE_A_RIVAL,
    GUESS,
    HIGHEST,
    LOWEST,
    Judgement,
    could_precede,
    deciding,
    explains,
    resolve,
)
from postmortem.facts import Position


def finding(id: str, line: int, role: str = FATAL, explains: list[str] | None = None, **keys: Any) -> Finding:
    place = {key: keys.pop(key) for key in ("rank", "depth", "handled", "teardown", "traceback") if key in keys}
    log = keys.pop("log", "slurm.err")
    return Finding(
        id, id, role, keys.pop("confidence", 0.85), f"{id}: {line}", explains=explains or [],
        position=Position(log if line else "", "stderr" if line else "", line, **place), **keys,
    )  # fmt: skip


def judged(*findings: Finding) -> list[Judgement]:
    before = copy.deepcopy(findings)
    judgements = resolve([Claim(one) for one in findings]).judgements
    assert findings == before  # a finding stays as its maker left it
    return judgements


def ids(*findings: Finding) -> list[str]:
    return [judgement.id for judgement in judged(*findings)]


def cause_of(finding: Finding, judgements: list[Judgement]) -> Finding | None:
    return next(judgement.explained_by for judgement in judgements if judgement.finding is finding)


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


def test_the_last_of_two_unexplained_is_the_root() -> None:
    found = judged(finding("data.empty", 20), finding("code.bug", 10))
    assert [f.id for f in found] == ["data.empty", "code.bug"]
    assert [f.explained_by for f in found] == [None, None]


def test_a_consequence_names_its_cause() -> None:
    cause, consequence = finding("gpu.oom", 10, explains=["distributed.*"]), finding("distributed.backend", 20)
    found = judged(consequence, cause)
    assert [judgement.id for judgement in found] == ["gpu.oom", "distributed.backend"]
    assert cause_of(consequence, found) is cause


def test_no_consequence_before_its_cause() -> None:
    late, early = finding("gpu.oom", 20, explains=["distributed.*"]), finding("distributed.backend", 10)
    found = judged(late, early)
    assert found[0].id == "gpu.oom"
    assert cause_of(early, found) is None


def test_a_wrapper_is_explained_by_anything_and_never_first() -> None:
    wrapper = finding("unknown", 1, WRAPPER)
    bug = finding("code.bug", 50)
    found = judged(wrapper, bug)
    assert found[0].id == "code.bug"
    assert cause_of(wrapper, found) is bug


def test_symptoms_and_hints_stand_behind() -> None:
    assert (
        ids(finding("run.interrupted", 1, SYMPTOM), finding("x.hint", 2, HINT), finding("code.bug", 9))[0] == "code.bug"
    )
    assert ids(finding("x.hint", 1, HINT), finding("run.interrupted", 2, SYMPTOM))[0] == "run.interrupted"


def test_a_handled_exception_is_not_the_root() -> None:
    handled = finding("io.network", 1, handled=True, explains=["code.bug"])
    crash = finding("code.bug", 50)
    found = judged(handled, crash)
    assert found[0].id == "code.bug"
    assert cause_of(crash, found) is None
    assert found[1].confidence < found[0].confidence
    assert "the program went on after it, or was started again" in [reason.text for reason in found[1].reasons]


def test_the_specific_stands_for_the_generic_of_the_same_statement() -> None:
    specific, generic = finding("gpu.oom", 5), finding("code.bug", 5, GENERIC)
    assert ids(generic, specific) == ["gpu.oom"]


def test_two_causes_that_explain_each_other_do_not_both_vanish() -> None:
    a, b = (
        finding("io.network", 5, explains=["tracking.*"]),
        finding("tracking.service", 5, explains=["io.*"], log="out"),
    )
    found = judged(a, b)
    assert found[0].explained_by is None


def test_confidence_follows_support_and_doubt() -> None:
    (alone,) = judged(finding("code.bug", 1))
    (confirmed,) = judged(finding("code.bug", 1, confirmed_by=["sacct", "the config"]))
    (refuted,) = judged(finding("code.bug", 1, refuted_by=["sacct"]))
    rivals = judged(finding("code.bug", 1), finding("data.empty", 2))
    assert refuted.confidence < rivals[0].confidence < alone.confidence < confirmed.confidence <= HIGHEST
    (doubted,) = judged(finding("code.bug", 1, refuted_by=list("xyz")))
    assert doubted.confidence == LOWEST


def test_repeats_are_one_finding_with_several_quotes() -> None:
    ranks = [finding("gpu.oom", i, rank=i, captures={"": "CUDA out of memory"}) for i in range(1, 9)]
    for one in ranks:
        one.entry = "gpu.oom: same"
    (one,) = judged(*ranks)
    assert len(one.evidence) == 0 and judged() == []


def test_what_decided_is_said_in_words() -> None:
    assert deciding(finding("a", 2), finding("b", 1)) == "it stands later in the log"
    assert deciding(finding("a", 9), finding("b", 2, handled=True)) == "the program did not go on after it"
    assert deciding(finding("a", 1), finding("a", 1)) == ""


def test_what_is_set_aside_names_what_speaks_for_it() -> None:
    specific, generic = finding("gpu.oom", 5), finding("code.bug", 5, GENERIC)
    (aside,) = resolve([Claim(generic), Claim(specific)]).set_aside
    assert aside.claim.finding is generic and aside.in_favour_of is specific


def test_what_is_raised_while_the_program_shuts_down_is_not_the_root() -> None:
    finalizer = finding("io.stale_filesystem", 90, teardown=True, explains=["code.bug"])
    crash = finding("code.bug", 50)
    found = judged(finalizer, crash)
    assert found[0].id == "code.bug" and cause_of(crash, found) is None
    assert found[1].confidence < found[0].confidence


def test_a_guess_stands_behind_what_is_known_wherever_it_stands() -> None:
    assert (
        ids(finding("config.invalid", 90, confidence=GUESS - 0.1), finding("host.disk_full", 10))[0] == "host.disk_full"
    )
    assert ids(finding("env.activation", 90), finding("code.bug", 10))[0] == "code.bug"


def test_a_step_that_is_cancelled_for_a_crash_follows_from_it() -> None:
    crash = finding("host.crash", 5, SYMPTOM, explains=["slurm.cancelled"])
    cancelled = finding("slurm.cancelled", 7, explains=["host.crash"])
    found = judged(cancelled, crash)
    assert [judgement.id for judgement in found] == ["host.crash", "slurm.cancelled"]
    assert cause_of(cancelled, found) is crash
    survived = finding("host.crash", 5, SYMPTOM, handled=True, explains=["slurm.cancelled"])
    assert ids(cancelled, survived)[0] == "slurm.cancelled"
    long_ago = finding("slurm.cancelled", 500, explains=["host.crash"])
    assert ids(long_ago, crash)[0] == "slurm.cancelled"


# --- sure, or not, beside a rival ------------------------------------------------------------------------------------


def _surest(*findings: Finding) -> float:
    return judged(*findings)[0].confidence


def test_nothing_is_sure_beside_a_rival_unless_the_end_decides() -> None:
    known = {"confidence": 0.9, "confirmed_by": ["the data", "the curves"]}
    beyond = finding("data.feature_mismatch", 0)
    assert _surest(finding("tracking.database", 20, **known), beyond) == BESIDE_A_RIVAL
    assert (
        _surest(finding("tracking.database", 20, **known), finding("data.empty", 9, log="slurm.out")) == BESIDE_A_RIVAL
    )
    assert _surest(finding("tracking.database", 20, **known), finding("data.empty", 9)) == 0.92  # it stands behind it
    recorded = finding("slurm.timeout", 0, **known, evidence=[Evidence("sacct", "TIMEOUT", None, "slurm")])
    assert next(j.confidence for j in judged(recorded, beyond) if j.id == "slurm.timeout") == 0.92
    assert _surest(finding("tracking.database", 20, **known)) == 0.98


def test_an_entry_starts_at_its_record_and_keeps_its_place() -> None:
    proven = finding("a.b", 5, confidence=0.9, by_record=0.75, strength="wording")
    other = finding("c.d", 5, confidence=0.8, log="slurm.err", traceback=None)
    judgement = next(j for j in judged(proven, other) if j.id == "a.b")
    assert judgement.reasons[0].effect == 0.75 and "wording" in judgement.reasons[0].text
    assert ids(proven, other)[0] == "a.b"


def test_words_that_were_raised_in_their_place_come_before_the_same_words_anywhere() -> None:
    anywhere, placed = finding("model.shape_mismatch", 7), finding("model.state_dict_mismatch", 7, placed=True)
    assert ids(anywhere, placed) == ["model.state_dict_mismatch"]
    assert ids(anywhere, finding("model.state_dict_mismatch", 8, placed=True))[0] == "model.state_dict_mismatch"
