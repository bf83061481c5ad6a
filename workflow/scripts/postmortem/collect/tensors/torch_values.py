"""Numbers of the tensors that only torch can read: quantised, sparse, 8-bit floats, compressed.

Runs in a helper process of its own, which is started only where a file holds such tensors: torch takes 1.5 s of a
processor and 220 MB, the structural reader with numpy 0.1 s and 25 MB. Nothing is loaded without `weights_only`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .archive import Archive, Unusable, model_part, open_archive
from .tensor_numbers import Numbers

OLDEST_TORCH = (2, 6)  # before it, weights_only could be made to run code (CVE-2025-32434)
LARGEST_MAPPED = 2 * 2**30  # bytes of a file that is mapped: only the pages that are looked at are read
LARGEST_LOADED = 512 * 2**20  # bytes of one that cannot be: compressed, or of the old format
CHUNK_VALUES = 1_000_000  # converted at a time, 8 MB as float64
DEEPEST = 12  # levels of dicts and lists, as the structural reader


def why_unusable() -> str:
    """Why torch cannot be used here; empty if it can."""
    try:
        import torch
    except Exception as error:  # an installation can be broken in many ways
        return f"torch cannot be imported ({type(error).__name__}: {error})"[:200]
    version = tuple(int(part) for part in str(torch.__version__).split("+")[0].split(".")[:2])
    if version < OLDEST_TORCH:
        return f"torch {torch.__version__} is older than {'.'.join(map(str, OLDEST_TORCH))}"
    torch.set_num_threads(1)
    return ""


def measure_values(path: str, names: list[str]) -> dict[str, Any]:
    """{"numbers": name → fields of facts.TensorFacts} of those of the named tensors that can be read, or {"problem"}.

    names: as the structural reader gives them. Raises OSError if the file cannot be opened.
    """
    file = Path(path)
    try:
        archive = open_archive(file)
        loaded = _mapped_safetensors(file, archive) if archive.kind == "safetensors" else _load(file, archive)
    except Unusable as error:
        return {"problem": error.reason}
    wanted, numbers = set(names), {}
    for name, tensor in _named_tensors(model_part(loaded)[0]):
        if name in wanted and (found := _measure(tensor)) is not None:
            numbers[name] = found.as_dict()
    return {"numbers": numbers}


def _load(path: Path, archive: Archive) -> Any:
    import torch

    mapped = archive.kind in ("zip", "torchscript") and not archive.packed
    size = max(path.stat().st_size, sum(entry.full_size for entry in archive.entries.values()))
    if size > (LARGEST_MAPPED if mapped else LARGEST_LOADED):
        raise Unusable("too_large", f"{size // 2**20} MB are too much for torch here")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except OSError:
        raise
    except Exception as error:  # torch raises many types; what it says of the file is all that counts
        said = " ".join(str(error).split())
        raise Unusable("refused", f"torch.load(weights_only=True): {said[:200]}") from error


def _mapped_safetensors(path: Path, archive: Archive) -> dict[str, Any]:
    import torch

    size = path.stat().st_size
    if size > LARGEST_MAPPED:
        raise Unusable("too_large", f"{size // 2**20} MB are too much for torch here")
    content = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)
    found = {}
    for name, tensor in archive.reading.value.items():
        entry, dtype = archive.entries[name], getattr(torch, tensor.storage.dtype, None)
        # All wider types are read without torch; a view of theirs might not be aligned.
        if isinstance(dtype, torch.dtype) and dtype.itemsize == 1 and entry.size == tensor.storage.size:
            found[name] = content[entry.offset : entry.offset + entry.size].view(dtype)
    return found


def _named_tensors(value: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, Any]]:
    """All tensors below a loaded value, named as `archive.tensors_of` names what it describes."""
    import torch

    if isinstance(value, torch.Tensor):
        return [(prefix, value)]
    parts: Any = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    found: list[tuple[str, Any]] = []
    for key, part in parts if depth <= DEEPEST else ():
        found += _named_tensors(part, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    return found


def _measure(tensor: Any) -> Numbers | None:
    """The tensor's numbers, or None where torch itself has no way to its values."""
    import torch

    numbers = Numbers()
    try:
        flat = _plain(tensor).reshape(-1)
        for start in range(0, flat.numel(), CHUNK_VALUES):
            part = flat[start : start + CHUNK_VALUES].to(torch.float64)
            finite = part[torch.isfinite(part)]
            nan = int(torch.isnan(part).sum())
            infinite = part.numel() - finite.numel() - nan
            largest = float(finite.abs().max()) if finite.numel() else 0.0
            numbers.add(nan, infinite, finite.numel(), largest, float(torch.dot(finite, finite)))
    except (RuntimeError, NotImplementedError):
        return None
    return numbers


def _plain(tensor: Any) -> Any:
    """The values that are stored, as a strided tensor of real numbers."""
    import torch

    if tensor.is_meta:
        raise NotImplementedError("it was saved without values")
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if tensor.layout == torch.sparse_coo:
        tensor = tensor._values()
    elif tensor.layout != torch.strided:
        tensor = tensor.values()
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
