"""Names that the code misses: misspelt ones, imports that were forgotten, variables that nobody set."""

from __future__ import annotations

import collections.abc
import re
import sys

from ....collect.around.nearest_names import missed_name
from ...findings import Fix
from ..code import diff, inserted
from ..python_errors import import_of
from ..shell import argument
from .case import ALIKE, SLIP, Case, nearest

_PROPOSED = re.compile(r"Did you mean: '(?P<right>[\w.]+)'\?|[Uu]se `(?P<instead>[\w.]+)`(?:[^.`]*)? instead")
_OWNER = re.compile(r"`(?P<wrong>[\w.]+)` (?:was|has been|is) (?:removed|deprecated)")
PROPOSED = 0.85  # share of equal letters of a misspelt name and the one that Python proposes
_STRINGS = re.compile(r"['\"]([\w.\- ]{2,60})['\"]")


def replaced_by_its_package(case: Case) -> Fix | None:
    """A message that says itself what stands for a name that is gone: "`np.NaN` was removed. Use `np.nan` instead"."""
    gone, proposed = _OWNER.search(case.message), _PROPOSED.search(case.message)
    if not (gone and proposed and proposed["instead"]):
        return None
    wrong, right = gone["wrong"], proposed["instead"]
    text = f"Write `{right}` instead of `{wrong}`, as the message says."
    return case.edited(wrong, right, text) or case.edited(wrong.rpartition(".")[2], right.rpartition(".")[2], text)


def import_forgotten(case: Case) -> Fix | None:
    """A module of the standard library, or a usual alias, that is used and never imported."""
    found = re.match(r"name '(\w+)' is not defined", case.message)
    if case.type != "NameError" or not found or case.code is None or not case.code.import_line:
        return None
    name = found[1]
    statement = import_of(name) or (f"import {name}" if name in sys.stdlib_module_names else "")
    if not statement:
        return None
    file, line = case.code.file, case.code.import_line
    return Fix(f"Add `{statement}`.", None, None, file, line, inserted(file, line, statement))


def variable_not_set(case: Case) -> Fix | None:
    """A variable of the environment that another script of the project sets."""
    inner = case.raised.frames[-1] if case.raised and case.raised.frames else None
    name = case.message.strip("'\"")
    if case.type != "KeyError" or inner is None or not re.search(r"(?:^|[/ ])os(?:\.py|>)$", inner.file):
        return None
    for script in case.facts.scripts:
        for number, line in enumerate(script.lines, 1):
            if found := re.match(rf"\s*(?:export\s+)?{re.escape(name)}=([\w./:@%+-]+)\s*$", line):
                text = f"Set {name} as {script.file}:{number} does, in the job script of this run too."
                return Fix(text, f"export {name}={argument(found[1])}", None, script.file, number)
    return None


def misspelt(case: Case) -> Fix | None:
    """A name, attribute, argument, import or key that is spelt nearly as one that exists."""
    wrong = missed_name(case.raised) if case.raised else ""
    if not wrong:
        return None
    right = _meant(case, wrong)
    if not right:
        return None
    text = f"Write `{right}` instead of `{wrong}`."
    key = nearest(wrong, case.config)
    if case.type == "KeyError" and key:
        value = case.config[key]
        return Fix(f"Set {wrong}, which the code reads; the configuration calls it {key}.", None, {wrong: value})
    return case.edited(wrong, right, text) or _in_config(case, wrong, right)


def moved(case: Case) -> Fix | None:
    """Names that Python moved into a module of their own: `from collections import Iterable`."""
    found = re.match(r"cannot import name '(\w+)' from 'collections'", case.message)
    if not found or not hasattr(collections.abc, found[1]):
        return None
    names = re.search(r"from collections import ([\w ,]+)$", case.line)
    if not names or not all(hasattr(collections.abc, name.split()[0]) for name in names[1].split(",")):
        return None
    return case.edited("collections", "collections.abc", f"Import {found[1]} from collections.abc, where it is now.")


def _meant(case: Case, wrong: str) -> str:
    proposed = _PROPOSED.search(case.message)
    if proposed and proposed["right"] and "." not in proposed["right"]:
        # Python proposes the nearest of all names, also for one that was removed: then it is only somewhat like it.
        return nearest(wrong, [proposed["right"]], PROPOSED)
    known = list(case.code.nearest_names) if case.code else []
    if case.type == "KeyError":
        # Not from the line itself: `info["filename"] = info["file_name"]` only says what there is to be.
        lines = list(case.code.lines) if case.code else []
        lines += [item for log in case.facts.logs for item in log.lines[-60:]]
        known += [n for item in lines if item.text.strip() != case.line.strip() for n in _STRINGS.findall(item.text)]
    # A value of the configuration is one of a few: what is nearest is meant.
    share = SLIP if case.type == "KeyError" and wrong in map(str, case.config.values()) else ALIKE
    return nearest(wrong, known, share)


def _in_config(case: Case, wrong: str, right: str) -> Fix | None:
    """Where the configuration brought the name in: as a key (`Settings(**config)`), or as a value."""
    config = case.facts.config
    for key, item in config.values.items() if config else ():
        if item.value == wrong:
            return Fix(f"Set {key} to {right}.", None, {key: right})
        quoted = f'"{wrong}"'
        if config and key == wrong and item.line and item.text.count(quoted) == 1:
            file = config.source.path
            changed = diff(file, item.line, item.text, item.text.replace(quoted, f'"{right}"'))
            return Fix(f"Call the key {right}, as the code does.", None, None, file, item.line, changed)
    return None


REPAIRS = (replaced_by_its_package, moved, import_forgotten, variable_not_set, misspelt)
