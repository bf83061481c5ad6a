"""Python tracebacks as they occur in logs: chains, groups, ranks, time stamps, those of children, cut off mid-way."""

from __future__ import annotations

import re
from pathlib import Path

from ...facts import Frame, Line, RaisedException, Traceback
from ...log_prefix import strip_prefix
from .traceback_keras import KERAS_WORDS, unwrap

MESSAGE_LINES = 40  # of one exception; a state_dict mismatch lists its keys over dozens of lines
LOOSE_MESSAGE_LINES = 8  # of them those that are not indented: nothing but their place says that they belong to it
INTERLEAVED_LINES = 3  # of other processes or of a progress bar, between two frames
MAX_TRACEBACKS = 60  # a log, the first and the last ones; those of 64 ranks are the same one
MAX_FRAMES = 80  # an exception; a recursion error prints its frames again and again

_HEADER_WORDS = "Traceback (most recent call last)"
_HEADER = re.compile(r"^(?P<before>.*?)(?P<group>Exception Group )?Traceback \(most recent call last\):?\s*$")
_FRAME = re.compile(r'^File "(?P<file>[^"]+)", line (?P<line>\d{1,9})(?:, in (?P<function>.+))?$')
_EXCEPTION_NAME = re.compile(r"(?:Error|Exception|Interrupt|Failure|Exit|Fault|Timeout|NotFound|Abort|Invalid\w*)$")
_EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][\w.]*(?:\.<locals>\.[\w.]+)?(?:\[[\w., ]+\])?)(?:: ?(?P<message>.*))?$")
_CHAIN = {
    "The above exception was the direct cause of the following exception:": "cause",
    "During handling of the above exception, another exception occurred:": "context",
}
_CARETS = re.compile(r"^[\s|]*[~^][\s~^]*$")
_GROUP_RULE = re.compile(r"^[\s|]*\+-[-+]")
_GROUP_BAR = re.compile(r"^\s*[|+](?:-+ \d+ -+|-{8,})?\s?")
# A line that begins like this is no part of the exception's message above it.
_STOPS = re.compile(
    r"^(?:slurmstepd|srun:|sbatch:|wandb:|Error in rule|RuleException|\[\w{3} \w{3} +\d|Traceback|Exception ignored|"
    r"During handling|The above exception|\+ |Exiting because|Shutting down|Segmentation fault|Killed|Bus error|"
    r"Aborted|Fatal Python error|terminate called|make\[|\*\*\*|=====|-----|Epoch|Training|Validation|usage:|"
    r"Error executing|Error:|WARNING|INFO|\S+Error: |\S+Exception: |\S+: line \d+: )|\d+%\|"
)
# What a dying job prints below the frames of a traceback that was cut off: "word: message", and no exception.
_NO_TYPE = re.compile(
    r"^(?:slurmstepd|srun|sbatch|wandb|bash|sh|make|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|NOTE|HINT|usage|Usage"
    r"|Killed|Terminated|Aborted|Hangup|Epoch|Step|Training|Validation|Finished|Done|Complete)\b(?!\.)"
)
_BAR = re.compile(r"\d%\|")
_DIGIT = re.compile(r"\d")
# multiprocessing puts the child's traceback between these.
_QUOTES = re.compile(r"^(?:\"{3}|'{3})$")
_LIBRARY = re.compile(
    r"(?:^|[/\\])(?:site-packages|dist-packages)[/\\]|/lib(?:64)?/python\d|/python\d\.\d+/|^<|/\.pyenv/|/(?:ana|"
    r"mini)conda\d?/(?!.*/(?:code|src|project))"
    r"|/(?:snakemake|runpy)(?:/|\.py)|\\[Ll]ib\\|/__autograph_generated_file"
)
# A command that an installed package put into an environment: "envs/x/bin/torchrun", without a suffix.
_LAUNCHER = re.compile(r"(?:^|/)(?:bin|Scripts)/[\w.-]*?(?<!\.py)$|\.(?:pyx|pxi|pxd)$")  # and what Cython compiled
# Types whose names do not end like an exception's, but are.
_ODD_TYPES = {
    "KeyboardInterrupt", "SystemExit", "StopIteration", "StopAsyncIteration", "GeneratorExit", "gaierror", "herror",
    "RemoteDisconnected", "IncompleteRead", "BackendCompilerFailed", "Unsupported", "BadZipFile", "NoSuchKey",
    "ExceptionGroup", "BaseExceptionGroup", "BdbQuit",
}  # fmt: skip


def is_own(file: str, project_root: Path | None = None) -> bool:
    """Whether a frame's file is the project's own code and not a library's."""
    if project_root is not None and file.startswith(str(project_root)) and "site-packages" not in file:
        return True
    return not _LIBRARY.search(file) and not _LAUNCHER.search(file)


def looks_like_exception(text: str) -> bool:
    """Whether "Type: message" names an exception class by the usual conventions."""
    match = _EXCEPTION.match(text)
    if not match:
        return False
    last = match["type"].rsplit(".", 1)[-1].split("[")[0]
    return last in _ODD_TYPES or bool(_EXCEPTION_NAME.search(last))


class _Body:
    """The lines of one process's stream, each without its rank and time."""

    def __init__(self, lines: list[tuple[Line, str, str]]):
        self.lines = lines  # (line, body, level)
        self.width = 0  # of what stands before the header, where the other lines of this traceback have the like
        self.shape = ""

    def begin(self, i: int) -> None:
        """A traceback begins here: what stands before its header may stand before all of its lines.

        Taken off by its width, for the indentation behind it tells frames, their source and messages apart.
        """
        match = _HEADER.match(self.lines[i][0].text)
        before = match["before"] if match else ""
        self.shape = _shape(before)
        following = self.lines[i + 1][0].text[: len(before)] if i + 1 < len(self) else ""
        self.width = len(before) if before.strip(" \t|+-") and _shape(following) == self.shape else 0

    def text(self, i: int) -> str:
        line, body, _ = self.lines[i]
        if self.width and len(line.text) >= self.width and _shape(line.text[: self.width]) == self.shape:
            return line.text[self.width :]
        return body

    def frame_follows(self, i: int) -> bool:
        """Whether a frame comes within the next lines: what stands before it was printed by another process."""
        return any(
            _FRAME.match(_unbar(self.text(k)).strip()) for k in range(i + 1, min(i + 1 + INTERLEAVED_LINES, len(self)))
        )

    def exception_follows(self, i: int) -> bool:
        """Whether after one empty line the exception comes, or a source line before it: every other line is empty."""
        if i + 1 >= len(self) or self.number(i + 1) - self.number(i) != 1:
            return False
        text = _unbar(self.text(i + 1))
        return looks_like_exception(text.strip()) or (
            text[:4] == "    " and i + 2 < len(self) and not self.text(i + 2).strip()
        )

    def number(self, i: int) -> int:
        return self.lines[i][0].number

    def adjacent(self, i: int) -> bool:
        """Whether nothing was dropped between line i-1 and line i (of this stream's lines as kept)."""
        return i == 0 or self.number(i) - self.number(i - 1) <= 60

    def __len__(self) -> int:
        return len(self.lines)


def _shape(text: str) -> str:
    """A prefix without what changes from line to line."""
    return _DIGIT.sub("0", text)


def parse_tracebacks(lines: list[Line], project_root: Path | None = None) -> list[Traceback]:
    """Find all tracebacks among a log's kept lines. In order of their first line."""
    streams: dict[str, tuple[int | None, list[tuple[Line, str, str]]]] = {}
    for line in lines:
        parts = strip_prefix(line.text)
        stream = streams.setdefault(parts.label, (parts.rank, []))
        stream[1].append((line, parts.body, parts.level))
    found: list[Traceback] = []
    for rank, stream_lines in streams.values():
        body = _Body(stream_lines)
        i = 0
        while i < len(body):
            body.width = 0
            text = body.text(i)
            header = _HEADER.match(text) if "Traceback (most" in text else None
            if header or _FRAME.match(text.strip()):
                # Frames without their header: the log was cut off at its beginning.
                traceback, i = _parse_chain(
                    body, i if header else i - 1, header["before"] if header else "", project_root
                )
                if traceback:
                    traceback.rank = rank
                    found.append(traceback)
            else:
                i += 1
    found.sort(key=lambda t: t.first_line)
    return found if len(found) <= MAX_TRACEBACKS else found[: MAX_TRACEBACKS // 2] + found[-MAX_TRACEBACKS // 2 :]


def _parse_chain(body: _Body, start: int, before: str, root: Path | None) -> tuple[Traceback | None, int]:
    """Parse from a header line on. Returns the chain (None if it was nothing) and the index after it."""
    word = before.strip()
    if start >= 0:
        body.begin(start)
    nested = (not word and before[:1] in (" ", "\t")) or "Original" in word
    logged = (start >= 0 and bool(body.lines[start][2])) or (
        bool(word) and "Original" not in word and "|" not in word and "+" not in word
    )
    exceptions: list[RaisedException] = []
    i = start
    while True:
        headed = i >= 0 and _HEADER.match(body.text(i))
        # Without its header the first frame tells how far the whole is indented: by two less.
        indent = _indent_of(body.text(i)) if headed else max(0, _spaces(body.text(i + 1)) - 2)
        exception, i = _parse_exception(body, i + 1, indent, root)
        if exception is None:
            break
        exceptions.append(exception)
        following = _skip_blank(body, i)
        if following < len(body) and _QUOTES.match(body.text(following).strip()):
            following = _skip_blank(body, following + 1)
        relation = _CHAIN.get(_unbar(body.text(following)).strip()) if following < len(body) else None
        if relation is None:
            break
        header_at = _skip_blank(body, following + 1)
        if header_at >= len(body):
            break
        if not _HEADER.match(body.text(header_at)):
            bare = _bare_exception(body, header_at)
            if bare:  # some formatters leave the second header out
                exception.leads_to = relation
                exceptions.append(bare)
                i = header_at + 1
            break
        exception.leads_to = relation
        i = header_at
    if not exceptions:
        return None, start + 2
    # Without a header it begins at its first frame: the line above may be a statement of its own.
    first = start if start >= 0 and _HEADER.match(body.text(start)) else start + 1
    end = max(i, start + 2)
    last = exceptions[-1]
    return (
        Traceback(exceptions, body.number(first), max(last.last_line, last.line), None, nested, logged, last.line == 0),
        end,
    )


def _spaces(line: str) -> int:
    text = _unbar(line)
    return len(text) - len(text.lstrip(" \t"))


def _indent_of(header: str) -> int:
    text = _unbar(header)
    return (
        len(text) - len(text.lstrip(" \t")) if text.lstrip().startswith(("Traceback", "Original", "Exception")) else 0
    )


def _unbar(text: str) -> str:
    """Without the bars that an exception group draws."""
    return _GROUP_BAR.sub("", text, count=1) if text.lstrip()[:1] in ("|", "+") else text


def _skip_blank(body: _Body, i: int) -> int:
    while i < len(body) and not _unbar(body.text(i)).strip():
        i += 1
    return i


def _parse_exception(body: _Body, i: int, indent: int, root: Path | None) -> tuple[RaisedException | None, int]:
    """Frames, then "Type: message". Returns None if neither follows."""
    raised = RaisedException("", "")
    while i < len(body) and body.adjacent(i):
        text = _unbar(body.text(i)).rstrip()
        stripped = text.strip()
        if match := _FRAME.match(stripped):
            if len(raised.frames) >= MAX_FRAMES:
                del raised.frames[MAX_FRAMES // 2]  # where it began and where it was raised tell more than the middle
            own = is_own(match["file"], root)
            raised.frames.append(
                Frame(match["file"], int(match["line"]), match["function"] or "", "", body.number(i), own)
            )
            raised.last_line = body.number(i)
        elif not stripped or _CARETS.match(text) or stripped.startswith("[Previous line repeated"):
            if not stripped and not body.frame_follows(i) and not body.exception_follows(i):
                break
        elif raised.frames and _BAR.search(text):
            pass  # of another thread, between two lines of this traceback
        elif raised.frames and len(text) - len(text.lstrip()) > indent + 2:
            frame = raised.frames[-1]
            frame.source = frame.source or stripped
            raised.source_lines.append(body.number(i))
        elif (match := _EXCEPTION.match(stripped)) and _is_type(stripped, raised, body, i):
            raised.type, raised.message = match["type"], (match["message"] or "").split(_HEADER_WORDS)[0]
            raised.line = raised.last_line = body.number(i)
            return raised, _message_lines(body, i + 1, indent, raised, root)
        elif _HEADER.match(text) or not body.frame_follows(i):
            break
        i += 1
    return (raised, i) if raised.frames else (None, i)


def _is_type(text: str, raised: RaisedException, body: _Body, i: int) -> bool:
    """Whether a line "Type: message" ends the frames above it; types that are not named like one need frames."""
    if looks_like_exception(text):
        return True
    return bool(raised.frames) and not _NO_TYPE.match(text) and not body.frame_follows(i)


def _message_lines(body: _Body, i: int, indent: int, raised: RaisedException, root: Path | None) -> int:
    """Add the further lines of a message. Returns the index after them."""
    # An exception without a message has no colon; what is not indented below it was printed by something else.
    loose = 0 if ":" in _unbar(body.text(i - 1)) else LOOSE_MESSAGE_LINES
    taken = 0
    lines = [raised.message]
    while i < len(body) and taken < MESSAGE_LINES and body.adjacent(i):
        text = _unbar(body.text(i)).rstrip()
        stripped = text.strip()
        if (
            not stripped
            and lines[-1].rstrip().endswith(":")
            and i + 1 < len(body)
            and _unbar(body.text(i + 1))[:4] == "    "
        ):
            i += 1  # Keras: "in user code:", an empty line, then the frames of the user's code
            inside: list[tuple[int, str]] = []
            while i < len(body) and taken < MESSAGE_LINES and (not body.text(i).strip() or body.text(i)[:4] == "    "):
                inside.append((body.number(i), body.text(i).rstrip()))
                i, taken = i + 1, taken + 1
            raised.message, raised.last_line = "\n".join([*lines, *(text for _, text in inside)]), body.number(i - 1)
            if lines[0] == KERAS_WORDS:
                unwrap(raised, inside, lambda file: is_own(file, root))
            return i
        if (
            not stripped
            or body.lines[i][2]
            or _HEADER.match(text)
            or _STOPS.match(stripped)
            or _FRAME.match(stripped)
            or _QUOTES.match(stripped)
        ):
            break
        if _GROUP_RULE.match(body.text(i)):
            break
        if len(text) - len(text.lstrip()) <= indent:
            loose += 1
            if loose > LOOSE_MESSAGE_LINES:
                break
        lines.append(text)
        raised.last_line = body.number(i)
        i, taken = i + 1, taken + 1
    raised.message = "\n".join(lines)
    return i


def _bare_exception(body: _Body, i: int) -> RaisedException | None:
    match = _EXCEPTION.match(body.text(i).strip())
    if not match or not looks_like_exception(body.text(i).strip()):
        return None
    return RaisedException(match["type"], match["message"] or "", [], body.number(i), body.number(i))
