"""One checkpoint file → what it holds, as plain values. Runs in the helper process; nothing in the file is run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from .archive import Unusable, open_archive, tensors_of
from .tensor_values import Values

MOST_TENSORS = 400  # described in facts.json; NaN is counted in all
_NO_MODEL = ("optimizer", "lr_schedulers", "callbacks", "loops", "hyper_parameters", "scaler", "rng", "scheduler")
_NO_PARAMETER = ("num_batches_tracked", "running_mean", "running_var")


def describe_checkpoint(path: str) -> dict[str, Any]:
    """Fields of facts.Checkpoint as a dict. Raises OSError if the file cannot be opened."""
    file = Path(path)
    try:
        archive = open_archive(file)
    except Unusable as error:
        return {"problem": error.problem, "reason": error.reason}
    value = archive.reading.value
    lightning = isinstance(value, dict) and "state_dict" in value and isinstance(value["state_dict"], dict)
    content = value["state_dict"] if lightning else value
    if isinstance(content, dict):
        content = {k: v for k, v in content.items() if not str(k).startswith(_NO_MODEL)}
    tensors = tensors_of(content)
    found: dict[str, Any] = {
        "kind": "safetensors" if archive.kind == "safetensors" else "lightning" if lightning else "state_dict",
        "refused_globals": archive.reading.refused,
        "tensor_count": len(tensors),
        "tensors": [],
        "parameter_count": sum(
            math.prod(t.shape)
            for n, t in tensors
            if t.storage.dtype.startswith(("float", "bfloat")) and not n.endswith(_NO_PARAMETER)
        ),
        "nan_tensors": 0,
    }
    if archive.reading.refused:
        found["problem"] = "refused_globals"
    if not tensors and not archive.reading.refused:
        found |= {"kind": "", "problem": "not_a_checkpoint", "reason": f"it holds no tensor, but {_shown(value)}"}
        return found
    unread = 0
    with Values(file, archive) as values:
        for name, tensor in tensors:
            try:
                nan, infinite, largest = values.measure(tensor)
            except Unusable as error:
                return found | {"problem": error.problem, "reason": error.reason}
            unread += largest is None and not nan and not infinite and math.prod(tensor.shape) > 0
            found["nan_tensors"] += bool(nan or infinite)
            if len(found["tensors"]) < MOST_TENSORS or nan or infinite:
                row = {
                    "name": name[:200],
                    "shape": list(tensor.shape),
                    "dtype": tensor.storage.dtype,
                    "nan": nan,
                    "infinite": infinite,
                    "largest": largest,
                }
                found["tensors"].append(row)
        found["tensors"] = found["tensors"][-2 * MOST_TENSORS :]
        notes = [f"values of {unread} of {len(tensors)} tensors"] if unread else []
        if values.sampled:
            notes.append(f"{values.sampled} large tensors only in samples")
    found["not_checked"] = "; ".join(notes)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict with {', '.join(str(k)[:30] for k in list(value)[:4]) or 'nothing'}"
    return f"a {getattr(value, 'name', type(value).__name__)}"
