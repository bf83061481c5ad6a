"""The message of a raise statement, filled in: what its variables may have held is guessed by their names."""

from __future__ import annotations

import ast
import re

SHORTEST_MESSAGE = 8  # characters of its own words; less says nothing by itself
MODULE = "<module>"  # stands for the name of the module that raises
UNKNOWN = "foo"  # what a variable held whose name tells nothing
_DEDENTING = ("textwrap.dedent", "dedent", "inspect.cleandoc", "cleandoc", "_")

# Expression over the source of what is filled in → what stands there. The first that fits counts.
_VALUES: tuple[tuple[str, str], ...] = (
    (r"^__name__$", MODULE),
    (r"version", "2.1.0"),
    (r"shape\[-?\d+\]|\.size\(-?\d", "28"),
    (r"^type\(|__class__$", "<class 'list'>"),
    (r"__(?:qual)?name__$", "Encoder"),
    (r"^len\(|\.numel\(\)|\.count\(|^sum\(", "3"),
    (r"^repr\(|^str\((?:e|err|error|exc|ex|exception)\)", "invalid value"),
    (r"(?:^|[._])(?:e|err|errors?|exc|ex|exception|error_msg|stderr|traceback|reason)$", "invalid value"),
    (
        r"join\(|sorted\(|list\(|keys\(|values\(\)|choices|allowed|available|supported|valid_\w+|options|"
        r"expected_\w*types",
        "['mean', 'sum', 'none']",
    ),
    (r"shape|\.size\(\)", "torch.Size([32, 128])"),
    (r"dtype", "torch.float32"),
    (r"device|backend$", "cuda:0"),
    (r"url|endpoint|uri|repo_url|host$", "https://example.org/v1/model"),
    (r"repo_id|model_id|model_name|pretrained|checkpoint_name|model_type", "acme/base-model"),
    (r"(?:check_?point|ckpt|weights?)_?\w*(?:path|file|dir)", "/home/u/proj/runs/base_42/last.ckpt"),
    (r"(?:config|conf|cfg)\w*(?:path|file|dir)", "/home/u/proj/configs/base.yaml"),
    (r"file|path|fname|folder|director|root$|(?:^|[._])dir|location|prefix$", "/home/u/proj/data/train"),
    (r"column|col$|cols$|field", "label"),
    (r"env(?:iron)?_?var", "CUDA_HOME"),
    (r"metric|monitor", "val_loss"),
    (
        r"(?:^|[._])(?:n|num|nb|count|total|max|min|idx|index|rank|dim|ndim|axis|batch|k|i|j|step|epoch|level|port|size|"
        r"length|width|height|channels|features|classes|world_size|timeout|degree|order|limit|bits)(?:[._]|$)|"
        r"_(?:size|dim|len|length|count|id|idx|index|rank|dims|features|channels|classes)$|^n_|^num_",
        "4",
    ),
    (
        r"(?:^|[._])(?:lr|rate|alpha|betas?|eps|gamma|p|prob|probs|ratio|fraction|tol|threshold|weight_decay|momentum)"
        r"(?:[._]|$)",
        "1.5",
    ),
    (
        r"(?:^|[._])(?:keys?|names?|attr|arg|param|kwarg|option|flag)(?:[._]|$)|_(?:key|name|attr|arg|param)$",
        "alpha",
    ),
    (r"mode|reduction|strategy|method|kind|type|format|fmt|scheme|policy", "custom"),
    (r"(?:^|[._])(?:other|obj|x|y|value|val|data|input|inputs|arr|array|tensor|v)(?:[._]|$)", "0"),
    (r"cmd|command", "nvcc --version"),
    (r"module|package|lib", "fastlib"),
)
_COMPILED = [(re.compile(expression, re.IGNORECASE), value) for expression, value in _VALUES]


def message_of(node: ast.expr, function: ast.AST, line: int) -> str | None:
    """The message that an expression makes, or None where it has too few words of its own.

    function, line: where it is raised, for `message = …; raise ValueError(message)`.
    """
    if isinstance(node, ast.Name):
        assigned = [
            statement.value
            for statement in ast.walk(function)
            if isinstance(statement, ast.Assign)
            and statement.lineno < line
            and any(isinstance(target, ast.Name) and target.id == node.id for target in statement.targets)
        ]
        if not assigned:
            return None
        node = assigned[-1]
    own: list[str] = []
    text = _filled(node, own)
    return text if text is not None and len(" ".join(own).strip()) >= SHORTEST_MESSAGE and "\0" not in text else None


def _filled(node: ast.expr, own: list[str]) -> str | None:
    """The text of an expression that makes a string; None for another one. own: its constant parts, added to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        own.append(node.value)
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            _shown(part) if isinstance(part, ast.FormattedValue) else _filled(part, own) or "" for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _filled(node.left, own), _filled(node.right, own)
        if left is None and right is None:
            return None
        return (value_of(node.left) if left is None else left) + (value_of(node.right) if right is None else right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        template = _filled(node.left, own)
        return None if template is None else _by_percent(template, node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        template = _filled(node.func.value, own)
        if template is not None:
            return _by_format(template, node) if node.func.attr == "format" else template
    if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in _DEDENTING:
        return _filled(node.args[0], own)
    return None


def _shown(part: ast.FormattedValue) -> str:
    """A value as an f-string shows it: with quotes for `!r`, unless it is no text."""
    text = _filled(part.value, []) or value_of(part.value)
    return f"'{text}'" if part.conversion == ord("r") and not re.match(r"['\"<\[({\d]|torch", text) else text


def _by_percent(template: str, right: ast.expr) -> str:
    given = right.elts if isinstance(right, ast.Tuple) else []
    rest = iter(given)

    def fill(found: re.Match[str]) -> str:
        if found[1] == "%":
            return "%"
        text = value_of(next(rest, right))
        return text if found[1] in "sr" or re.fullmatch(r"[\d.]+", text) else "3"

    return re.sub(r"%(?:\(\w+\))?[-+.\d]*([srdfgixX%])", fill, template)


def _by_format(template: str, call: ast.Call) -> str:
    by_name = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    positions = iter(range(len(call.args) + template.count("{")))

    def fill(found: re.Match[str]) -> str:
        name = re.split(r"[!:.\[]", found[1])[0]
        if name and not name.isdigit():
            return value_of(by_name.get(name, ast.Name(name)))
        index = int(name) if name else next(positions)
        return value_of(call.args[index]) if index < len(call.args) else UNKNOWN

    return re.sub(r"\{([^{}]*)\}", fill, template).replace("{{", "{").replace("}}", "}")


def value_of(node: ast.expr) -> str:
    """What stands in a message for this expression."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    source = ast.unparse(node)
    return next((value for expression, value in _COMPILED if expression.search(source)), UNKNOWN)
