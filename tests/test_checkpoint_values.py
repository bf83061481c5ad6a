"""Checkpoints whose values only torch can read: quantised, sparse, 8-bit floats, compressed. And what torch refuses."""

from __future__ import annotations

import json
import math
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from example_projects import SNAKEMAKE_7
from made_runs import facts_of

from postmortem.analyze.detectors import numerics
from postmortem.collect.tensors import checkpoint as reader
from postmortem.collect.tensors import helper as helpers
from postmortem.collect.tensors.checkpoint import read_checkpoint
from postmortem.collect.tensors.helper import TORCH, Helper, HelperDied
from postmortem.collect.tensors.inert_pickle import read_pickle
from postmortem.facts import PARTIAL, READ, Checkpoint, Source, TensorFacts

WEIGHTS = torch.tensor([[0.5, -2.0, 0.0], [1.0, 0.25, -4.0]])
BROKEN = torch.tensor([[0.5, math.nan, 0.0], [math.inf, 0.25, -4.0]])


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # torch calls much of this experimental


def quantised(values: torch.Tensor) -> torch.Tensor:
    """Per tensor in steps of 0.25. An integer is never NaN: the scale is, where the values that it was made of were."""
    steps = torch.where(torch.isfinite(values), values * 4, 0).to(torch.int8)
    scale = 0.25 if torch.isfinite(values).all() else math.nan
    return torch._make_per_tensor_quantized_tensor(steps, scale, 0)


def per_channel(values: torch.Tensor) -> torch.Tensor:
    steps = torch.where(torch.isfinite(values), values * 4, 0).to(torch.int8)
    scales = torch.full((2,), 0.25) * torch.where(torch.isfinite(values).all(1), 1.0, math.nan)
    return torch._make_per_channel_quantized_tensor(steps, scales, torch.zeros(2, dtype=torch.long), 0)


EXOTIC: dict[str, Any] = {
    "float8_e4m3fn": lambda values: values.to(torch.float8_e4m3fn),
    "float8_e5m2": lambda values: values.to(torch.float8_e5m2),
    "float8_e5m2fnuz": lambda values: values.to(torch.float8_e5m2fnuz),
    "per tensor": quantised,
    "per channel": per_channel,
    "sparse": lambda values: values.to_sparse(),
    "compressed rows": lambda values: values.to_sparse_csr(),
}
NO_INFINITY = ("float8_e4m3fn", "float8_e5m2fnuz", "per tensor", "per channel")
# The structural reader has them without torch.
PLAIN: dict[str, Any] = {
    "bfloat16": lambda values: values.to(torch.bfloat16),
    "float16": lambda values: values.to(torch.float16),
    "complex32": lambda values: torch.complex(values, values).to(torch.complex32),
}


def saved(folder: Path, value: Any, **options: Any) -> Path:
    torch.save(value, folder / "best_model.pt", **options)
    return folder / "best_model.pt"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The kinds of helper that answered, in order; the processes are real."""
    kinds: list[str] = []
    ask = Helper.ask

    def noting(self: Helper, task: str, **request: Any) -> dict[str, Any]:
        kinds.append(self._kind)
        return ask(self, task, **request)

    monkeypatch.setattr(Helper, "ask", noting)
    yield kinds


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", [*EXOTIC, *PLAIN])
def test_values_and_what_is_not_finite_among_them(name: str, legacy: bool, tmp_path: Path, asked: list[str]) -> None:
    made = (EXOTIC | PLAIN)[name]
    value = {"layer.weight": made(WEIGHTS), "bad": made(BROKEN), "plain": torch.ones(3)}
    path = saved(tmp_path, value, _use_new_zipfile_serialization=not legacy)
    found = read_checkpoint(path, tmp_path)
    if legacy and name.startswith("float8"):
        assert "values of 2 of 3 tensors (torch.load(weights_only=True)" in found.not_checked
        with pytest.raises(AttributeError):
            torch.load(path)  # nobody can read it
        return
    assert (found.problem, found.source.state, found.not_checked) == ("", READ, "")
    rows = {tensor.name: tensor for tensor in found.tensors}
    assert rows["layer.weight"].shape == [2, 3] and rows["layer.weight"].largest == 4.0
    assert (rows["layer.weight"].nan, rows["layer.weight"].infinite) == (0, 0)
    stored = WEIGHTS[WEIGHTS != 0] if name in ("sparse", "compressed rows") else WEIGHTS
    assert rows["layer.weight"].root_mean_square == pytest.approx(float(stored.square().mean().sqrt()))
    assert rows["bad"].nan >= 1 and (rows["bad"].infinite or name in NO_INFINITY)
    assert found.nan_tensors == 1
    assert numerics.broken_weights(found) == "nan"
    assert asked == (["structure", "torch"] if name in EXOTIC else ["structure"])


def test_a_compressed_archive(tmp_path: Path, asked: list[str]) -> None:
    plain = saved(tmp_path, {"w": WEIGHTS, "bad": BROKEN})
    packed = tmp_path / "packed.pt"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry.filename))
    described = [read_checkpoint(path, tmp_path).tensors for path in (plain, packed)]
    assert described[0] == described[1]
    assert asked == ["structure", "structure", "torch"]


def test_safetensors_of_8_bit_floats(tmp_path: Path) -> None:
    header, content = {}, b""
    for name, tag, values in (("w", "F8_E4M3", WEIGHTS), ("odd", "U8", WEIGHTS[:1]), ("bad", "F8_E5M2", BROKEN)):
        dtype = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "U8": torch.uint8}[tag]
        raw = values.abs().to(dtype).view(torch.uint8).numpy().tobytes()
        header[name] = {
            "dtype": tag,
            "shape": list(values.shape),
            "data_offsets": [len(content), len(content) + len(raw)],
        }
        content += raw
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    found = read_checkpoint(path, tmp_path)
    rows = {tensor.name: tensor for tensor in found.tensors}
    assert (rows["w"].largest, rows["w"].nan, rows["bad"].nan, rows["bad"].infinite) == (4.0, 0, 1, 1)
    assert (found.nan_tensors, found.not_checked) == (1, "")


def test_what_was_saved_without_values_is_said_to_be_unread(tmp_path: Path) -> None:
    found = read_checkpoint(saved(tmp_path, {"w": torch.empty(3, device="meta"), "v": torch.ones(2)}), tmp_path)
    assert (found.problem, found.not_checked, found.source.state) == ("", "values of 1 of 2 tensors", PARTIAL)


def test_a_sparse_tensor_has_as_many_parameters_as_are_stored(tmp_path: Path) -> None:
    large = torch.sparse_coo_tensor([[0, 7], [1, 9]], [1.0, 2.0], (1_000_000, 1_000_000))
    assert read_checkpoint(saved(tmp_path, {"embed.weight": large}), tmp_path).parameter_count == 2


def test_nothing_that_weights_only_loads_is_called_refused() -> None:
    from torch._weights_only_unpickler import _get_allowed_globals

    names = [name for name in _get_allowed_globals() if "wrapper_subclass" not in name]
    assert len(names) > 100
    refused = []
    for name in names:
        module, _, attribute = name.rpartition(".")
        refused += read_pickle(f"c{module}\n{attribute}\n.".encode()).refused
    assert refused == []


# --- what torch does not get, or does not survive ------------------------------------------------------------------


class Hostile:
    """Unpickling this runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def test_a_file_with_refused_globals_is_not_given_to_torch(tmp_path: Path, asked: list[str]) -> None:
    proof = tmp_path / "was-run"
    value = {"w": WEIGHTS.to(torch.float8_e4m3fn), "extra": Hostile(f"touch {proof}")}
    found = read_checkpoint(saved(tmp_path, value), tmp_path)
    assert asked == ["structure"]
    assert found.problem == "refused_globals" and found.not_checked == "values of 1 of 1 tensors"
    assert not proof.exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_itself_runs_nothing_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    proof = tmp_path / "was-run"
    path = saved(tmp_path, {"w": Hostile(f"touch {proof}")}, _use_new_zipfile_serialization=not legacy)
    helper = helpers.shared_helper(TORCH)
    assert "torch.load(weights_only=True)" in helper.ask("values", path=str(path), names=["w"])["problem"]
    assert not proof.exists()
    torch.load(path, weights_only=False)
    assert proof.exists(), "the file would have run the command"


def test_torch_has_a_limit_of_memory_beside_what_it_takes_itself(tmp_path: Path) -> None:
    path = saved(tmp_path, {"w": torch.zeros(200_000_000, dtype=torch.uint8)}, _use_new_zipfile_serialization=False)
    helper = Helper(100 * 2**20, 60, TORCH)
    assert "memory" in helper.ask("values", path=str(path), names=["w"])["problem"]
    helper.close()
    path.unlink()


def test_where_torch_dies_twice_it_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = Helper(2**32, 0.001, TORCH)
    monkeypatch.setattr(reader, "shared_helper", lambda kind="structure": hasty if kind == TORCH else Helper())
    said = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = saved(folder, {"w": WEIGHTS.to(torch.float8_e4m3fn)})
        said.append(read_checkpoint(path, tmp_path).not_checked)
    assert "took more than" in said[0] and "took more than" in said[1] and "given up" in said[2]
    assert all(text.startswith("values of 1 of 1 tensors (") for text in said)
    with pytest.raises(HelperDied):
        hasty.ask("values", path=str(path), names=["w"])


@pytest.mark.snakemake7
def test_where_torch_is_not_installed_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of Snakemake 7 has no torch."""
    monkeypatch.setattr(sys, "executable", str(SNAKEMAKE_7.with_name("python")))
    monkeypatch.setattr(reader, "shared_helper", lambda kind="structure": Helper(2**32, 20, kind))
    found = read_checkpoint(saved(tmp_path, {"w": WEIGHTS.to(torch.float8_e4m3fn), "v": BROKEN}), tmp_path)
    assert found.nan_tensors == 1
    assert found.not_checked.startswith("values of 1 of 2 tensors (torch cannot be imported (ModuleNotFoundError")


def test_packed_whole_numbers_are_no_exploded_weights() -> None:
    facts = facts_of()
    packed = TensorFacts("layer.qweight", [64, 8], "int32", largest=2.1e9)
    facts.checkpoints = [Checkpoint(Source("best_model.pt"), tensors=[packed], tensor_count=1)]
    assert numerics.broken_weights(facts.checkpoints[0]) == "" and numerics.detect(facts) == []
    packed.dtype = "float32"
    assert numerics.broken_weights(facts.checkpoints[0]) == "huge" and numerics.detect(facts)
