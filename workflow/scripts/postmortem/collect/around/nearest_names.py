"""What a missing attribute, key, argument, name or import was probably meant to be: the nearest names that exist."""

from __future__ import annotations

import ast
import builtins
import difflib
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...facts import RaisedException
from ...files import read_head

NEAREST = 3
# Share of equal letters. A function has few parameters, one of them is meant; modules share their package's name.
NEAR, NEAR_ARGUMENT, NEAR_MODULE = 0.6, 0.4, 0.8
FILES_SEARCHED = 200  # source files of the project
FOLDERS_SEARCHED = 500  # a project holds data, too: a walk through all of it takes minutes on a network file system
FILE_BYTES = 1_000_000
TABLES = 8  # text tables of a source file whose columns are looked at
BASES = 8  # classes that one inherits from, directly or through others
_LIBRARIES = {"site-packages", "node_modules"}
_DATA = {"data", "experimentruns", "slurm_logs", "lightning_logs", "mlruns"}  # in the project's root

_MISSING_ATTRIBUTE = re.compile(
    r"^(?:'(?P<owner>[\w.]+)' object|type object '(?P<type>[\w.]+)'|"
    r"module '(?P<module>[\w.]+)') has no attribute '(?P<name>\w+)'"
)
_MISSING_NAME = re.compile(r"^(?:name '(?P<a>\w+)' is not defined|(?:cannot access )?local variable '(?P<b>\w+)')")
_WRONG_ARGUMENT = re.compile(
    r"\b(?:(?P<owner>\w+)\.)?(?P<function>\w+)\(\) got an unexpected keyword argument '(?P<name>\w+)'"
)
_MISSING_IMPORT = re.compile(r"^cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'")
_MISSING_MODULE = re.compile(r"^No module named '(?P<module>[\w.]+)'")
_MISSING_COLUMN = re.compile(
    r"columns expected but not found: \['(?P<a>[^'\n]{1,60})'\]|^[\"']?\['(?P<b>[^'\n]{1,60})'\] not in index"
    r"|None of \[Index\(\['(?P<c>[^'\n]{1,60})'\]"
)
_KEY = re.compile(r"^['\"](?P<name>[\w.\- ]{1,60})['\"]$")
_TEXT = re.compile(r"['\"]([\w.\- ]{2,60})['\"]")
_TEXT_TABLE = re.compile(r"['\"]([\w./-]{1,200}\.(?:csv|tsv|txt))['\"]")
_OPTION = re.compile(r"['\"]--([\w-]{2,60})['\"]")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def nearest_names(root: Path, source: str, raised: RaisedException, keys: Iterable[str] = ()) -> list[str]:
    """Names that exist where `raised` missed one, nearest first; empty if it misses none or none is near.

    In: the project's root, the text of the file that raised it, and the keys of the run's configuration.
    """
    message = raised.message.split("\n")[0].strip()
    if match := _MISSING_ATTRIBUTE.match(message):
        if match["module"]:
            return _near(match["name"], _defined(_module(root, match["module"])))
        return _near(match["name"], _attributes(root, (match["owner"] or match["type"]).rsplit(".", 1)[-1]))
    if match := _MISSING_NAME.match(message):
        return _near(match["a"] or match["b"], _defined(source) | set(dir(builtins)))
    if match := _WRONG_ARGUMENT.search(message):
        return _near(match["name"], _parameters(root, match["owner"] or "", match["function"]), NEAR_ARGUMENT)
    if match := _MISSING_IMPORT.match(message):
        return _near(match["name"], _defined(_module(root, match["module"])))
    if match := _MISSING_MODULE.match(message):
        return _near(match["module"], _modules(root), NEAR_MODULE)
    if match := _MISSING_COLUMN.search(message):
        return _near(match["a"] or match["b"] or match["c"], _columns(root, source))
    if raised.type.rsplit(".", 1)[-1] == "KeyError" and (match := _KEY.match(message)):
        return _near(match["name"], set(_TEXT.findall(source)) | set(keys) | _columns(root, source))
    return []


def missed_name(raised: RaisedException) -> str:
    """The attribute, name, argument, import, module or key that an exception says is not there; empty if none."""
    message = raised.message.split("\n")[0].strip()
    if match := _MISSING_NAME.match(message):
        return match["a"] or match["b"]
    for expression in (_MISSING_ATTRIBUTE, _MISSING_IMPORT):
        if match := expression.match(message):
            return match["name"]
    if match := _WRONG_ARGUMENT.search(message):
        return match["name"]
    if match := _MISSING_MODULE.match(message):
        return match["module"]
    if match := _MISSING_COLUMN.search(message):
        return match["a"] or match["b"] or match["c"]
    match = _KEY.match(message) if raised.type.rsplit(".", 1)[-1] == "KeyError" else None
    return match["name"] if match else ""


def _near(name: str, known: set[str], share: float = NEAR) -> list[str]:
    others = sorted(known - {name})
    meant = [other for other in others if _abbreviates(name, other) or _abbreviates(other, name)]
    alike = difflib.get_close_matches(name, others, n=NEAREST, cutoff=share)
    return list(dict.fromkeys([*meant[:NEAREST], *alike]))[:NEAREST]


def _abbreviates(short: str, long: str) -> bool:
    """Whether a name is made of the first letters of another one's words: `lr` of learning_rate."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", long).lower())
    return len(words) > 1 and short.lower() == "".join(word[0] for word in words)


def source_text(path: Path) -> str:
    """A source file's text, as far as it is worth reading; empty if it cannot be read."""
    try:
        return read_head(path, FILE_BYTES)
    except OSError:
        return ""


def _tree(source: str) -> ast.AST | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the diagnosed code's own escapes
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _module(root: Path, module: str) -> str:
    """The source of a module of the project; empty for a library's."""
    for base in (root, root / "src"):
        path = base.joinpath(*module.split("."))
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return source_text(file)
    return ""


def _modules(root: Path) -> set[str]:
    """Names of the project's modules, as an import from its root or from src/ writes them."""
    names: set[str] = set()
    for path in _sources(root):
        parts = path.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        names |= {".".join(parts), ".".join(parts[1:] if parts[:1] == ("src",) else parts)} - {""}
    return names


def _sources(root: Path) -> Iterator[Path]:
    """The project's Python files, those near the root first, without libraries, data and runs."""
    folders, files = [str(root)], 0
    for count, folder in enumerate(folders):
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                left_out = entry.name in _LIBRARIES or (count == 0 and entry.name in _DATA)
                if not left_out and not entry.name.startswith(".") and count < FOLDERS_SEARCHED:
                    folders.append(entry.path)
            elif entry.name.endswith(".py") and Path(entry.path).is_file():
                files += 1
                yield Path(entry.path)
                if files >= FILES_SEARCHED:
                    return


def _own_trees(root: Path, word: str) -> Iterator[ast.AST]:
    """The parsed source files of the project in which a word occurs."""
    for path in _sources(root):
        source = source_text(path)
        if word in source and (tree := _tree(source)) is not None:
            yield tree


def _defined(source: str) -> set[str]:
    """Names that a source file binds: by assignment, import, definition or as a parameter."""
    names: set[str] = set()
    tree = _tree(source)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, _Function | ast.ClassDef):
            names.add(node.name)
    return names - {"*"}


def _attributes(root: Path, owner: str) -> set[str]:
    """Methods, class attributes, annotations and `self.x = …` of a class of the project and of those it inherits from.

    argparse's Namespace has the options that the project defines.
    """
    if owner == "Namespace":
        texts = (source_text(path) for path in _sources(root))
        return {name.replace("-", "_") for text in texts for name in _OPTION.findall(text)}
    names: set[str] = set()
    wanted = [owner]
    for name in wanted:
        for node in _classes(root, name):
            names |= _members(node)
            bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
            wanted += [base for base in bases if base and base not in wanted and len(wanted) < BASES]
    return names


def _classes(root: Path, name: str) -> Iterator[ast.ClassDef]:
    for tree in _own_trees(root, f"class {name}"):
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name)


def _members(node: ast.ClassDef) -> set[str]:
    names = {child.name for child in node.body if isinstance(child, _Function)} | _fields(node)
    for child in node.body:
        if isinstance(child, ast.Assign):
            names |= {target.id for target in child.targets if isinstance(target, ast.Name)}
    return names | {
        child.attr
        for child in ast.walk(node)
        if isinstance(child, ast.Attribute)
        and isinstance(child.ctx, ast.Store)
        and isinstance(child.value, ast.Name)
        and child.value.id in ("self", "cls")
    }


def _fields(node: ast.ClassDef) -> set[str]:
    """Annotated attributes: the fields of a dataclass."""
    return {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}


def _columns(root: Path, source: str) -> set[str]:
    """The columns of the text tables that a source file names."""
    names: set[str] = set()
    for table in _TEXT_TABLE.findall(source)[:TABLES]:
        path = root / table
        if ".." not in path.parts and path.is_file():
            names |= {name.strip().strip("\"'") for name in re.split(r"[,;\t]", source_text(path).partition("\n")[0])}
    return names - {""}


def _parameters(root: Path, owner: str, function: str) -> set[str]:
    """Parameters of a function of the project, of a method of the class `owner`, or of the call that makes a class."""
    if function == "__init__" and owner:
        owner, function = "", owner
    names: set[str] = set()
    for tree in _own_trees(root, function):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == owner:
                methods = [n for n in node.body if isinstance(n, _Function) and n.name == function]
            elif isinstance(node, ast.ClassDef) and node.name == function and not owner:
                methods = [n for n in node.body if isinstance(n, _Function) and n.name == "__init__"]
                names |= set() if methods else _fields(node)
            elif isinstance(node, _Function) and node.name == function and not owner:
                methods = [node]
            else:
                continue
            names |= {a.arg for n in methods for a in (*n.args.posonlyargs, *n.args.args, *n.args.kwonlyargs)}
    return names - {"self", "cls"}
