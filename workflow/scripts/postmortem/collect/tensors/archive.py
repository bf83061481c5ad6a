"""torch.save archives opened without torch: the described object, and where each storage's bytes lie in the file.

Formats: zip (torch 1.6 on; entries stored, not compressed), the older chain of pickles, and safetensors.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ...files import open_file
from .inert_pickle import Reading, Storage, Tensor, read_pickle, read_stream
from .zip_directory import STORED, BadZip, ZipEntry, content_start, read_directory, read_entry

LARGEST_PICKLE = 192 * 1024 * 1024  # bytes of data.pkl; 60,000 graphs take 60 MB, a checkpoint's is kilobytes
LARGEST_HEADER = 100 * 1024 * 1024  # what safetensors itself allows
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
ITEM_SIZES = {
    "float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1,
    "bool": 1, "complex64": 8, "complex128": 16, "float8_e4m3fn": 1, "float8_e5m2": 1, "uint16": 2, "uint32": 4,
    "uint64": 8, "complex32": 4, "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1,
    "float4_e2m1fn_x2": 1, "qint8": 1, "quint8": 1, "qint32": 4, "quint4x2": 1, "quint2x4": 1,
}  # fmt: skip
_SAFETENSORS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip
_NO_MODEL = ("optimizer", "lr_schedulers", "callbacks", "loops", "hyper_parameters", "scaler", "rng", "scheduler")


class Unusable(Exception):
    """The file is no archive that can be read: `problem` is a word of facts.Checkpoint.problem, `reason` says why."""

    def __init__(self, problem: str, reason: str) -> None:
        super().__init__(reason)
        self.problem, self.reason = problem, reason


@dataclass
class Archive:
    """kind: "zip", "legacy", "torchscript", "pickle" or "safetensors". entries: storage key → where it lies.

    packed: storages are compressed, and not among the entries.
    """

    kind: str
    reading: Reading
    entries: dict[str, ZipEntry] = field(default_factory=dict)
    packed: bool = False


def open_archive(path: Path) -> Archive:
    """Describe a file of tensors; nothing in it is run. Raises Unusable, OSError."""
    size = path.stat().st_size
    if size == 0:
        raise Unusable("empty", "the file has 0 bytes")
    with open_file(path) as stream:
        head = stream.read(512)
        if path.suffix == ".safetensors":
            return _safetensors(stream, size)
        if head.startswith(b"PK"):
            return _zip(stream, size)
        if head.startswith(b"\x80"):
            return _legacy(stream, size)
        if head.startswith(b"version https://git-lfs"):
            raise Unusable(
                "not_a_checkpoint", f"a Git LFS pointer of {size} bytes, not the file itself: run git lfs pull"
            )
        if not head.strip(b"\0"):
            raise Unusable("not_a_checkpoint", f"{size} bytes that begin with zeros: it was allocated, but not written")
        shown = head[:60].decode("utf-8", "replace").split("\n")[0]
        what = "text" if shown.isprintable() else "unknown bytes"
        raise Unusable("not_a_checkpoint", f"it begins with {what}: {shown if what == 'text' else head[:12].hex()!r}")


def _zip(stream: BinaryIO, size: int) -> Archive:
    try:
        names = read_directory(stream, size)
    except (BadZip, struct.error) as error:
        reason = f"a zip archive of {size} bytes without its central directory ({error}): it was cut off"
        raise Unusable("truncated", reason) from error
    pickle_name = next((name for name in names if name.endswith("data.pkl")), "")
    if not pickle_name:
        held = ", ".join(list(names)[:3])
        raise Unusable("not_a_checkpoint", f"a zip archive without data.pkl; it holds {held}")
    if names[pickle_name].full_size > LARGEST_PICKLE:
        raise Unusable("too_large", f"its data.pkl has {names[pickle_name].full_size // 2**20} MB")
    try:
        data = read_entry(stream, names[pickle_name], LARGEST_PICKLE)
    except BadZip as error:
        raise Unusable("truncated", f"its data.pkl cannot be read: {error}") from error
    script = any(name.endswith("constants.pkl") for name in names)
    prefix = pickle_name.removesuffix("data.pkl") + "data/"
    entries = {n.removeprefix(prefix): e for n, e in names.items() if n.startswith(prefix) and e.method == STORED}
    packed = any(n.startswith(prefix) and e.method != STORED for n, e in names.items())
    del names
    return Archive("torchscript" if script else "zip", _read(lambda: read_pickle(data)), entries, packed)


def data_start(stream: BinaryIO, archive: Archive, key: str) -> int:
    """First byte of a storage: behind its zip entry's local header, which is read only now (there may be 240,000)."""
    if archive.kind not in ("zip", "torchscript"):
        return archive.entries[key].offset
    try:
        return content_start(stream, archive.entries[key])
    except BadZip as error:
        raise Unusable("truncated", f"the zip entry of storage {key}: {error}") from error


def _legacy(stream: BinaryIO, size: int) -> Archive:
    stream.seek(0)
    buffered = io.BufferedReader(stream) if not isinstance(stream, io.BufferedReader) else stream  # type: ignore[type-var]
    first = _read(lambda: read_stream(buffered))
    if first.value != LEGACY_MAGIC:
        return Archive("pickle", first)
    _read(lambda: read_stream(buffered)), _read(lambda: read_stream(buffered))  # protocol version, system information
    dtypes: dict[str, str] = {}
    reading = _read(lambda: read_stream(buffered, dtypes))
    keys = _read(lambda: read_stream(buffered)).value
    found = Archive("legacy", reading)
    position = buffered.tell()
    for key in keys if isinstance(keys, list) else []:
        buffered.seek(position)
        raw = buffered.read(8)
        if len(raw) < 8:
            raise Unusable("truncated", f"it ends before storage {key}")
        count = struct.unpack("<q", raw)[0] * ITEM_SIZES.get(dtypes.get(str(key), ""), 4)
        if count < 0 or position + 8 + count > size:
            raise Unusable("truncated", f"it ends within storage {key}")
        found.entries[str(key)] = ZipEntry(position + 8, count, count, STORED)
        position += 8 + count
    return found


def _safetensors(stream: BinaryIO, size: int) -> Archive:
    stream.seek(0)
    raw = stream.read(8)
    length = int.from_bytes(raw, "little")
    if len(raw) < 8 or length > min(size - 8, LARGEST_HEADER):
        raise Unusable(
            "truncated" if length <= LARGEST_HEADER else "not_a_checkpoint",
            f"its header should have {length} bytes, the file has {size}",
        )
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError) as error:
        raise Unusable("not_a_checkpoint", f"its header is no JSON: {error}") from error
    found = Archive("safetensors", Reading({}))
    for name, entry in header.items():
        if name == "__metadata__" or not isinstance(entry, dict):
            continue
        start, end = entry["data_offsets"]
        if 8 + length + end > size:
            raise Unusable("truncated", f"{name} should end at byte {8 + length + end}, the file has {size}")
        shape = tuple(entry["shape"])
        dtype = _SAFETENSORS.get(entry["dtype"], str(entry["dtype"]))
        found.reading.value[name] = Tensor(Storage(dtype, name, math.prod(shape)), 0, shape, _contiguous(shape))
        found.entries[name] = ZipEntry(8 + length + start, end - start, end - start, STORED)
    return found


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def _read(action: Callable[[], Reading]) -> Reading:
    try:
        return action()
    except (pickle.UnpicklingError, EOFError, ValueError, OverflowError) as error:
        problem = (
            "truncated"
            if isinstance(error, EOFError) or "truncated" in str(error) or "ran out" in str(error).lower()
            else "not_a_checkpoint"
        )
        raise Unusable(problem, f"its pickle cannot be read: {error or type(error).__name__}") from error


def model_part(value: Any) -> tuple[Any, bool]:
    """What of a saved value is the model's, without the optimiser and its like; and whether it is Lightning's."""
    lightning = isinstance(value, dict) and isinstance(value.get("state_dict"), dict)
    content = value["state_dict"] if lightning else value
    if isinstance(content, dict):
        content = {key: part for key, part in content.items() if not str(key).startswith(_NO_MODEL)}
    return content, lightning


def tensors_of(value: Any, prefix: str = "", depth: int = 0) -> list[tuple[str, Tensor]]:
    """All tensors below a described value with their dotted names, in order."""
    found: list[tuple[str, Tensor]] = []
    if isinstance(value, Tensor):
        return [(prefix, value)]
    if depth > 12:
        return found
    parts: Any = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    elif hasattr(value, "state"):  # an inert object: its attributes
        parts = [
            *(value.state.items() if isinstance(value.state, dict) else enumerate([value.state])),
            *enumerate(value.items),
        ]
    for key, part in parts:
        if isinstance(part, dict | list | tuple) or hasattr(part, "state"):
            found += tensors_of(part, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    return found
