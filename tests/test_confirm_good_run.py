"""What differs from the last good run supports the cause that it is about, and names none by itself."""

from __future__ import annotations

from typing import Any

import pytest
from made_runs import facts_of

from postmortem.analyze.checks.good_run import compare
from postmortem.analyze.findings import FATAL, HINT, SYMPTOM, Claim, Evidence, Finding, Fix, Support
from postmortem.facts import Difference, GoodRun, RunFacts

RUN = "set_01/teacher_autoencoder"


def _supported(
    id: str, *differ: Difference, good: str = "set_02/teacher_autoencoder", said: str = "", **more: Any
) -> tuple[Claim, RunFacts]:
    facts = facts_of(RUN, "failed", {d.name: d.now for d in differ if d.kind == "config"})
    relation = "same run" if good == RUN else "sibling"
    facts.good_run = GoodRun(good, relation, "2026-01-02T11:00:00", list(differ))
    for difference in differ:
        if facts.config and difference.kind == "config":
            difference.line = facts.config.values[difference.name].line
    values = {"role": FATAL, "confidence": 0.7, "evidence": [Evidence("slurm.err", said or "it failed", 7)]} | more
    finding = Finding(id, id, **values)
    support = Support()
    compare(finding, facts, support)
    return Claim(finding, support), facts


def _key(name: str, then: Any, now: Any) -> Difference:
    return Difference("config", name, str(now), str(then), "config.json")


@pytest.mark.parametrize(
    ("id", "difference", "supports"),
    [
        ("training.divergence", _key("lr", 0.002, 50), True),
        ("training.divergence", _key("lr", 0.002, 0.0021), False),
        ("training.divergence", _key("lr", 50, 0.002), False),
        ("training.no_learning", _key("lr", 0.002, 1e-9), True),
        ("training.nan_loss", _key("precision", "32-true", "16-mixed"), True),
        ("training.nan_loss", _key("gradient_clip", 1.0, 0.0), True),
        ("training.nan_loss", _key("num_workers", 1, 8), False),
        ("gpu.oom", _key("batch_size", 32, 4096), True),
        ("gpu.oom", _key("batch_size", 4096, 32), False),
        ("gpu.oom", _key("lr", 0.002, 50), False),
        ("host.oom", _key("num_workers", 0, 16), True),
        ("slurm.timeout", _key("max_epochs", 20, 300), True),
        ("slurm.timeout", _key("max_epochs", 300, 20), False),
        ("training.monitor_missing", _key("monitor_metric", "val_loss", "val_los"), True),
        ("training.dtype_mismatch", _key("precision", "32-true", "64-true"), True),
        ("config.invalid", _key("use_kd", False, True), True),
        ("config.invalid", _key("teacher_path", "t.pt", ""), True),
        ("model.shape_mismatch", _key("gat_hidden", 8, 16), True),
        ("code.import", _key("lr", 0.002, 50), False),
        ("io.network", _key("batch_size", 32, 4096), False),
    ],
)
def test_a_key_that_the_cause_is_about(id: str, difference: Difference, supports: bool) -> None:
    finding, _ = _supported(id, difference)
    said = f"differs from the last good run set_02/teacher_autoencoder: {difference.name} {difference.then} then, "
    assert finding.confirmed_by == ([f"{said}{difference.now} now"] if supports else [])
    quoted = [item for item in finding.evidence if item.kind == "config"]
    assert [item.line == difference.line for item in quoted] == ([True] if supports else [])
    assert [fix.config for fix in finding.fixes] == ([{difference.name: _typed(difference.then)}] if supports else [])


def _typed(text: str) -> Any:
    return {"True": True, "False": False}.get(text, float(text) if text.replace(".", "").isdigit() else text)


def test_the_old_value_is_the_first_fix() -> None:
    finding, _ = _supported("training.divergence", _key("lr", 0.002, 50), good=RUN)
    assert (
        finding.fixes[0].text
        == f"Set lr back to 0.002, as in the last good run {RUN}, which ended 2026-01-02T11:00:00."
    )
    assert finding.fixes[0].command and finding.fixes[0].command.endswith("--lr 0.002")
    better = Fix("Halve it.", None, {"lr": 25})
    finding, _ = _supported("training.divergence", _key("lr", 0.002, 50), fix=[better])
    assert [fix.config for fix in finding.fixes] == [{"lr": 0.002}, {"lr": 25}] and finding.confirmed_by


def test_between_a_teacher_and_its_student_sizes_say_nothing() -> None:
    student = "set_01/student_autoencoder"
    assert _supported("gpu.oom", _key("batch_size", 32, 4096), good=student)[0].confirmed_by == []
    assert _supported("training.divergence", _key("lr", 0.002, 50), good=student)[0].confirmed_by


@pytest.mark.parametrize("weak", [{"confidence": 0.45}, {"role": HINT}])
def test_a_difference_alone_names_no_cause(weak: dict[str, Any]) -> None:
    assert _supported("training.divergence", _key("lr", 0.002, 50), **weak)[0].confirmed_by == []


def test_a_package_that_the_message_names() -> None:
    changed = Difference("package", "numpy", "2.0.1", "1.26.4")
    said = "AttributeError: `np.float_` was removed in the NumPy 2.0 release."
    finding, _ = _supported("code.library_conflict", changed, said=said)
    assert finding.confirmed_by == [
        "differs from the last good run set_02/teacher_autoencoder: numpy 1.26.4 then, 2.0.1 now"
    ]
    assert finding.fixes[0].command == "pip install numpy==1.26.4"
    assert _supported("code.library_conflict", changed, said="libfoo.so: undefined symbol")[0].confirmed_by == []
    assert _supported("gpu.oom", changed, said=said)[0].confirmed_by == []


@pytest.mark.parametrize(("ended_by", "set_back"), [("timeout", [{"max_epochs": 20}]), ("", [])])
def test_what_a_time_out_ended_has_more_to_do_than_the_good_run(ended_by: str, set_back: list[Any]) -> None:
    captures = {"ended_by": ended_by} if ended_by else {}
    finding, _ = _supported(
        "run.interrupted", _key("max_epochs", 20, 100000), role=SYMPTOM, confidence=0.6, captures=captures
    )
    assert [fix.config for fix in finding.fixes] == set_back


def test_why_is_told_by_what_differs_instead_of_by_the_usual_reasons() -> None:
    usual = "The loss is no number. Typical reasons: a large rate, half precision."
    claim, _ = _supported("training.nan_loss", _key("lr", 0.002, 50), root_cause=usual)
    assert claim.explanation == (
        "The loss is no number. In the last good run set_02/teacher_autoencoder lr was 0.002 (50 now)."
    )
    alone, _ = _supported("training.nan_loss", root_cause=usual)
    assert alone.explanation == usual
