"""A log as statements: what it says, each with its kind and place. Echoes, source lines and dumps are left out.

The catalogue's patterns are searched in statements, never in raw lines: advice, quoted code and our own reports
are the most common way in which log readers deceive themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...facts import Frame, Log, Position, RaisedException, Traceback
from ...log_prefix import REPORTED_ONLY, strip_prefix
from .new_start import new_start, script_of, script_that_refused
from .traceback import looks_like_exception

EXCEPTION, ERROR, WARNING, INFO, PROGRESS, LINE = "exception", "error", "warning", "info", "progress", "line"
LIFE_AFTER = 3  # statements of normal work after an exception that show that the program went on
DUMP_LINES = 6  # so many "key: value" lines in a row are a dump of a configuration, not statements

_LEVEL_KIND = {
    "DEBUG": INFO, "INFO": INFO, "TRACE": INFO, "NOTICE": INFO, "WARN": WARNING, "WARNING": WARNING,
    "ERROR": ERROR, "CRITICAL": ERROR, "FATAL": ERROR,
}  # fmt: skip
_WARNING = re.compile(
    r"^(?:\S+\.py:\d+: )?\w*Warning: |^\S+:\d+: \w*Warning: |^(?:warn(?:ing)?|W)[:!\s]|\[W\b|^\*+ ?WARNING|NCCL WARN",
    re.I,
)
_ERROR = re.compile(r"^(?:(?:\S+: )?(?:fatal )?error[:!\s]|E\d{4} |\*+ ?ERROR|\[E\b)", re.I)
_NCCL_INFO = re.compile(r"\bNCCL INFO\b|\bTRACE\b.*\bNCCL\b")
# "Epoch 3:  45%|████▌   | 9/20 [00:01<00:02, loss=0.3]", "epoch 3 | loss 0.2", "step 100/500 loss 0.1", "{'loss': 0.3}"
_PROGRESS = re.compile(
    r"\d%\||\b\d+/\d+ \[\d\d:\d\d|^\W{0,3}(?:\[?\s*(?:train|val|valid|test)\w*\]?\W+)?(?:epoch|iter(?:ation)?|step|"
    r"batch|episode|round)\b\W{0,3}\d+"
    r"|^\{'(?:loss|eval_loss|train_loss|epoch)'|\b(?:train_|val_)?loss\s*[=:]\s*[\d.]+(?:e[+-]?\d+)?\b.{0,300}\b(?:lr|"
    r"acc|epoch|step)\b|\b\d+ of \d+ steps \(\d+%\) done",
    re.I,
)
# The end of a progress bar; what a dying job writes next follows it on the same line.
_BAR_END = re.compile(r".*\[(?:\d+:)*\d\d:\d\d<[^\]]{1,200}\]\s*(?=\S)")
_ECHO = re.compile(
    r"^\++ \S|^Shell command: |^(?:Command|command|cmd|Running|Executing|CMD)\s*[:=] |^(?:\$|%|>>>) \S|"
    r"^\(.{0,60}\) ?\S*[$#] "
)
_CARETS = re.compile(r"^[\s|]*[~^][~^\s]*$")  # Python 3.11 and later mark the place in a source line
_SHELL_BLOCK = re.compile(r"^    shell:\s*$")
_KEY_VALUE = re.compile(
    r"^\s*[\"']?[\w./-]{1,60}[\"']?\s*(?:[:=]|\.{3,})\s*[^\s].{0,120}$|^\s*[\w-]+: *$|^\s*- [\w./'\"-]+$|"
    r"^\s*[\]\[{}],?$"
)
_DATA_LINE = re.compile(
    r"error|exception|fail|nan|killed|cancel|no such|cannot|unable|not found|denied|full|quota|too many|syntax|"
    r"^wandb: (?:Synced \d|Find logs at|Run summary:)",
    re.I,
)
_USAGE = re.compile(r"^usage: |^Usage: ")
_OPTION = re.compile(r"^\s+(?:-{1,2}\w|\[-|\{|positional|optional|options:)|^\s{2,}\S")
# What click prints with rich's help: "╭─ Error ───╮", "│ Invalid value for '--lr': … │".
_PANEL = re.compile(r"^│ (?P<inner>\S.*?)\s*│$")
_OWN_REPORT = re.compile(r"^postmortem: |^# Diagnosis of |<!-- postmortem")
_ADVICE = re.compile(
    r"CUDA kernel errors might be asynchronously|consider passing CUDA_LAUNCH_BLOCKING|"
    r"Compile with `?TORCH_USE_CUDA_DSA|"
    r"If reserved memory is >> allocated|See documentation for Memory Management|To enable traceback see|^HINT:|"
    r"^Hint:|^Tip:|💡|"
    r"set the environment variable HYDRA_FULL_ERROR|note: run with|For more information|^Please (?:check|report|"
    r"see|refer)"
)
# What the interpreter and its libraries run when a program has ended: functions of multiprocessing.util, atexit,
# concurrent.futures, threading, logging and weakref.
_TEARDOWN = {
    "_exit_function",
    "_run_finalizers",
    "_python_exit",
    "_shutdown",
    "_run_exitfuncs",
    "_exitfunc",
    "shutdown_module",
}
# The words of a logger, below an error, that a traceback follows.
_TELLS = re.compile(r"\b(?:retry|retries|attempt|failed|failure|error|exception)\b[^:]*:$", re.I)
_BETWEEN_EXCEPTIONS = ("The above exception was", "During handling of the above", "Traceback (most recent call last)")
_SHUTDOWN = re.compile(
    r"shut|exit|clos|clean|stop|terminat|abort|kill|fail|error|finish|sync|wandb|summary|history|elapsed|log", re.I
)
_RETRY = re.compile(
    r"\bretry(?:ing)?\b|\bretries\b|falling back|fall back|fallback|\bskipp(?:ed|ing)\b|\bignor(?:ed|ing)\b|"
    r"will try|trying again|reconnect|attempt \d+",
    re.I,
)


@dataclass
class Statement:
    """A logical line of a log. `text` is without rank and time; an exception's holds its whole message."""

    text: str
    kind: str
    log: Log
    line: int
    last_line: int
    rank: int | None = None
    exception: RaisedException | None = None
    traceback: Traceback | None = None
    depth: int = 0  # in its exception chain
    handled: bool = False  # normal work went on after it, or the program was started again
    teardown: bool = False  # raised while the interpreter was shutting down
    loose: bool = False  # a line that was also taken as part of an exception's message

    @property
    def position(self) -> Position:
        """Where it stands, for a finding."""
        traceback = self.log.tracebacks.index(self.traceback) if self.traceback else None
        return Position(
            self.log.source.path,
            self.log.role,
            self.line,
            self.rank,
            self.depth,
            self.handled,
            self.teardown,
            traceback,
            self._program,
        )

    @property
    def _program(self) -> str:
        """The script that was running, where it is known."""
        return script_of(self.traceback) if self.traceback else script_that_refused(self.text)


def statements_of(log: Log) -> list[Statement]:
    """All statements of a log, in order of their first line."""
    inside, loose = _lines_of_tracebacks(log)
    ignored = {line.number + 1 for line in log.lines if REPORTED_ONLY.match(line.text)}
    statements = [
        _of_exception(log, traceback, i, traceback.first_line in ignored)
        for traceback in log.tracebacks
        for i in range(len(traceback.exceptions))
    ]
    in_shell = in_usage = False
    dump = _dump_lines(log)
    for line in log.lines:
        if line.number in inside:
            continue
        text = line.text
        if in_shell and text.startswith("        "):
            continue
        in_shell = bool(_SHELL_BLOCK.match(text))
        if in_shell or not text.strip() or _CARETS.match(text):
            continue
        if "%|" in text and (bar := _BAR_END.match(text)):
            statements.append(Statement(bar[0].strip(), PROGRESS, log, line.number, line.number))
            text = text[bar.end() :]
        parts = strip_prefix(text)
        body = parts.body.strip()
        if panel := _PANEL.match(body):
            body = panel["inner"]
            in_usage = False
        in_usage = bool(_USAGE.match(body)) or (in_usage and bool(_OPTION.match(parts.body)) and "error:" not in body)
        if (
            in_usage
            or not body
            or line.number in dump
            or _ECHO.match(body)
            or _ADVICE.match(body)
            or _OWN_REPORT.search(body)
        ):
            continue
        kind = _kind(body, parts.level)
        statements.append(Statement(body, kind, log, line.number, line.number, parts.rank, loose=line.number in loose))
    statements.sort(key=lambda s: (s.line, s.depth))
    _mark_handled(statements)
    return [s for s in statements if s.text]


def _lines_of_tracebacks(log: Log) -> tuple[set[int], set[int]]:
    """Numbers of the lines that are spoken for by tracebacks, and of those that only might be (loose message lines)."""
    inside: set[int] = set()
    loose: set[int] = set()
    text_of = {line.number: line.text for line in log.lines}
    for traceback in log.tracebacks:
        for exception in traceback.exceptions:
            inside.update(frame.log_line for frame in exception.frames)
            inside.update(exception.source_lines)
            if exception.line:
                inside.add(exception.line)
                for number in range(exception.line + 1, exception.last_line + 1):
                    indented = strip_prefix(text_of.get(number, "")).body[:1] in (" ", "\t")
                    (inside if indented else loose).add(number)
        inside.add(traceback.first_line)
    return inside, loose


def _of_exception(log: Log, traceback: Traceback, index: int, ignored: bool) -> Statement:
    exception = traceback.exceptions[index]
    text = f"{exception.type}: {exception.message}" if exception.message.strip() else exception.type
    line = exception.line or exception.last_line or traceback.last_line
    return Statement(
        text, EXCEPTION, log, line, max(line, exception.last_line), traceback.rank, exception, traceback, index,
        teardown=ignored or any(_in_teardown(frame) for frame in exception.frames),
    )  # fmt: skip


def _in_teardown(frame: Frame) -> bool:
    return frame.function == "__del__" or (frame.function in _TEARDOWN and not frame.own)


def _kind(body: str, level: str) -> str:
    if _NCCL_INFO.search(body):
        return INFO
    if level:
        return _LEVEL_KIND[level] if not (level == "INFO" and _PROGRESS.search(body)) else PROGRESS
    if _WARNING.match(body):
        return WARNING
    if _PROGRESS.search(body):
        return PROGRESS
    if looks_like_exception(body):
        return EXCEPTION
    return ERROR if _ERROR.match(body) else LINE


def _dump_lines(log: Log) -> set[int]:
    """Lines that are part of a printed configuration: many `key: value` lines in a row."""
    dump: set[int] = set()
    run: list[int] = []
    for line in log.lines:
        if _KEY_VALUE.match(line.text) and not _DATA_LINE.search(line.text) and not _WARNING.match(line.text):
            run.append(line.number)
            continue
        if len(run) >= DUMP_LINES:
            dump.update(run)
        run = []
    if len(run) >= DUMP_LINES:
        dump.update(run)
    return dump


def _mark_handled(statements: list[Statement]) -> None:
    """Exceptions and errors after which the same process went on working were handled or retried."""
    life: dict[int | None, int] = {}
    end = len(statements)
    start = new_start(statements)
    for index in range(end - 1, -1, -1):
        statement = statements[index]
        if (
            statement.kind in (PROGRESS, INFO)
            and life.get(statement.rank, 0) < LIFE_AFTER  # enough is enough: the expressions take their time
            and not _SHUTDOWN.search(statement.text)
            and not _NCCL_INFO.search(statement.text)
        ):
            life[statement.rank] = life.get(statement.rank, 0) + 1
        elif statement.kind in (EXCEPTION, ERROR, LINE):
            after = life.get(statement.rank, 0)
            statement.handled = (
                index < start
                or after >= LIFE_AFTER
                or (after > 0 and _is_announced(statements, index))
                or _is_told(statements, index)
            )


def _is_told(statements: list[Statement], index: int) -> bool:
    """Whether a logger tells of an exception that the program lives with: "INFO … Retry attempt failed:" before it."""
    if statements[index].kind != EXCEPTION:
        return False
    before = next(
        (s for s in reversed(statements[:index]) if s.kind != EXCEPTION and not s.text.startswith(_BETWEEN_EXCEPTIONS)),
        None,
    )
    return before is not None and before.kind in (INFO, WARNING) and bool(_TELLS.search(before.text))


def _is_announced(statements: list[Statement], index: int) -> bool:
    """Whether a line beside an error says that it is tried again, or that one can do without."""
    near = statements[max(0, index - 1) : index + 3]
    return any(_RETRY.search(statement.text) for statement in near if statement.kind != EXCEPTION)
