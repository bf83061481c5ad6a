"""The runs that a run needs: which they are, how they are, and when one of them is the cause."""

from __future__ import annotations

from pathlib import Path

from made_runs import facts_of, make_run, plain_weights

from postmortem.analyze.detectors import upstream as detector
from postmortem.collect.around import upstream as reader
from postmortem.collect.logs.traceback import parse_tracebacks
from postmortem.discover.discovery import RunState, discover
from postmortem.facts import Checkpoint, Line, Log, RunFacts, Source, TensorFacts
from postmortem.project.project import from_config
from postmortem.project.runs import from_id

FAILED = 'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    g()\nRuntimeError: CUDA out of memory\n'


def _facts(root: Path, run: str, state: str = "failed") -> RunFacts:
    facts = facts_of(run, state)
    watched = from_config({"sacct": "off"}, root)
    reader.read(watched, RunState(from_id(run, watched)), facts, discover(watched, runs_required=False).all_runs)
    return facts


def test_who_needs_whom_and_how_they_are(tmp_path: Path) -> None:
    make_run(tmp_path, "set_01/student_fusion_kd")
    make_run(tmp_path, "set_01/student_curriculum_kd", stderr=FAILED)
    make_run(tmp_path, "set_01/student_autoencoder_kd", weights=plain_weights())
    (tmp_path / "experimentruns/set_01/student_autoencoder_kd/config.json").write_text("{")
    facts = _facts(tmp_path, "set_01/student_fusion_kd")
    found = {run.run.removeprefix("set_01/"): run for run in facts.upstream}
    assert {name: (run.state, run.distance) for name, run in found.items()} == {
        "student_autoencoder_kd": ("complete", 1),
        "student_curriculum_kd": ("failed", 1),
        "teacher_fusion": ("absent", 1),
        "teacher_autoencoder": ("absent", 2),
        "teacher_curriculum": ("absent", 2),
    }
    curriculum = found["student_curriculum_kd"]
    assert curriculum.evidence[0].text == "RuntimeError: CUDA out of memory" and curriculum.evidence[0].number == 4
    assert next(a.state for a in found["student_autoencoder_kd"].artefacts if a.role == "config") == "unreadable"


def test_line_numbers_of_a_long_log_count_from_its_beginning(tmp_path: Path) -> None:
    make_run(tmp_path, "set_01/teacher_autoencoder", stderr="some words about nothing\n" * 20_000 + FAILED)
    run = _facts(tmp_path, "set_01/teacher_curriculum").upstream[0]
    assert run.evidence[0].number == 20_004


def test_the_first_failed_run_of_the_chain_is_the_cause(tmp_path: Path) -> None:
    make_run(tmp_path, "set_01/teacher_autoencoder", stderr=FAILED)
    make_run(tmp_path, "set_01/teacher_curriculum", stderr="FileNotFoundError: teacher_autoencoder/best_model.pt\n")
    facts = _facts(tmp_path, "set_01/teacher_fusion")
    finding = detector.detect(facts)[0]
    assert (finding.id, finding.upstream_run) == ("workflow.upstream_failed", "set_01/teacher_autoencoder")
    assert "CUDA out of memory" in finding.root_cause
    assert finding.fix[0].command and finding.fix[0].command.endswith(
        "experimentruns/set_01/teacher_autoencoder/best_model.pt"
    )
    assert "model.checkpoint_missing" in finding.explains


def test_of_two_failed_runs_the_one_farther_up_is_the_cause(tmp_path: Path) -> None:
    for name in ("autoencoder", "curriculum"):
        make_run(tmp_path, f"set_01/teacher_{name}", stderr=FAILED)
    make_run(tmp_path, "set_01/student_autoencoder_kd", weights=plain_weights())
    finding = detector.detect(_facts(tmp_path, "set_01/student_curriculum_kd"))[0]
    assert finding.upstream_run == "set_01/teacher_autoencoder"


def test_needed_runs_that_are_well_or_were_never_run_are_no_cause(tmp_path: Path) -> None:
    assert detector.detect(_facts(tmp_path, "set_01/teacher_fusion")) == []
    for name in ("autoencoder", "curriculum"):
        make_run(tmp_path, f"set_01/teacher_{name}", weights=plain_weights(), stderr=FAILED + "INFO tried again\n")
    assert detector.detect(_facts(tmp_path, "set_01/teacher_fusion")) == []


def test_a_needed_run_that_made_nan_is_the_cause(tmp_path: Path) -> None:
    facts = facts_of("set_01/teacher_evaluation", "suspect")
    tensors = [TensorFacts("w", [2, 2], nan=3)]
    checkpoint = Checkpoint(
        Source("f.pt"), "upstream", "set_01/teacher_fusion", tensors=tensors, tensor_count=1, nan_tensors=1
    )
    facts.checkpoints = [checkpoint]
    finding = detector.detect(facts)[0]
    assert (finding.id, finding.upstream_run) == ("workflow.upstream_failed", "set_01/teacher_fusion")
    assert "training.*" in finding.explains
    checkpoint.nan_tensors, tensors[0].nan = 0, 0
    assert detector.detect(facts) == []
    checkpoint.role, checkpoint.nan_tensors = "own", 1
    assert detector.detect(facts) == []


def test_a_stage_that_refuses_because_of_the_missing_file_is_explained(tmp_path: Path) -> None:
    make_run(tmp_path, "set_01/teacher_autoencoder", stderr=FAILED)
    refused = (
        'Traceback (most recent call last):\n  File "v.py", line 3, in f\n    raise ValueError(m)\nValueError: {}\n'
    )
    for words, explained in (("it needs experimentruns/set_01/teacher_autoencoder/best_model.pt", True), ("lr", False)):
        make_run(tmp_path, "set_01/teacher_curriculum", stderr=refused.format(words))
        facts = _facts(tmp_path, "set_01/teacher_curriculum")
        lines = [Line(i, text) for i, text in enumerate(refused.format(words).splitlines(), start=1)]
        facts.logs = [Log(Source("slurm.err"), "stderr", lines=lines, tracebacks=parse_tracebacks(lines))]
        assert ("config.*" in detector.detect(facts)[0].explains) is explained
