"""What a check of a setting in the project's own code asks for: `assert args.dropout == 0` wants dropout = 0."""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

from ..findings import Fix

# Names under which programs keep their settings.
_SETTINGS = re.compile(
    r"^(?:self\.)?_?(?:args|opts?|options|cfg|conf|config|hparams|hps|params|flags|settings|FLAGS)(?:[._]\w+)*$"
)
MOST_CHOICES = 12  # allowed values that are named


def wanted(source: str, file: str | None = None, line: int | None = None) -> Fix | None:
    """The fix that gives a setting the value that an `assert` asks for; None where it compares no setting with a value.

    source: the statement as a traceback prints it. Of several conditions joined by `and` all are named, and those with
    one value are set. file, line: where it stands.
    """
    conditions = _conditions(source)
    asked = [found for condition in conditions if (found := _asked(condition))]
    if not asked:
        return None
    values = {key: value for key, _, value in asked if value is not None}
    flags = " ".join(f"--{key} {shlex.quote(str(v))}" for key, v in values.items() if not isinstance(v, bool))
    words = " and ".join(f"{key} {relation}" for key, relation, _ in asked)
    place = f" (the check stands in {file}:{line})" if file else ""
    how = f"start it with {flags}" if flags else "set it so"
    return Fix(f"The check wants {words}: {how}{place}.", None, values or None, file, line)


def _conditions(source: str) -> list[ast.expr]:
    try:
        (statement,) = ast.parse(source.strip()).body
    except (SyntaxError, ValueError):
        return []
    if not isinstance(statement, ast.Assert):
        return []
    test = statement.test
    return list(test.values) if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]


def _asked(test: ast.expr) -> tuple[str, str, Any] | None:
    """(setting, what it has to be in words, one value that is that) of one condition."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and (key := _setting(test.operand)):
        return key, "to be off", False
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not (key := _setting(test.left)):
        return None
    try:
        value = ast.literal_eval(test.comparators[0])
    except ValueError:
        return None
    operator = test.ops[0]
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(operator, ast.Eq | ast.Is) and not isinstance(value, list | tuple | set | dict):
        return key, f"to be {value!r}", value
    if isinstance(operator, ast.In) and isinstance(value, list | tuple | set) and 0 < len(value) <= MOST_CHOICES:
        choices = sorted(value, key=str) if isinstance(value, set) else list(value)
        return key, f"to be one of {', '.join(map(repr, choices))}", choices[0] if len(choices) == 1 else None
    if isinstance(operator, ast.IsNot) and value is None:
        return key, "to be given", None
    if isinstance(operator, ast.GtE | ast.LtE) and whole:
        return key, f"to be {'at least' if isinstance(operator, ast.GtE) else 'at most'} {value}", value
    if isinstance(operator, ast.Gt | ast.Lt) and whole:
        above = isinstance(operator, ast.Gt)
        return key, f"to be {'above' if above else 'below'} {value}", value + (1 if above else -1)
    return None


def _setting(node: ast.expr) -> str:
    """The setting's name if the expression is one: `args.lr`, `self.cfg.model.lr`, `config["lr"]`; else empty."""
    if isinstance(node, ast.Attribute):
        return node.attr if _SETTINGS.match(ast.unparse(node.value)) else ""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value if _SETTINGS.match(ast.unparse(node.value)) else ""
    return ""
