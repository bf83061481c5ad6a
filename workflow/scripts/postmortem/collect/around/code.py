"""The frames of the project's own code with the source around them, as it was when the run started."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ... import times
from ...facts import CodeFrame, Frame, Line, RaisedException, RunFacts
from ...git import LARGEST_FILE, GitRepository
from ...redaction import redact
from ...text import clean
from .nearest_names import nearest_names, source_text

if TYPE_CHECKING:
    from datetime import datetime

    from ...discover.discovery import RunState
    from ...project.project import Project

AROUND = 5  # lines shown before and after a frame's line
FRAMES = 4  # of one exception, the innermost
EXCEPTIONS = 3  # whose frames are looked up: those raised first are what the resolver chooses from
LINE_CHARACTERS = 400
NOW = "as it is now"


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.code with the innermost own frames of the run's exceptions; name own frames as the project does."""
    frames = [f for log in facts.logs for t in log.tracebacks for e in t.exceptions for f in e.frames if f.own]
    for frame in frames:
        frame.file = named_in_project(project.root, frame.file)
    facts.code = frames_with_source(project.root, facts)


def frames_with_source(root: Path, facts: RunFacts) -> list[CodeFrame]:
    """In: the project's root and the facts with logs. Out: frames whose file lies in the project, innermost first."""
    raised = _exceptions(facts)
    if not raised:
        return []
    tree = _Tree(root, GitRepository(root), started_at(facts))
    keys = [key.rpartition(".")[2] for key in facts.config.values] if facts.config else []
    found: dict[tuple[str, int], CodeFrame] = {}
    for exception in raised:
        inner = True
        for frame in [f for f in reversed(exception.frames) if f.own and f.line][:FRAMES]:
            place = tree.locate(frame)
            if place is not None and (place.file, place.line) not in found:
                found[place.file, place.line] = place
                if inner:
                    place.nearest_names = nearest_names(root, tree.text(place), exception, keys)
            inner = False
    return list(found.values())


def started_at(facts: RunFacts) -> datetime | None:
    """When the last attempt started, as its logs, else the schedulers tell."""
    said = [log.first_time for log in facts.logs if log.role in ("stderr", "stdout", "job")]
    said += [attempt.start for attempt in facts.attempts[-1:]]
    return next((moment for text in said if (moment := times.parse(text))), None)


def _exceptions(facts: RunFacts) -> list[RaisedException]:
    raised = [
        e for log in facts.logs for t in log.tracebacks for e in t.exceptions if any(frame.own for frame in e.frames)
    ]
    return raised[:EXCEPTIONS]


class _Tree:
    """The project's files as they are now and as they were when the run started."""

    def __init__(self, root: Path, repository: GitRepository, started: datetime | None) -> None:
        self.root, self.repository = root, repository
        self.commit = repository.commit_at(started) or ""
        self.dated = started is not None
        self._then: list[str] | None = None
        self._texts: dict[tuple[str, int], str] = {}

    def text(self, place: CodeFrame) -> str:
        """The whole text that a frame's lines are from."""
        return self._texts[place.file, place.line]

    def locate(self, frame: Frame) -> CodeFrame | None:
        """The frame with its source, if its file is the project's.

        The project may have been moved or cloned since: then the end of the path names the file, and since any
        project has a utils.py, the line that the traceback prints must stand there.
        """
        exact = below(self.root, frame.file)
        for file in [exact] if exact else _ends(frame.file):
            if not self._exists(file):
                continue
            place, matches = self._frame(file, frame)
            if exact or (matches if frame.source else "/" in file):
                return place
        return None

    def _exists(self, file: str) -> bool:
        return (self.root / file).is_file() or file in self._files_then()

    def _files_then(self) -> list[str]:
        if self._then is None:
            self._then = self.repository.files_at(self.commit) if self.commit else []
        return self._then

    def _frame(self, file: str, frame: Frame) -> tuple[CodeFrame, bool]:
        """The frame, and whether the line reads as in the traceback."""
        line = frame.line or 1
        now = source_text(self.root / file)
        text, version = now, NOW
        then = self.repository.file_at(self.commit, file) if self.commit else None
        if then is not None and _plain(then) != _plain(now) and _fits(then, frame):
            when = "when the run started" if self.dated else "which is checked out"
            text, version = then, f"as it was in commit {self.commit[:7]}, {when}; the file has changed since"
        matches = _fits(text, frame)
        if not matches:
            version = f"{NOW}: it is not what ran, the line in the traceback reads otherwise"
        self._texts[file, line] = text
        lines = _plain(text).split("\n")
        shown = [
            Line(number, clean(lines[number - 1][:LINE_CHARACTERS].encode()))
            for number in range(max(1, line - AROUND), min(len(lines), line + AROUND) + 1)
        ]
        if not any(item.number == line for item in shown):
            shown = []
            version = (
                f"too large to be quoted: {_size(self.root / file)} bytes" if len(now) >= LARGEST_FILE else version
            )
        code = CodeFrame(file, line, frame.function, shown, version, import_line=import_line(_plain(text)))
        if then is not None and _line(then, line) == _line(text, line) != "":
            change = self.repository.last_change(self.commit, file, line)
            code.changed_by = clean(change.encode()) if change else ""
        return code, matches and bool(shown)


def import_line(source: str) -> int:
    """The line of a file's first import that is none `from __future__`; 0 if it has none at its outer level."""
    found = re.search(r"^(?:import|from (?!__future__))\b[^\n]*", source, re.MULTILINE)
    return source.count("\n", 0, found.start()) + 1 if found else 0


def named_in_project(root: Path, file: str) -> str:
    """A file that a traceback names, without what its path goes forth and back; relative to the root if it is below."""
    if not _is_source(file):
        return file
    path = Path(posixpath.normpath(file))
    base = next((base for base in (root, root.resolve()) if path.is_absolute() and path.is_relative_to(base)), None)
    return str(path.relative_to(base) if base else path)


def below(root: Path, file: str) -> str | None:
    """The path below the project's root of a file that a traceback names, if it names one below it as it is now."""
    if not _is_source(file):
        return None
    path = Path(named_in_project(root, file))
    return None if path.is_absolute() or ".." in path.parts else str(path)


def _ends(file: str) -> list[str]:
    """The ends of a path, longest first; of one that leaves the folder it starts from, what follows on that."""
    parts = Path(posixpath.normpath(file)).parts if _is_source(file) else ()
    known = [part for part in parts if part not in ("..", "/")] if parts[:1] in (("/",), ("..",)) else []
    return [str(Path(*known[start:])) for start in range(len(known))]


def _is_source(file: str) -> bool:
    return file.endswith((".py", ".smk", "Snakefile")) and "\0" not in file


def _fits(text: str, frame: Frame) -> bool:
    """Whether a text has the frame's line as the traceback prints it; a traceback without source fits any text."""
    return not frame.source or frame.source.strip() in redact(_line(text, frame.line or 1))


def _line(text: str, number: int) -> str:
    lines = _plain(text).split("\n")
    return lines[number - 1] if number <= len(lines) else ""


def _plain(text: str) -> str:
    """Without the line ends that a checkout may convert."""
    return text.replace("\r\n", "\n")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
