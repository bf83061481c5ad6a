"""What an exception that no catalogue entry knows says by its type, its frames and its message."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from ...collect.logs.statements import Statement
from ...facts import CodeFrame, Frame, Log, RaisedException
from ..causes import meanings
from ..findings import GENERIC, SYMPTOM, WRAPPER, Evidence, Finding, Fix
from ..remedies.asserted import wanted
from ..remedies.python_errors import remedy
from ..remedies.releases import requirement
from .libraries import refused_by, topic_of
from .own_checks import SHAPE_WORDS, missing_file, on_purpose
from .packages import Unfinished, interpreter_of, misfit, passes_on, pip_name, unfinished
from .preventions import preventions
from .refusals import ARGUMENT, refused_by_any, refused_value
from .renamed import renamed
from .source_line import told
from .tables import BUGS, BY_ERRNO, BY_TYPE, LIBRARY_THEMES

CAUGHT_CONFIDENCE = 0.5  # of what the main process repeats of a worker's exception: less than any of its own
TELLING_TYPE = 0.6  # a type that is less sure leaves it to a library's own words what it is about
TELLING_PLACE = 0.45  # of a part of a library: less says less than that a check of it refused something
# The interpreter's own words, even where the project raises them again.
_OF_THE_INTERPRETER = re.compile(
    r"^unsupported operand type|^'\w+' object (?:is not|has no|does not|cannot)|^name '\w+' is not defined|"
    r"positional arguments?(?: but|:)|unexpected keyword argument|referenced before assignment|^division by zero"
)
_FRAMEWORK_FRAMES = re.compile(
    r"/(?:torch|torch_\w+|torchvision|tensorflow\w*|keras|jax|jaxlib|flax|lightning|pytorch_lightning|transformers|"
    r"accelerate|peft|trl|deepspeed|diffusers|timm)/"
)
_INTERPRETER_WORDS = re.compile(
    r"values to unpack|is not in list|x not in list|dictionary update sequence|"
    r"setting an array element with a sequence|truth value of an? (?:array|Series|DataFrame)"
)
_STANDARD_LIBRARY = re.compile(r"/lib/python3\.\d+/(?!(?:site|dist)-packages/)|^<frozen ")
_LACKS = re.compile(r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'")
# A check of an argument or a setting: `assert args.batch_size % devices == 0`.
_CHECKS_SETTINGS = re.compile(r"^assert\b.{0,200}\b(?:args|opts?|options|cfg|conf|config|hparams|params|flags)\b", re.I)
_RAISES_NEW = re.compile(r"raise (?:\w+\.)*_?[A-Z]\w*[.(]")
# How torch tells in the main process what a worker or a replica raised.
_CAUGHT = re.compile(r"Caught \w+ in (?:DataLoader worker process|pin memory thread|replica|worker)\b")
_TRACKER_FRAMES = re.compile(r"/mlflow/|/alembic/")
_LOADING_FRAMES = re.compile(r"torch/(?:serialization|jit/_serialization|_weights_only_unpickler)\.py|safetensors/")
_TRUNCATED = {"EOFError", "UnpicklingError", "BadZipFile"}


def last_own_frame(exception: RaisedException) -> Frame | None:
    """The innermost frame in the project's own code."""
    return next((frame for frame in reversed(exception.frames) if frame.own), None)


def own_frame(exception: RaisedException, log: Log) -> Frame | None:
    """The innermost frame in the project's own code, if need be of an exception that was raised while it was handled.

    What a library raises and catches itself has none; the next one of its chain, which ended the run, has.
    """
    if frame := last_own_frame(exception):
        return frame
    for traceback in log.tracebacks:
        chain = traceback.exceptions
        place = next((i for i, raised in enumerate(chain) if raised is exception), None)
        if place is not None:
            return next((frame for raised in chain[place + 1 :] if (frame := last_own_frame(raised))), None)
    return None


def raised_on_purpose(exception: RaisedException) -> bool:
    """Whether the project's own code raised it by a `raise` or `assert` with a message."""
    inner = exception.frames[-1] if exception.frames else None
    return bool(inner and inner.own and inner.source.startswith(("raise ", "assert ")) and exception.message.strip())


def classify(statement: Statement, code: Iterable[CodeFrame] = ()) -> Finding | None:
    """The finding of an exception by what it is. None for an exception that says nothing by its type.

    code: the project's code as far as it was read, for edits of it.
    """
    exception = statement.exception or _bare(statement)
    cause, role, confidence = _cause(exception)
    if cause == "unknown" and role != WRAPPER:
        return None
    frame = last_own_frame(exception)
    if not exception.frames:
        confidence -= 0.1
    if role == GENERIC and _CAUGHT.match(exception.message):
        # The worker's own traceback, printed below, says it itself, and where.
        role, confidence = SYMPTOM, min(confidence, CAUGHT_CONFIDENCE)
    name = exception.type.rsplit(".", 1)[-1]
    place = f" in {frame.function}, {frame.file}:{frame.line}" if frame else ""
    return Finding(
        id=cause,
        title=f"{meanings()[cause]} ({name})" if cause != "unknown" else name,
        role=role,
        confidence=confidence,
        entry=f"exception type {name}",
        root_cause=_words(cause, exception, name, place),
        evidence=[Evidence(statement.log.source.path, statement.text, statement.line)],
        position=statement.position,
        fix=_fixes(cause, exception, code),
        prevention=preventions(cause),
        made_in="scripts/postmortem/analyze/exceptions/classify.py",
    )


def _fixes(cause: str, exception: RaisedException, code: Iterable[CodeFrame]) -> list[Fix]:
    """What the type, the message and the line that raised it tell to do."""
    if (line := told(exception)) and line.cause == cause:
        return [line.fix]
    if cause == "code.library_conflict":
        return _install(exception)
    inner = exception.frames[-1] if exception.frames else None
    if inner and inner.own and cause.startswith("config.") and (fix := wanted(inner.source, inner.file, inner.line)):
        return [fix]
    if lacking := unfinished(exception):
        return [_made_anew(lacking)]
    frame = last_own_frame(exception)
    inside = exception.frames[exception.frames.index(frame) + 1 :] if frame else []
    known = remedy(exception, frame, code) if frame and all(_adds_nothing(f) for f in inside) else None
    return [known] if known else []


def _made_anew(lacking: Unfinished) -> Fix:
    """What to do about an object that another release of its package has made."""
    package = pip_name(lacking.package)
    return Fix(
        f"The {lacking.kind} lacks `{lacking.name}`, which {package} sets when it makes one: it was made, or saved, by "
        f"another release of {package}. Make and save it anew with the installed one, or install the {package} that "
        f"it, or the project, was made for. Of a class of the project, call `super().__init__()` in its `__init__`."
    )


def _adds_nothing(frame: Frame) -> bool:
    """Whether a failure inside of this frame is still about the line that called it."""
    if frame.function in ("__getattr__", "__iter__", "__len__"):
        return True
    return passes_on(frame) or bool(_STANDARD_LIBRARY.search(frame.path))


def _install(exception: RaisedException) -> list[Fix]:
    """The release to install, where one is known to have what is asked for; else both packages, newer and together."""
    python = shlex.quote(interpreter_of(exception) or "python")
    if change := renamed(exception):
        return change.fixes(python)
    if wanted := _of_another_release(exception.message):
        text = f"Install {wanted}, which has what is asked for, or change the call to what the installed release has."
        return [Fix(text, f"{python} -m pip install {shlex.quote(wanted)}")]
    if pair := misfit(exception):
        packages = " ".join(shlex.quote(pip_name(module)) for module in (pair.caller, pair.called))
        text = (
            f"Upgrade {pair.caller} and {pair.called} together, so that they fit each other; where the project needs "
            f"this {pair.caller}, take the {pair.called} of its time instead."
        )
        return [Fix(text, f"{python} -m pip install --upgrade {packages}")]
    return []


def _bare(statement: Statement) -> RaisedException:
    name, _, message = statement.text.partition(":")
    return RaisedException(name.strip(), message.strip(), [], statement.line, statement.last_line)


def _cause(exception: RaisedException) -> tuple[str, str, float]:
    name = exception.type.rsplit(".", 1)[-1].split("[")[0]
    message = exception.message
    files = [frame.path for frame in exception.frames]
    if any(_LOADING_FRAMES.search(f) for f in files) and (name in _TRUNCATED or message.startswith("[Errno 22]")):
        return "model.checkpoint_corrupt", GENERIC, 0.85  # a seek before the start of a file that was cut off
    if exception.type.startswith("sqlite3.") or name in ("OperationalError", "DatabaseError"):
        mlflow = any(_TRACKER_FRAMES.search(f) for f in files)
        return ("tracking.mlflow" if mlflow else "tracking.database"), GENERIC, 0.75
    if (errno := re.match(r"\[Errno (\d+)\]", message)) and name not in ("PermissionError",):
        if errno[1] == "2":
            return missing_file(message, files)
        if errno[1] in BY_ERRNO:
            cause, confidence = BY_ERRNO[errno[1]]
            return cause, GENERIC, confidence
    if name in ("FileNotFoundError", "NoSuchFileError"):
        return missing_file(message, files)
    if (line := told(exception)) and line.cause == "code.library_conflict":
        return line.cause, GENERIC, line.confidence
    if misfit(exception):
        return "code.library_conflict", GENERIC, 0.85 if _of_another_release(message) else 0.75
    if renamed(exception):
        return "code.library_conflict", GENERIC, 0.85
    refused = _raised_by_library(exception)
    by_type = BY_TYPE.get(f"{exception.type.partition('.')[0]}.{name}") or BY_TYPE.get(name)
    if refused and name == "SyntaxError":
        return _refused_by_library(name, exception, None)  # Pillow's word for a file that is no image, not Python's
    if by_type and not (refused and by_type[1] == GENERIC and by_type[2] < TELLING_TYPE):
        return by_type
    if name == "LookupError" and not message.strip():
        return "unknown", GENERIC, 0.2  # NLTK: what is missing stands in the lines below
    if raised_on_purpose(exception) and not _OF_THE_INTERPRETER.search(message):
        purpose = on_purpose(name, message)
        line = told(exception) if purpose[0] in ("code.bug", "config.invalid") else None
        return (line.cause, GENERIC, line.confidence) if line else purpose
    if _of_another_release(message):
        return "code.library_conflict", GENERIC, 0.85
    inner = exception.frames[-1] if exception.frames else None
    if line := told(exception):
        return line.cause, GENERIC, line.confidence
    if name == "AssertionError" and inner and inner.own and _CHECKS_SETTINGS.search(inner.source):
        return "config.invalid", GENERIC, 0.65
    if name == "AssertionError" and not exception.frames and message.strip():
        return on_purpose(name, message)  # who writes a message to an assertion says what is wrong
    if refused:
        return _refused_by_library(name, exception, by_type)
    if name in BUGS:
        return "code.bug", GENERIC, 0.75 if last_own_frame(exception) else 0.5
    if name in ("ValueError", "RuntimeError", "Exception", "OSError", "error", "Error"):
        return _said_by_library(name, exception)
    if exception.frames and name.endswith(("Error", "Exception", "Warning", "Failure")):
        return _by_topic(exception) or (
            ("config.invalid", GENERIC, 0.45)
            if re.search(r"config|argument|option|valid", name, re.I)
            else ("unknown", GENERIC, 0.2)
        )
    return "unknown", GENERIC, 0.2


def _of_another_release(message: str) -> str:
    """What to install, if the message says that a package lacks what another release of it has; else empty."""
    found = _LACKS.search(message)
    return requirement(found["module"], found["name"]) if found else ""


def _raised_by_library(exception: RaisedException) -> bool:
    """Whether the Python code of a library raised it with a message of its own.

    That of `raise error` is another one's, and that of subprocess is mostly the command's.
    """
    inner = exception.frames[-1] if exception.frames else None
    if inner is None or inner.own or inner.path.endswith("subprocess.py"):
        return False
    return bool(_RAISES_NEW.match(inner.source) and exception.message.strip())


def _refused_by_library(
    name: str, exception: RaisedException, by_type: tuple[str, str, float] | None
) -> tuple[str, str, float]:
    """A library's own check speaks: by a firm topic of its place, then by its words, its type, and the place."""
    topic = topic_of(exception)
    if topic and topic.firm:
        return topic.cause, GENERIC, topic.confidence
    if found := refused_by_any(exception.message):
        return found[0], GENERIC, found[1]
    if name in BUGS:
        return "code.bug", GENERIC, 0.75 if last_own_frame(exception) else 0.5
    if found := refused_value(exception.message):
        return refused_by(exception) if found[0] == ARGUMENT else found[0], GENERIC, found[1]
    if by_type:
        return by_type
    # A library's check of shapes says so in its words.
    if topic and topic.cause != "model.shape_mismatch" and topic.confidence >= TELLING_PLACE:
        return topic.cause, GENERIC, topic.confidence
    return (refused_by(exception), GENERIC, 0.4) if topic or name == "ValueError" else ("unknown", GENERIC, 0.2)


def _said_by_library(name: str, exception: RaisedException) -> tuple[str, str, float]:
    """A ValueError or the like that a library or the interpreter raised for a reason of its own."""
    inner = exception.frames[-1] if exception.frames else None
    if name == "ValueError" and inner and inner.own:
        return "code.bug", GENERIC, 0.55  # the interpreter itself: unpacking, conversions, list.index
    if name == "ValueError" and _INTERPRETER_WORDS.search(exception.message):
        return "code.bug", GENERIC, 0.5  # what a library was given or got back has another form than it takes
    if name == "ValueError" and exception.frames and last_own_frame(exception):
        if SHAPE_WORDS.search(exception.message):
            return "model.shape_mismatch", GENERIC, 0.45
        return _by_topic(exception) or ("config.invalid", GENERIC, 0.4)
    if name == "RuntimeError" and inner and (inner.own or _FRAMEWORK_FRAMES.search(inner.path)):
        for expression, cause, confidence in LIBRARY_THEMES:
            if re.search(expression, exception.message, re.IGNORECASE):
                return cause, GENERIC, confidence
    return _by_topic(exception) or ("unknown", GENERIC, 0.2)


def _by_topic(exception: RaisedException) -> tuple[str, str, float] | None:
    """By the part of a library that raised it: its words say nothing that is known."""
    topic = topic_of(exception)
    return (topic.cause, GENERIC, topic.confidence) if topic else None


def _words(cause: str, exception: RaisedException, name: str, place: str) -> str:
    message = exception.message.strip().split("\n")[0].rstrip(".")
    said = f": {message}" if message else ", without a message"
    if (line := told(exception)) and line.cause == cause:
        return line.words
    if cause == "code.library_conflict" and (change := renamed(exception)):
        return f"{change.words}: {name}{said}."
    if cause == "code.library_conflict" and (pair := misfit(exception)):
        return f"{pair.caller} uses {pair.called} as another version of it would have to be used: {name}{said}."
    if cause == "code.bug":
        return f"The pipeline's own code raised {name}{place}{said}."
    if cause == "config.invalid":
        return f"A value was refused by {name}{place}{said}."
    return f"{name}{place}{said}."
