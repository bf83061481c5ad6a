"""Pickles read without running anything in them.

A pickle is a program: it may name any function and call it. Here every global becomes an inert object that records
its name, and calling, building or filling it records its arguments. Nothing is imported. What torch's own
`weights_only` refuses is named in `Reading.refused`.
"""

from __future__ import annotations

import io
import pickle
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MOST_REFUSED = 20  # names kept
NO_PLAIN_VALUES = ""  # the key of a storage whose bytes are not the tensor's values, or which is not there


class Storage(NamedTuple):
    """A tensor's memory, as a persistent id describes it: its dtype's name, its key in the archive, its elements."""

    dtype: str
    key: str
    size: int


class Tensor(NamedTuple):
    """A tensor that is described, not loaded. offset and strides count elements of its storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass
class Inert:
    """An object of a class that is not imported: name, what it was called with, its state and items."""

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        self.items.append(item)

    def extend(self, items: list[Any]) -> None:
        self.items.extend(items)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))

    def __hash__(self) -> int:  # it may stand as a key of a dict
        return hash(self.name)


@dataclass
class Reading:
    """What a pickle holds: the value built of plain and inert objects, and the globals that are not on the list."""

    value: Any = None
    refused: list[str] = field(default_factory=list)


# Globals that torch's weights_only loading allows, or that PyG's cached graphs are made of. None is imported.
_ALLOWED_MODULES = ("torch_geometric.data.", "torch_geometric.typing", "torch_geometric.utils.", "torch.serialization")
_DTYPE = re.compile(r"torch\.(?:b?float\d\w*|u?int\d+|complex\d+|qu?int\w+|bits\w+|bool|half|float|double|long|int)")
_TENSOR_MODULES = ("torch", "torch.storage", "torch.cuda", "torch.sparse", "torch.cuda.sparse")
_ALLOWED = {
    "torch.device", "torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer",
    "torch.per_tensor_affine", "torch.per_tensor_symmetric", "torch.per_channel_affine", "torch.per_channel_symmetric",
    "torch.per_channel_affine_float_qparams", "torch.strided", "torch.storage._load_from_bytes", "numpy.dtype",
    "numpy.ndarray", "_codecs.encode", "builtins.bytearray",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar", "builtins.set", "builtins.frozenset", "builtins.complex", "builtins.slice",
    "builtins.object", "copyreg._reconstructor", "collections.Counter", "collections.defaultdict",
}  # fmt: skip
_STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128", "QInt8Storage": "qint8", "QUInt8Storage": "quint8", "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4", "UntypedStorage": "uint8",
}  # fmt: skip


def read_pickle(data: bytes) -> Reading:
    """Read the first pickle of some bytes. Raises pickle.UnpicklingError, EOFError or ValueError if it is none."""
    return read_stream(io.BytesIO(data))


def read_stream(stream: Any, storages: dict[str, str] | None = None) -> Reading:
    """Read one pickle of a binary stream, which then stands behind it. storages: takes the dtype of each key."""
    reader = _InertUnpickler(stream, storages)
    try:
        value = reader.load()
    except (
        AttributeError,
        TypeError,
        KeyError,
        IndexError,
        AssertionError,
        UnicodeDecodeError,
        RecursionError,
    ) as error:
        raise pickle.UnpicklingError(f"{type(error).__name__}: {error}"[:300]) from error
    return Reading(value, reader.refused)


class _InertUnpickler(pickle.Unpickler):
    def __init__(self, stream: Any, storages: dict[str, str] | None) -> None:
        super().__init__(stream, encoding="latin-1")
        self.refused: list[str] = []
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in _PLAIN:
            return _PLAIN[full]
        if module in ("torch._utils", "torch._tensor") and name.startswith("_rebuild"):
            return _REBUILD.get(name, _inert(full))
        if name in _STORAGES and module in ("torch", "torch.storage", "torch.cuda"):
            return _inert(f"storage:{_STORAGES[name]}")
        if full in ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"):
            return _numpy_scalar
        refused = not _is_allowed(module, name)
        if refused and full not in self.refused and len(self.refused) < MOST_REFUSED:
            self.refused.append(full[:200])
        return _inert(full)

    def persistent_load(self, identity: Any) -> Storage:
        """("storage", class, key, location, elements[, view]) of torch.save."""
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise pickle.UnpicklingError(f"unknown persistent id {str(identity)[:80]}")
        name = getattr(identity[1], "inert_name", "")
        storage = Storage(name.removeprefix("storage:").removeprefix("torch."), str(identity[2]), int(identity[4]))
        if self._storages is not None:
            self._storages[storage.key] = storage.dtype
        return storage


_PLAIN = {"collections.OrderedDict": OrderedDict, "torch.Size": tuple}  # harmless, and needed as what they are


def _is_allowed(module: str, name: str) -> bool:
    full = f"{module}.{name}"
    if full in _ALLOWED or full.startswith(_ALLOWED_MODULES) or _DTYPE.fullmatch(full):
        return True
    return module in _TENSOR_MODULES and name.endswith(("Tensor", "Storage"))


_KNOWN: dict[str, type] = {}


def _inert(name: str) -> type:
    """A class whose objects record what is done to them; one class a name, so that NEWOBJ and REDUCE work alike."""
    if name not in _KNOWN:
        if len(_KNOWN) > 10_000:
            raise pickle.UnpicklingError("too many different globals")

        def new(cls: type, *arguments: Any, **_: Any) -> Inert:
            return Inert(name, arguments)

        _KNOWN[name] = type("InertClass", (), {"__new__": new, "inert_name": name})
    return _KNOWN[name]


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
    if not isinstance(storage, Storage) or not _are_counts(offset, *shape, *strides):
        raise pickle.UnpicklingError("a tensor without a storage")
    return Tensor(storage, offset, tuple(shape), tuple(strides))


def _are_counts(*numbers: Any) -> bool:
    return all(isinstance(number, int) for number in numbers)


def _rebuild_v3(
    storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, dtype: Any = None, *_: Any
) -> Any:
    named = getattr(dtype, "inert_name", "").removeprefix("torch.")
    return _rebuild_tensor(storage._replace(dtype=named) if named else storage, offset, shape, strides)


def _rebuild_sparse(_layout: Any, data: Any, *_: Any) -> Any:
    """Data are (indices, values, size, …) or (compressed, plain indices, values, size); only torch reads them."""
    tensors = [part for part in data if isinstance(part, Tensor)]
    shape = data[len(tensors)]
    if not _are_counts(*shape):
        raise pickle.UnpicklingError("a sparse tensor without a size")
    return Tensor(tensors[-1].storage._replace(key=NO_PLAIN_VALUES), 0, tuple(shape), ())


def _rebuild_meta(dtype: Any, shape: Any, strides: Any, *_: Any) -> Any:
    """A tensor that was saved without its values."""
    if not _are_counts(*shape, *strides):
        raise pickle.UnpicklingError("a tensor without a size")
    name = getattr(dtype, "inert_name", "").removeprefix("torch.")
    return Tensor(Storage(name, NO_PLAIN_VALUES, 0), 0, tuple(shape), tuple(strides))


def _rebuild_nested(buffer: Any, *_: Any) -> Any:
    """Tensors of different shapes behind each other in one, which stands for all of them."""
    return buffer


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


def _rebuild_from_type(_function: Any, _type: Any, arguments: Any, _state: Any = None) -> Any:
    return _function(*arguments) if _function in _REBUILD.values() else Inert("torch tensor subclass", tuple(arguments))


_REBUILD: dict[str, Any] = {
    "_rebuild_tensor": _rebuild_tensor,
    "_rebuild_tensor_v2": _rebuild_tensor,
    "_rebuild_tensor_v3": _rebuild_v3,
    "_rebuild_qtensor": _rebuild_tensor,
    "_rebuild_sparse_tensor": _rebuild_sparse,
    "_rebuild_meta_tensor_no_storage": _rebuild_meta,
    "_rebuild_nested_tensor": _rebuild_nested,
    "_rebuild_parameter": _rebuild_parameter,
    "_rebuild_parameter_with_state": _rebuild_parameter,
    "_rebuild_from_type_v2": _rebuild_from_type,
}


def _numpy_scalar(dtype: Any, raw: Any = b"") -> Any:
    """numpy.int64(7) and its like as a Python number; other dtypes stay inert."""
    code = str(dtype.arguments[0]) if isinstance(dtype, Inert) and dtype.arguments else ""
    if isinstance(raw, Inert) and raw.name == "_codecs.encode" and raw.arguments:
        raw = str(raw.arguments[0]).encode("latin-1")
    if isinstance(raw, bytes) and code[:1] in ("i", "u", "b") and 0 < len(raw) <= 8:
        return int.from_bytes(raw, "little", signed=code[0] == "i")
    return Inert("numpy.scalar", (code, raw))
