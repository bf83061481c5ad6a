"""The raise statements of installed libraries that can end a training: read from wheels, without running anything."""

from __future__ import annotations

import ast
import re
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from library_messages import MODULE, message_of

# Files that no training runs through.
_BESIDE = re.compile(
    r"(?:^|/)(?:tests?|testing|_?vendor(?:ed)?|third_party|thirdparty|examples?|docs?|benchmarks?|conftest|setup|"
    r"dashboard|server|gateway|autoscaler|assistant)(?:/|\.py$)|/(?:test_\w+|\w+_test)\.py|_pb2|\.data/|autogen|"
    r"^torchgen/"
)
# Control flow.
_NO_FAILURES = re.compile(
    r"Stop(?:Async)?Iteration|GeneratorExit|SystemExit|KeyboardInterrupt|Skip\w*|Unsupported|Retry\w*|Exit|"
    r"\w*(?:Interrupt|Signal|Warning)"
)
_ALIASES = {"IOError": "OSError", "EnvironmentError": "OSError", "WindowsError": "OSError"}
# What a subclass is asked to write, and what is for an interpreter that nobody has.
_NOT_FOR_USERS = re.compile(
    r"subclass|abstract|must (?:be )?(?:implement|overrid)|overrid|implement(?:ed)? (?:this|in|by)|python ?2|py2\b",
    re.I,
)
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Call:
    """Where a function calls another one of its file."""

    function: str
    line: int
    source: str


@dataclass(frozen=True)
class Raise:
    """A raise statement with a message of its own. caller: of its function, in the same file."""

    library: str
    file: str  # below site-packages
    line: int
    function: str
    owner: str  # the class around it; empty outside one
    type: str  # as a traceback prints it
    message: str
    source: str
    caller: Call | None


def raises(wheel: Path) -> Iterator[Raise]:
    """The raise statements of a wheel that can end a run and say why."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".py") and "/" in name and not _BESIDE.search(name):
                text = archive.read(name).decode("utf-8", "replace")
                if "raise " in text:
                    yield from raises_of(name, text)


def raises_of(name: str, text: str) -> Iterator[Raise]:
    """The same of one file. name: below site-packages."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = text.split("\n")
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    types = _imported(tree, name.split("/")[:-1])
    types |= {node.name: f"{module}.{node.name}" for node in tree.body if isinstance(node, ast.ClassDef)}
    calls: dict[str, list[Call]] | None = None
    for statement, around in _statements(tree, ()):
        function = next((node for node in reversed(around) if isinstance(node, _FUNCTION)), None)
        call = statement.exc
        if function is None or not isinstance(call, ast.Call) or not call.args or not _ends_a_run(call, around):
            continue
        message = message_of(call.args[0], function, statement.lineno)
        if message is None or _NOT_FOR_USERS.search(message):
            continue
        calls = _calls(tree, lines) if calls is None else calls
        callers = [one for one in calls.get(function.name, ()) if one.function != function.name]
        owner = next((node.name for node in reversed(around) if isinstance(node, ast.ClassDef)), "")
        yield Raise(
            name.split("/")[0], name, statement.lineno, function.name, owner,
            _printed(ast.unparse(call.func), types), message.replace(MODULE, module),
            lines[statement.lineno - 1].strip(), callers[0] if callers else None,
        )  # fmt: skip


def _ends_a_run(call: ast.Call, around: tuple[ast.AST, ...]) -> bool:
    """Whether what is raised is a public exception that nothing around it catches, on a Python of today."""
    name = ast.unparse(call.func)
    short = name.rsplit(".", 1)[-1]
    return bool(
        re.fullmatch(r"[A-Za-z_][\w.]*", name)
        and short[0].isupper()
        and not _NO_FAILURES.fullmatch(short)
        and not _is_caught(name, around)
        and not any(isinstance(node, ast.If) and "version_info" in ast.unparse(node.test) for node in around)
    )


class _InTry(ast.AST):
    """Marks that what follows stands in the body of this try statement, whose handlers see it."""

    def __init__(self, statement: ast.Try) -> None:
        super().__init__()
        self.statement = statement


def _statements(node: ast.AST, around: tuple[ast.AST, ...]) -> Iterator[tuple[ast.Raise, tuple[ast.AST, ...]]]:
    """Every raise statement below a node, with what stands around it, outermost first."""
    for part, value in ast.iter_fields(node):
        inner = (*around, node, _InTry(node)) if isinstance(node, ast.Try) and part == "body" else (*around, node)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.Raise):
                yield child, inner
            elif isinstance(child, ast.AST):
                yield from _statements(child, inner)


def _is_caught(name: str, around: tuple[ast.AST, ...]) -> bool:
    caught = re.compile(rf"\b(?:Base)?Exception\b|\b{re.escape(name)}\b")
    handlers = [handler for node in around if isinstance(node, _InTry) for handler in node.statement.handlers]
    return any(handler.type is None or caught.search(ast.unparse(handler.type)) for handler in handlers)


def _imported(tree: ast.Module, package: list[str]) -> dict[str, str]:
    """Names as the file's imports have them → where they come from. package: of the file, one element a level."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
    return found


def _printed(name: str, names: dict[str, str]) -> str:
    """The type of an exception as a traceback prints it."""
    first, _, rest = name.partition(".")
    origin = names.get(first, first)
    return _ALIASES.get(name) or (f"{origin}.{rest}" if rest else origin)


def _calls(tree: ast.Module, lines: list[str]) -> dict[str, list[Call]]:
    """Function → where the same file calls it."""
    found: dict[str, list[Call]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTION):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call):
                    called = inner.func.attr if isinstance(inner.func, ast.Attribute) else getattr(inner.func, "id", "")
                    found[called].append(Call(node.name, inner.lineno, lines[inner.lineno - 1].strip()))
    return found
