"""Checkpoints described without running what is in them, within limits of memory and time."""

from __future__ import annotations

import json
import math
import os
import pickle
import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from made_runs import PROFILE, facts_of, make_run, plain_weights, project, run_state

from postmortem.analyze.detectors import checkpoints as detector
from postmortem.analyze.findings import FATAL, HINT, SYMPTOM
from postmortem.collect.tensors import checkpoint as reader
from postmortem.collect.tensors.checkpoint import read_checkpoint
from postmortem.collect.tensors.helper import Helper, HelperDied
from postmortem.collect.tensors.inert_pickle import read_pickle
from postmortem.facts import ABSENT, PARTIAL, READ, UNREADABLE


class Hostile:
    """Unpickling this runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


class Blocked:
    """An object of the project's own code, which weights_only refuses but which runs nothing."""


def _describe(path: Path) -> Any:
    return read_checkpoint(path, path.parent)


def _saved(tmp_path: Path, value: Any, **options: Any) -> Path:
    torch.save(value, tmp_path / "best_model.pt", **options)
    return tmp_path / "best_model.pt"


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
def test_a_state_dict(tmp_path: Path, options: dict[str, Any]) -> None:
    weights = plain_weights()
    weights["head.weight"][1, 2] = -7.5
    found = _describe(_saved(tmp_path, weights, **options))
    assert (found.source.state, found.kind, found.problem, found.tensor_count) == (READ, "state_dict", "", 7)
    rows = {tensor.name: tensor for tensor in found.tensors}
    assert rows["id_embedding.weight"].shape == [30, 4]
    assert rows["head.weight"].largest == 7.5
    assert rows["bn.num_batches_tracked"].largest == 200_000
    # statistics of BatchNorm are no parameters
    assert found.parameter_count == 30 * 4 + 8 * 14 + 8 + 2 * 8 + 2


def test_nan_and_infinities_are_counted_in_every_precision(tmp_path: Path) -> None:
    weights: dict[str, Any] = {}
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        weights[str(dtype)] = torch.tensor([1.0, math.nan, math.inf, -math.inf, -3.0], dtype=dtype)
    weights["ids"] = torch.tensor([-9, 4])
    found = _describe(_saved(tmp_path, weights))
    assert [(t.nan, t.infinite, t.largest) for t in found.tensors] == [(1, 2, 3.0)] * 4 + [(0, 0, 9.0)]
    assert found.nan_tensors == 4


def test_views_and_shared_storages(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    base[2, 3] = math.nan
    found = _describe(_saved(tmp_path, {"head": base[0], "turned": base.t(), "middle": base[1:2, 1:3]}))
    rows = {tensor.name: tensor for tensor in found.tensors}
    assert (rows["head"].nan, rows["head"].largest) == (0, 3.0)
    assert rows["turned"].shape == [4, 3] and rows["turned"].nan == 1


def test_lightning_and_nested_checkpoints(tmp_path: Path) -> None:
    weights = plain_weights()
    optimizer = {"state": {0: {"exp_avg": torch.full((3,), math.nan)}}}
    lightning = {"epoch": 3, "state_dict": weights, "optimizer_states": [optimizer], "hyper_parameters": {"lr": 0.1}}
    found = _describe(_saved(tmp_path, lightning))
    assert (found.kind, found.tensor_count, found.nan_tensors) == ("lightning", 7, 0)
    found = _describe(
        _saved(tmp_path, {"q_network": {"net.0.weight": torch.ones(2)}, "optimizer": optimizer, "epsilon": 0.1})
    )
    assert [tensor.name for tensor in found.tensors] == ["q_network.net.0.weight"]


def test_safetensors(tmp_path: Path) -> None:
    header = {"__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + torch.tensor([1.0, math.nan]).numpy().tobytes())
    found = _describe(path)
    assert (found.kind, found.tensors[0].shape, found.tensors[0].nan) == ("safetensors", [2], 1)
    path.write_bytes(path.read_bytes()[:-4])
    assert _describe(path).problem == "truncated"


def _cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("spoil", "problem", "words"),
    [
        (lambda path: path.write_bytes(b""), "empty", "0 bytes"),
        (lambda path: _cut(path, 0.6), "truncated", "cut off"),
        (lambda path: path.write_text("<html>Not found</html>"), "not_a_checkpoint", "<html>"),
        (
            lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
            "not_a_checkpoint",
            "git lfs pull",
        ),
        (lambda path: path.write_bytes(bytes(4096)), "not_a_checkpoint", "zeros"),
        (lambda path: path.write_bytes(pickle.dumps([1, 2])), "not_a_checkpoint", "no tensor"),
        (lambda path: path.write_bytes(b"\x80\x04\x95"), "truncated", "pickle"),
    ],
)
def test_what_is_no_checkpoint(tmp_path: Path, spoil: Any, problem: str, words: str) -> None:
    path = _saved(tmp_path, plain_weights())
    spoil(path)
    found = _describe(path)
    assert (found.problem, found.source.state) == (problem, UNREADABLE)
    assert words in found.source.reason


@pytest.mark.parametrize("legacy", [False, True])
def test_a_checkpoint_that_was_cut_off_within_its_values(tmp_path: Path, legacy: bool) -> None:
    path = _saved(tmp_path, {"w": torch.ones(5000)}, _use_new_zipfile_serialization=not legacy)
    _cut(path, 0.5)
    assert _describe(path).problem == "truncated"


def test_absent_and_forbidden_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _describe(tmp_path / "best_model.pt").source.state == ABSENT

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    path = _saved(tmp_path, plain_weights())
    monkeypatch.setattr(Helper, "ask", refuse)
    found = _describe(path)
    assert found.source.state == UNREADABLE and "permission denied" in found.source.reason


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_a_command_is_named_and_not_run(tmp_path: Path, legacy: bool) -> None:
    proof = tmp_path / "was-run"
    value = {"state_dict": plain_weights(), "extra": Hostile(f"touch {proof}"), "own": Blocked()}
    path = _saved(tmp_path, value, _use_new_zipfile_serialization=not legacy)
    found = _describe(path)
    assert not proof.exists()
    assert found.problem == "refused_globals" and "posix.system" in found.refused_globals
    assert found.tensor_count == 7, "the weights beside it are described all the same"
    facts = facts_of()
    facts.checkpoints = [found]
    finding = detector.detect(facts)[0]
    assert finding.role == FATAL and "posix.system" in finding.root_cause
    torch.load(path, weights_only=False)
    assert proof.exists(), "the file would have run the command"


def test_a_class_of_the_projects_own_is_refused_but_no_alarm(tmp_path: Path) -> None:
    found = _describe(_saved(tmp_path, {"w": torch.ones(2), "config": Blocked()}))
    assert found.refused_globals == [f"{__name__}.Blocked"]
    facts = facts_of(state="failed")
    facts.checkpoints = [found]
    assert [f.role for f in detector.detect(facts)] == [HINT]


@pytest.mark.parametrize(
    "attack",
    [
        b"cposix\nsystem\n(S'touch PROOF'\ntR.",
        b'c__builtin__\neval\n(S\'open("PROOF","w")\'\ntR.',
        b"\x80\x02c__builtin__\ngetattr\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\ntR(S'touch PROOF'\ntR.",
        b"\x80\x02cpostmortem.collect.tensors.inert_pickle\nread_pickle\n}(X\x08\x00\x00\x00__code__Nub.",
        b"(S'touch PROOF'\nios\nsystem\n.",
    ],
)
def test_pickles_by_hand_run_nothing(tmp_path: Path, attack: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        read_pickle(attack)
    except pickle.UnpicklingError:
        pass
    assert not (tmp_path / "PROOF").exists()


def test_a_pickle_that_grows_without_bound_is_stopped(tmp_path: Path) -> None:
    # each step doubles a tuple of tuples; written out it would be 2^60 items, shared it is small - and walked it is not
    bomb = b"\x80\x02N" + b"2\x86" * 60 + b"."
    path = tmp_path / "best_model.pt"
    path.write_bytes(bomb)
    helper = Helper(time_limit=5)
    found = read_checkpoint(path, tmp_path, helper=helper)
    assert found.problem
    helper.close()


def test_the_helper_survives_a_file_that_kills_it(tmp_path: Path) -> None:
    size = 3_000_000
    path = tmp_path / "best_model.pt"
    path.write_bytes(b"\x80\x04]" + b"(" + b"]" * size + b"e.")
    helper = Helper(memory_limit=260 * 2**20, time_limit=10)
    found = read_checkpoint(path, tmp_path, helper=helper)
    assert found.problem in ("killed", "too_large"), found.source.reason
    assert read_checkpoint(_saved(tmp_path, plain_weights()), tmp_path, helper=helper).tensor_count == 7
    helper.close()


def test_a_reader_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    fifo = tmp_path / "best_model.pt"
    fifo.write_bytes(b"x")
    helper = Helper(time_limit=0.0001)
    with pytest.raises(HelperDied, match="took more than"):
        helper.ask("checkpoint", path=str(fifo))
    helper.close()


@pytest.mark.slow
def test_two_gigabytes_stay_under_the_limit_of_memory(tmp_path: Path) -> None:
    weights = {f"layer.{i}.weight": torch.empty(64_000_000) for i in range(8)}
    with torch.serialization.skip_data():  # holes instead of values: 2 GB that take no space
        path = _saved(tmp_path, weights)
    assert path.stat().st_size > 1.9 * 2**30
    helper = Helper(time_limit=300)  # by the clock on the wall, which a busy machine may need here
    found = read_checkpoint(path, tmp_path, helper=helper)
    assert found.parameter_count == 8 * 64_000_000
    assert "samples" in found.not_checked and found.source.state == PARTIAL
    status = Path(f"/proc/{helper._process.pid}/status").read_text()  # type: ignore[union-attr]
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < 400 * 1024, f"{peak} kB"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    helper.close()


def test_own_upstream_and_teacher_checkpoints_of_a_run(tmp_path: Path) -> None:
    make_run(tmp_path, "set_01/student_autoencoder_kd", weights=plain_weights(4))
    make_run(tmp_path, "set_01/teacher_curriculum", weights=plain_weights(9))
    teacher = "experimentruns/set_01/teacher_curriculum/best_model.pt"
    directory = make_run(tmp_path, "set_01/student_curriculum_kd", weights=plain_weights(5))
    torch.save({"state_dict": plain_weights(5)}, directory / "best_model-v1.ckpt")
    facts = facts_of("set_01/student_curriculum_kd", config={"use_kd": True, "teacher_path": teacher})
    reader.read(project(tmp_path), run_state(tmp_path, facts.run), facts)
    found = {(c.source.path.removeprefix("experimentruns/set_01/"), c.role, c.run) for c in facts.checkpoints}
    assert found == {
        ("student_curriculum_kd/best_model.pt", "own", ""),
        ("student_curriculum_kd/best_model-v1.ckpt", "own", ""),
        ("teacher_curriculum/best_model.pt", "teacher", "set_01/teacher_curriculum"),
        ("student_autoencoder_kd/best_model.pt", "upstream", "set_01/student_autoencoder_kd"),
    }


def test_what_the_detector_makes_of_damage(tmp_path: Path) -> None:
    path = _saved(tmp_path, plain_weights())
    _cut(path, 0.5)
    damaged = read_checkpoint(path, tmp_path, "upstream", "set_01/teacher_curriculum")
    missing = read_checkpoint(tmp_path / "gone.pt", tmp_path, "upstream", "set_01/teacher_autoencoder")
    facts = facts_of("set_01/teacher_fusion", "failed")
    facts.checkpoints = [damaged, missing]
    found = {finding.id: finding for finding in detector.detect(facts)}
    assert found["model.checkpoint_corrupt"].role == FATAL
    command = found["model.checkpoint_corrupt"].fix[0].command
    assert command == "rm -f best_model.pt && snakemake -s pipeline/Snakefile --profile profiles/slurm best_model.pt"
    assert found["model.checkpoint_missing"].role == SYMPTOM
    # a run that ended well has read them when they were good
    facts.state = "complete"
    assert detector.detect(facts) == []
    # but its own output, cut off, is no success
    damaged.role = "own"
    assert [f.role for f in detector.detect(facts)] == [FATAL]
    assert PROFILE.needed_artefacts


def test_the_helper_imports_nothing_from_the_diagnosed_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("json", "pickle", "numpy", "resource"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    path = _saved(tmp_path, plain_weights())
    monkeypatch.chdir(tmp_path)
    helper = Helper()
    assert read_checkpoint(path, tmp_path, helper=helper).tensor_count == 7
    assert not (tmp_path / "was-run").exists()
    helper.close()
