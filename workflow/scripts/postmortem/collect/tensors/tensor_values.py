"""Numbers of a described tensor, read in chunks: NaN, infinities, the largest magnitude. Large tensors are sampled."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, BinaryIO

from ...files import open_file
from .archive import ITEM_SIZES, Archive, Unusable, data_start
from .inert_pickle import Tensor
from .tensor_numbers import Numbers

CHUNK_BYTES = 4 * 1024 * 1024  # read at a time; with float64 temporaries some 30 MB are in memory
VALUES_BYTES = 512 * 1024 * 1024  # read of one file, about 2 s; of larger files each tensor gives its share
_NUMPY = {
    "float32": "<f4", "float64": "<f8", "float16": "<f2", "bfloat16": "<u2", "int64": "<i8", "int32": "<i4",
    "int16": "<i2", "int8": "<i1", "uint8": "<u1", "uint16": "<u2", "uint32": "<u4", "uint64": "<u8", "bool": "<u1",
    "complex32": "<f2", "complex64": "<f4", "complex128": "<f8",
}  # fmt: skip


class Values:
    """Reads tensors' values of one file. `sampled` counts the tensors that were not read whole."""

    def __init__(self, path: Path, archive: Archive) -> None:
        self._stream: BinaryIO = open_file(path)
        self._archive = archive
        self._file_size = path.stat().st_size
        total = sum(entry.size for entry in archive.entries.values())
        self._share = min(1.0, VALUES_BYTES / total) if total else 1.0
        self.sampled = 0

    def __enter__(self) -> Values:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def measure(self, tensor: Tensor) -> Numbers | None:
        """The tensor's numbers, or None if nothing could be read."""
        import numpy

        numbers: Numbers | None = None
        for part in self._chunks(tensor):
            numbers = numbers or Numbers()
            if part.dtype.kind == "f":
                finite = numpy.isfinite(part)
                nan = infinite = 0
                if not finite.all():
                    nan = int(numpy.isnan(part).sum())
                    infinite = int(part.size - int(finite.sum()) - nan)
                    part = part[finite]
                exact = part.astype("f8", copy=False)
                with numpy.errstate(over="ignore"):
                    squares = float(numpy.dot(exact, exact))
                top = float(max(exact.max(), -exact.min())) if exact.size else 0.0
                numbers.add(nan, infinite, exact.size, top, squares)
            elif part.size:
                numbers.add(0, 0, part.size, float(max(int(part.max()), -int(part.min()))))
        return numbers

    def array(self, tensor: Tensor, most: int = 1_000_000) -> Any:
        """A tensor's values as a numpy array of its shape, or None if it is too large or not contiguous."""
        import numpy

        count = math.prod(tensor.shape)
        if count > most or not _is_contiguous(tensor):
            return None
        parts = list(self._chunks(tensor, whole=True))
        flat = numpy.concatenate(parts) if parts else numpy.empty(0, "f4")
        return flat.reshape(tensor.shape) if flat.size == count else None

    def _chunks(self, tensor: Tensor, whole: bool = False) -> Any:
        """The tensor's values as flat arrays; bfloat16 as float32. Of a view that is not contiguous, its storage's."""
        import numpy

        item = ITEM_SIZES.get(tensor.storage.dtype, 0)
        code = _NUMPY.get(tensor.storage.dtype)
        key = tensor.storage.key
        if not code or key not in self._archive.entries:
            return
        contiguous = _is_contiguous(tensor)
        count = math.prod(tensor.shape) if contiguous else tensor.storage.size - tensor.offset
        count = min(count, self._archive.entries[key].size // item - tensor.offset)
        if count <= 0:
            return
        start = data_start(self._stream, self._archive, key) + tensor.offset * item
        if start + count * item > self._file_size:
            raise Unusable("truncated", f"storage {key} ends behind the end of the file")
        for first, length in _pieces(count * item, 1.0 if whole else self._share):
            self._stream.seek(start + first - first % item)
            raw = self._stream.read(length - length % item)
            array = numpy.frombuffer(raw, code)
            if tensor.storage.dtype == "bfloat16":
                array = (array.astype("u4") << 16).view("f4")
            yield array
        if self._share < 1.0 and not whole and count * item > CHUNK_BYTES:
            self.sampled += 1


def _pieces(size: int, share: float) -> list[tuple[int, int]]:
    """(first byte, length) of the chunks to read: all, or evenly spaced ones that make up the share."""
    chunks = math.ceil(size / CHUNK_BYTES)
    wanted = chunks if share >= 1.0 else max(1, math.floor(chunks * share))
    picked = sorted({round(i * (chunks - 1) / max(1, wanted - 1)) for i in range(wanted)})
    return [(i * CHUNK_BYTES, min(CHUNK_BYTES, size - i * CHUNK_BYTES)) for i in picked]


def _is_contiguous(tensor: Tensor) -> bool:
    expected = 1
    for length, stride in zip(reversed(tensor.shape), reversed(tensor.strides), strict=False):
        if length != 1 and stride != expected:
            return False
        expected *= length
    return True
