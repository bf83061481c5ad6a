"""One checkpoint file → what it holds, as plain values. Runs in the helper process; nothing in the file is run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from .archive import Unusable, model_part, open_archive, tensors_of
from .inert_pickle import Tensor
from .tensor_numbers import Numbers
from .tensor_values import Values

MOST_TENSORS = 400  # described in facts.json; NaN is counted in all
LONGEST_NAME = 200  # characters of a tensor's name in facts.json
_TRAINED_DTYPES = ("float", "bfloat", "qint", "quint")
_NO_PARAMETER = ("num_batches_tracked", "running_mean", "running_var")


def describe_checkpoint(path: str) -> dict[str, Any]:
    """Fields of facts.Checkpoint, and "unread", "sampled". Raises OSError if the file cannot be opened.

    unread: names of the tensors whose values this reader cannot read; sampled: how many were not read whole.
    """
    file = Path(path)
    try:
        archive = open_archive(file)
    except Unusable as error:
        return {"problem": error.problem, "reason": error.reason}
    content, lightning = model_part(archive.reading.value)
    tensors = tensors_of(content)
    found: dict[str, Any] = {
        "kind": "safetensors" if archive.kind == "safetensors" else "lightning" if lightning else "state_dict",
        "refused_globals": archive.reading.refused,
        "tensor_count": len(tensors),
        "tensors": [],
        "parameter_count": sum(_parameters(name, tensor) for name, tensor in tensors),
        "nan_tensors": 0,
        "unread": [],
        "sampled": 0,
    }
    if archive.reading.refused:
        found["problem"] = "refused_globals"
    if not tensors and not archive.reading.refused:
        shown = _shown(archive.reading.value)
        found |= {"kind": "", "problem": "not_a_checkpoint", "reason": f"it holds no tensor, but {shown}"}
        return found
    with Values(file, archive) as values:
        for name, tensor in tensors:
            try:
                numbers = values.measure(tensor)
            except Unusable as error:
                return found | {"problem": error.problem, "reason": error.reason}
            if numbers is None and math.prod(tensor.shape) > 0:
                found["unread"].append(name)
            numbers = numbers or Numbers()
            found["nan_tensors"] += numbers.broken
            if len(found["tensors"]) < MOST_TENSORS or numbers.broken:
                row = {"name": name[:LONGEST_NAME], "shape": list(tensor.shape), "dtype": tensor.storage.dtype}
                found["tensors"].append(row | numbers.as_dict())
        found["tensors"] = found["tensors"][-2 * MOST_TENSORS :]
        found["sampled"] = values.sampled
    return found


def _parameters(name: str, tensor: Tensor) -> int:
    """Trained values: of a sparse tensor those that are stored."""
    if not tensor.storage.dtype.startswith(_TRAINED_DTYPES) or name.endswith(_NO_PARAMETER):
        return 0
    return min(math.prod(tensor.shape), tensor.storage.size)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict with {', '.join(str(k)[:30] for k in list(value)[:4]) or 'nothing'}"
    return f"a {getattr(value, 'name', type(value).__name__)}"
