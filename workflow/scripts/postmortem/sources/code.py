"""The frames of the project's own code with the source around them, as it was when the run started."""

from __future__ import annotations

import ast
import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..facts import CodeFrame, Frame, Line, RaisedException, RunFacts
from ..git import GitRepository
from ..text import redact
from .traceback import is_own

if TYPE_CHECKING:
    from ..discover import RunState
    from ..project import Project

AROUND = 5  # lines shown before and after a frame's line
FRAMES = 4  # of one exception, the innermost
EXCEPTIONS = 3  # whose frames are looked up: those raised first are what the resolver chooses from
FILE_BYTES = 1_000_000  # of a source file; generated files may be larger and are not worth quoting
FILES_SEARCHED = 200  # for the definition of a class that lacks an attribute
NEAREST = 3

_MISSING_ATTRIBUTE = re.compile(
    r"^(?:'(?P<owner>[\w.]+)' object|type object '(?P<type>[\w.]+)'|"
    r"module '(?P<module>[\w.]+)') has no attribute '(?P<name>\w+)'"
)
_MISSING_NAME = re.compile(r"^(?:name '(?P<a>\w+)' is not defined|(?:cannot access )?local variable '(?P<b>\w+)')")
_MISSING_ARGUMENT = re.compile(
    r"\b(?P<function>\w+)\(\) (?:got an unexpected keyword argument|missing \d+ required \S+ arguments?:)"
    r" '(?P<name>\w+)'"
)
_MISSING_IMPORT = re.compile(r"^cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'")
_KEY = re.compile(r"^['\"](?P<name>[\w.\- ]{1,60})['\"]$")


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.code with the innermost own frames of the run's exceptions."""
    facts.code = frames_with_source(project.root, facts)


def frames_with_source(root: Path, facts: RunFacts) -> list[CodeFrame]:
    """In: the project's root and the facts with logs. Out: frames whose file lies in the project, innermost first."""
    repository = GitRepository(root)
    started = next((log.first_time for log in facts.logs if log.first_time), "") or (
        facts.attempts[-1].start if facts.attempts else ""
    )
    commit: str | None = None
    found: dict[tuple[str, int], CodeFrame] = {}
    for raised in _exceptions(facts):
        inner = True
        for frame in [f for f in reversed(raised.frames) if f.own and f.line][:FRAMES]:
            file = locate(root, frame.file)
            if file is None or (file, frame.line) in found or frame.line is None:
                inner = False
                continue
            commit = commit or repository.commit_at(started.replace(",", ".")) or ""
            code = _frame(root, repository, commit, file, frame)
            if inner:
                code.nearest_names = nearest_names(root, file, raised)
                inner = False
            found[file, frame.line] = code
    return list(found.values())


def _exceptions(facts: RunFacts) -> list[RaisedException]:
    raised = [
        e for log in facts.logs for t in log.tracebacks for e in t.exceptions if any(frame.own for frame in e.frames)
    ]
    return raised[:EXCEPTIONS]


def locate(root: Path, file: str) -> str | None:
    """The path below the project's root of a file that a traceback names; the project may have been moved since."""
    if not is_own(file) or not file.endswith((".py", ".smk", "Snakefile")):
        return None
    parts = Path(file).parts
    for start in range(len(parts)):
        candidate = Path(*parts[start:])
        if candidate.is_absolute():
            try:
                candidate = candidate.relative_to(root)
            except ValueError:
                continue
        if (
            ".." not in candidate.parts
            and len(parts) - start < len(parts) + (not Path(file).is_absolute())
            and (root / candidate).is_file()
        ):
            return str(candidate)
    return None


def _frame(root: Path, repository: GitRepository, commit: str, file: str, frame: Frame) -> CodeFrame:
    line = frame.line or 1
    text = _read(root / file)
    version = "as it is now"
    if commit and repository.changed_since(commit, file) and (before := repository.file_at(commit, file)) is not None:
        text, version = before, f"as it was in commit {commit[:7]}, when the run started; the file has changed since"
    lines = text.split("\n")
    shown = [
        Line(number, redact(lines[number - 1][:400]))
        for number in range(max(1, line - AROUND), min(len(lines), line + AROUND) + 1)
    ]
    code = CodeFrame(file, line, frame.function, shown, version)
    if frame.source and line <= len(lines) and frame.source.strip() not in lines[line - 1]:
        code.version = "as it is now: it is not what ran, the line in the traceback reads otherwise"
    if commit:
        code.changed_by = repository.last_change(commit, file, line) or ""
    return code


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


# --- what a missing name was probably meant to be ------------------------------------------------------------------


def nearest_names(root: Path, file: str, raised: RaisedException) -> list[str]:
    """Names that exist where `raised` missed one, nearest first; empty if it misses none or none is near."""
    message = raised.message.split("\n")[0].strip()
    source = _read(root / file)
    if match := _MISSING_ATTRIBUTE.match(message):
        owner = match["owner"] or match["type"]
        known = (
            _attributes(root, owner.rsplit(".", 1)[-1]) if owner else _names(_read(_module_file(root, match["module"])))
        )
        return _near(match["name"], known)
    if match := _MISSING_NAME.match(message):
        return _near(match["a"] or match["b"], _names(source))
    if match := _MISSING_ARGUMENT.search(message):
        return _near(match["name"], _parameters(root, match["function"]), cutoff=0.4)
    if match := _MISSING_IMPORT.match(message):
        return _near(match["name"], _names(_read(_module_file(root, match["module"]))))
    if raised.type.rsplit(".", 1)[-1] == "KeyError" and (match := _KEY.match(message)):
        return _near(match["name"], set(re.findall(r"['\"]([\w.\- ]{2,60})['\"]", source)))
    return []


def _near(name: str, known: set[str], cutoff: float = 0.6) -> list[str]:
    return difflib.get_close_matches(name, sorted(known - {name}), n=NEAREST, cutoff=cutoff)


def _module_file(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _tree(source: str) -> ast.AST | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _names(source: str) -> set[str]:
    tree = _tree(source)
    if tree is None:
        return set()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return names | {
        n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }


def _own_trees(root: Path, word: str) -> list[ast.AST]:
    """The parsed source files of the project in which a word occurs."""
    trees = []
    files = (
        p
        for p in sorted(root.rglob("*.py"))
        if not any(
            part.startswith(".") or part in ("site-packages", "node_modules") for part in p.parts[len(root.parts) :]
        )
    )
    for _, path in zip(range(FILES_SEARCHED), files, strict=False):
        source = _read(path)
        if word in source and (tree := _tree(source)) is not None:
            trees.append(tree)
    return trees


def _attributes(root: Path, owner: str) -> set[str]:
    """Methods, class attributes, annotations and `self.x = …` of a class defined in the project."""
    names: set[str] = set()
    for tree in _own_trees(root, f"class {owner}"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == owner:
                names |= {n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
                names |= {
                    n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
                }
                names |= {
                    t.id for n in node.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
                }
                names |= {
                    n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
                }
    return names


def _parameters(root: Path, function: str) -> set[str]:
    names: set[str] = set()
    for tree in _own_trees(root, f"def {function}"):
        for node in ast.walk(tree):
            if (isinstance(node, ast.ClassDef) and node.name == function) or (
                isinstance(node, ast.FunctionDef) and node.name == function
            ):
                arguments = [
                    a
                    for n in ast.walk(node)
                    if isinstance(n, ast.FunctionDef)
                    for a in (*n.args.args, *n.args.kwonlyargs)
                ]
                names |= {argument.arg for argument in arguments} - {"self", "cls"}
    return names
