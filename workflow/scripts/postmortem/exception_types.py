"""What an exception that no catalogue entry knows says by its type, its frames and its message."""

from __future__ import annotations

import re

from .causes import meanings
from .facts import Frame, RaisedException
from .findings import GENERIC, SYMPTOM, WRAPPER, Finding
from .statements import Statement

# Last part of the type's name -> (cause, severity, confidence). Python's own hierarchy, then libraries' names.
_BY_TYPE: dict[str, tuple[str, str, float]] = {
    "ModuleNotFoundError": ("code.import", GENERIC, 0.9),
    "ImportError": ("code.import", GENERIC, 0.85),
    "SyntaxError": ("code.syntax", GENERIC, 0.9),
    "IndentationError": ("code.syntax", GENERIC, 0.92),
    "TabError": ("code.syntax", GENERIC, 0.92),
    "MemoryError": ("host.oom", GENERIC, 0.85),
    "ArrayMemoryError": ("host.oom", GENERIC, 0.9),
    "_ArrayMemoryError": ("host.oom", GENERIC, 0.9),
    "PermissionError": ("io.permission", GENERIC, 0.9),
    "KeyboardInterrupt": ("run.interrupted", SYMPTOM, 0.6),
    "NotADirectoryError": ("config.invalid", GENERIC, 0.55),
    "IsADirectoryError": ("config.invalid", GENERIC, 0.6),
    "FileExistsError": ("config.invalid", GENERIC, 0.5),
    "UnicodeDecodeError": ("data.malformed", GENERIC, 0.75),
    "UnicodeError": ("data.malformed", GENERIC, 0.6),
    "JSONDecodeError": ("data.malformed", GENERIC, 0.6),
    "ParserError": ("data.malformed", GENERIC, 0.75),
    "EmptyDataError": ("data.empty", GENERIC, 0.8),
    "BadZipFile": ("data.malformed", GENERIC, 0.7),
    "BadGzipFile": ("data.malformed", GENERIC, 0.75),
    "ReadError": ("data.malformed", GENERIC, 0.6),
    "UnidentifiedImageError": ("data.malformed", GENERIC, 0.85),
    "ArrowInvalid": ("data.malformed", GENERIC, 0.75),
    "UnpicklingError": ("data.malformed", GENERIC, 0.55),
    "ScannerError": ("config.invalid", GENERIC, 0.8),
    "ComposerError": ("config.invalid", GENERIC, 0.8),
    "ConstructorError": ("config.invalid", GENERIC, 0.75),
    "TOMLDecodeError": ("config.invalid", GENERIC, 0.8),
    "ValidationError": ("config.invalid", GENERIC, 0.75),
    "MisconfigurationException": ("config.invalid", GENERIC, 0.8),
    "ConfigAttributeError": ("config.invalid", GENERIC, 0.85),
    "ConfigKeyError": ("config.invalid", GENERIC, 0.85),
    "ConfigCompositionException": ("config.invalid", GENERIC, 0.85),
    "MissingMandatoryValue": ("config.invalid", GENERIC, 0.9),
    "InterpolationKeyError": ("config.invalid", GENERIC, 0.85),
    "MissingConfigException": ("config.invalid", GENERIC, 0.85),
    "ArgumentError": ("config.invalid", GENERIC, 0.8),
    "ArgumentTypeError": ("config.invalid", GENERIC, 0.8),
    "OutOfMemoryError": ("gpu.oom", GENERIC, 0.9),
    "DistBackendError": ("distributed.backend", GENERIC, 0.7),
    "DistStoreError": ("distributed.rendezvous", GENERIC, 0.75),
    "DistNetworkError": ("distributed.rendezvous", GENERIC, 0.75),
    "RendezvousTimeoutError": ("distributed.rendezvous", GENERIC, 0.85),
    "RendezvousConnectionError": ("distributed.rendezvous", GENERIC, 0.85),
    "ConnectionError": ("io.network", GENERIC, 0.7),
    "ConnectionRefusedError": ("io.network", GENERIC, 0.65),
    "ConnectTimeout": ("io.network", GENERIC, 0.8),
    "ReadTimeout": ("io.network", GENERIC, 0.75),
    "ReadTimeoutError": ("io.network", GENERIC, 0.75),
    "NewConnectionError": ("io.network", GENERIC, 0.75),
    "MaxRetryError": ("io.network", GENERIC, 0.75),
    "ProxyError": ("io.network", GENERIC, 0.85),
    "SSLError": ("io.network", GENERIC, 0.8),
    "SSLCertVerificationError": ("io.network", GENERIC, 0.85),
    "URLError": ("io.network", GENERIC, 0.8),
    "HTTPError": ("io.network", GENERIC, 0.6),
    "gaierror": ("io.network", GENERIC, 0.8),
    "IncompleteRead": ("io.network", GENERIC, 0.75),
    "RemoteDisconnected": ("io.network", GENERIC, 0.6),
    "LocalEntryNotFoundError": ("io.network", GENERIC, 0.7),
    "MlflowException": ("tracking.mlflow", GENERIC, 0.8),
    "RestException": ("tracking.mlflow", GENERIC, 0.8),
    "UsageError": ("tracking.auth", GENERIC, 0.45),
    "CommError": ("tracking.service", GENERIC, 0.7),
    "FloatingPointError": ("training.nan_loss", GENERIC, 0.7),
    "BrokenPipeError": ("run.interrupted", WRAPPER, 0.1),
    "ConnectionResetError": ("io.network", SYMPTOM, 0.4),
    "SystemExit": ("unknown", WRAPPER, 0.1),
    "CalledProcessError": ("unknown", WRAPPER, 0.1),
    "ChildFailedError": ("unknown", WRAPPER, 0.1),
    "ProcessRaisedException": ("unknown", WRAPPER, 0.1),
    "RemoteTraceback": ("unknown", WRAPPER, 0.1),
    "_RemoteTraceback": ("unknown", WRAPPER, 0.1),
    "ExceptionGroup": ("unknown", WRAPPER, 0.1),
    "BaseExceptionGroup": ("unknown", WRAPPER, 0.1),
}
# Errors of the program's own logic, if the frame is the project's.
_BUGS = {
    "AttributeError", "KeyError", "NameError", "UnboundLocalError", "TypeError", "IndexError", "ZeroDivisionError",
    "AssertionError", "RecursionError", "StopIteration", "NotImplementedError", "OverflowError", "LookupError",
    "PicklingError", "DuplicateColumnError",
}  # fmt: skip
_ERRNO: dict[str, tuple[str, float]] = {
    "2": ("data.missing", 0.7), "5": ("io.stale_filesystem", 0.85), "11": ("host.limits", 0.7), "12": ("host.oom", 0.85),
    "13": ("io.permission", 0.9), "22": ("config.invalid", 0.5), "23": ("host.limits", 0.9), "24": ("host.limits", 0.92),
    "26": ("io.permission", 0.6), "28": ("host.disk_full", 0.93), "30": ("io.permission", 0.9), "36": ("config.invalid", 0.7),
    "98": ("distributed.rendezvous", 0.8), "101": ("io.network", 0.8), "107": ("io.stale_filesystem", 0.8),
    "110": ("io.network", 0.75), "111": ("io.network", 0.7), "113": ("io.network", 0.8), "116": ("io.stale_filesystem", 0.93),
    "122": ("host.disk_full", 0.93), "8": ("env.activation", 0.7), "121": ("io.stale_filesystem", 0.8),
}  # fmt: skip
_CHECKPOINT_PATH = re.compile(
    r"\.(?:pt|pth|ckpt|bin|safetensors|onnx|h5|tar|index|msgpack)\b['\"]?$|checkpoint|best_model|weights|pytorch_model",
    re.I,
)
_DATA_WORDS = re.compile(
    r"\b(?:data(?:set|frame|loader|base)?|samples?|rows?|columns?|csv|parquet|json|graphs?|edge(?:s|_index)?|nodes?|images?|files?|labels?|"
    r"records?|tokens?|sequence|features?|values? of)\b",
    re.I,
)
_SHAPE_WORDS = re.compile(r"\bshapes?\b|\bdimensions?\b|\bsize\b.*\bmatch|\bbroadcast", re.I)
# What a check in the project's own code speaks about, most telling first.
_THEMES: tuple[tuple[re.Pattern[str], str, float], ...] = (
    (re.compile(r"\b(?:nan|infs?|infinite|non-?finite|not finite)\b", re.I), "training.nan_loss", 0.7),
    (re.compile(r"\bdiverge[ds]?\b|\bexplod(?:ed|ing)\b", re.I), "training.divergence", 0.65),
    (re.compile(r"\bfeatures?\b.*\bexpect|\bexpect\w*\b.*\bfeatures?\b|\bfeature (?:count|dim|width|number)|\d+ (?:node|edge|input) features", re.I), "data.feature_mismatch", 0.7),
    (re.compile(r"\b(?:id|index|indices|token)s?\b.*(?:out of (?:range|bounds)|>=|exceeds?|larger than|vocab)|out[- ]of[- ]vocabulary", re.I), "data.id_out_of_range", 0.6),
    (re.compile(r"\b(?:labels?|class(?:es)?|targets?)\b.*(?:out of (?:range|bounds)|>=|exceeds?)", re.I), "data.label_out_of_range", 0.6),
    (re.compile(r"\b(?:empty|no|zero|0|without any) (?:\w+ ){0,2}(?:data(?:set)?|samples?|graphs?|rows|images|records|examples|edges|batches)\b|\b(?:data(?:set|loader|frame)?|split|batch)\b.* (?:is|was|are) empty|has no (?:rows|samples|graphs|edges)", re.I), "data.empty", 0.7),
    (re.compile(r"\b(?:CUDA|GPU|cuda device)\b.*(?:not available|unavailable|required|no |found)|\bno (?:GPU|CUDA)", re.I), "gpu.unavailable", 0.7),
)  # fmt: skip
_NOT_FOUND = re.compile(r"not found|does not exist|doesn't exist|no such|could not find|cannot find|missing", re.I)
_CONFIG_WORDS = re.compile(
    r"config|\bargs?\b|argument|option|param|setting|must be|should be|expected|invalid|unknown|unsupported|not supported|choose|got\b|requires?",
    re.I,
)
_TRACKER_FRAMES = re.compile(r"/mlflow/|/alembic/")
_LOADING_FRAMES = re.compile(r"torch/(?:serialization|jit/_serialization)\.py|safetensors/")
_TRUNCATED = {"EOFError", "UnpicklingError", "BadZipFile"}


def last_own_frame(exception: RaisedException) -> Frame | None:
    """The innermost frame in the project's own code."""
    return next((frame for frame in reversed(exception.frames) if frame.own), None)


def raised_on_purpose(exception: RaisedException) -> bool:
    """Whether the project's own code raised it by a `raise` or `assert` with a message."""
    inner = exception.frames[-1] if exception.frames else None
    return bool(inner and inner.own and inner.source.startswith(("raise ", "assert ")) and exception.message.strip())


def classify(statement: Statement) -> Finding | None:
    """The finding of an exception by what it is. None for an exception that says nothing by its type."""
    exception = statement.exception or _bare(statement)
    cause, severity, confidence = _cause(exception)
    if cause == "unknown" and severity != WRAPPER:
        return None
    frame = last_own_frame(exception)
    if not exception.frames:
        confidence -= 0.1
    name = exception.type.rsplit(".", 1)[-1]
    place = f" in {frame.function}, {frame.file}:{frame.line}" if frame else ""
    return Finding(
        id=cause, title=f"{meanings()[cause]} ({name})" if cause != "unknown" else name, severity=severity, confidence=confidence, entry=f"exception type {name}",
        root_cause=_words(cause, exception, name, place),
    )  # fmt: skip


def _bare(statement: Statement) -> RaisedException:
    name, _, message = statement.text.partition(":")
    return RaisedException(name.strip(), message.strip(), [], statement.line, statement.last_line)


def _cause(exception: RaisedException) -> tuple[str, str, float]:
    name = exception.type.rsplit(".", 1)[-1].split("[")[0]
    message = exception.message
    files = [frame.file for frame in exception.frames]
    if any(_LOADING_FRAMES.search(f) for f in files) and (name in _TRUNCATED or message.startswith("[Errno 22]")):
        return "model.checkpoint_corrupt", GENERIC, 0.85  # a seek before the start of a file that was cut off
    if exception.type.startswith("sqlite3.") or name in ("OperationalError", "DatabaseError"):
        mlflow = any(_TRACKER_FRAMES.search(f) for f in files)
        return ("tracking.mlflow" if mlflow else "tracking.database"), GENERIC, 0.75
    if (errno := re.match(r"\[Errno (\d+)\]", message)) and name not in ("PermissionError",):
        if errno[1] == "2":
            return _missing_file(message, files)
        if errno[1] in _ERRNO:
            cause, confidence = _ERRNO[errno[1]]
            return cause, GENERIC, confidence
    if name in ("FileNotFoundError", "NoSuchFileError"):
        return _missing_file(message, files)
    if name in _BY_TYPE:
        return _BY_TYPE[name]
    if raised_on_purpose(exception):
        return _on_purpose(name, message)
    if name in _BUGS:
        return "code.bug", GENERIC, 0.75 if last_own_frame(exception) else 0.5
    if name in ("ValueError", "RuntimeError", "Exception", "OSError", "error", "Error"):
        return _said_by_library(name, exception)
    if exception.frames and name.endswith(("Error", "Exception")):
        return (
            ("config.invalid", GENERIC, 0.45)
            if re.search(r"config|argument|option|valid", name, re.I)
            else ("unknown", GENERIC, 0.2)
        )
    return "unknown", GENERIC, 0.2


def _missing_file(message: str, files: list[str]) -> tuple[str, str, float]:
    if any(f.endswith("subprocess.py") for f in files[-2:]):
        return "env.activation", GENERIC, 0.8
    path = message.rsplit("'", 2)[-2] if message.count("'") >= 2 else message
    if _CHECKPOINT_PATH.search(path):
        return "model.checkpoint_missing", GENERIC, 0.8
    return "data.missing", GENERIC, 0.75


def _on_purpose(name: str, message: str) -> tuple[str, str, float]:
    """A check in the project's own code speaks: what about?"""
    for expression, cause, confidence in _THEMES:
        if expression.search(message):
            return cause, GENERIC, confidence
    if _NOT_FOUND.search(message):
        if _CHECKPOINT_PATH.search(message):
            return "model.checkpoint_missing", GENERIC, 0.75
        if _DATA_WORDS.search(message) or "/" in message:
            return "data.missing", GENERIC, 0.65
    if name in ("KeyError", "IndexError", "AttributeError", "NameError", "NotImplementedError"):
        return "code.bug", GENERIC, 0.6
    if _SHAPE_WORDS.search(message):
        return "model.shape_mismatch", GENERIC, 0.6
    if name != "AssertionError" and _DATA_WORDS.search(message) and not _CONFIG_WORDS.search(message):
        return "data.malformed", GENERIC, 0.55
    if name == "AssertionError" and not _CONFIG_WORDS.search(message):
        return "code.bug", GENERIC, 0.55
    return "config.invalid", GENERIC, 0.65


def _said_by_library(name: str, exception: RaisedException) -> tuple[str, str, float]:
    """A ValueError or the like that a library or the interpreter raised for a reason of its own."""
    inner = exception.frames[-1] if exception.frames else None
    if name == "ValueError" and inner and inner.own:
        return "code.bug", GENERIC, 0.55  # the interpreter itself: unpacking, conversions, list.index
    if name == "ValueError" and exception.frames and last_own_frame(exception):
        if _SHAPE_WORDS.search(exception.message):
            return "model.shape_mismatch", GENERIC, 0.45
        return "config.invalid", GENERIC, 0.4
    return "unknown", GENERIC, 0.2


def _words(cause: str, exception: RaisedException, name: str, place: str) -> str:
    message = exception.message.strip().split("\n")[0]
    said = f": {message}" if message else ", without a message"
    if cause == "code.bug":
        return f"The pipeline's own code raised {name}{place}{said}."
    if cause == "config.invalid":
        return f"A value was refused by {name}{place}{said}."
    return f"{name}{place}{said}."
