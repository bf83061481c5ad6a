"""Which release of a package has a name that the installed one lacks: knowledge of workflow/releases.yaml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...installation import RELEASES, table


def requirement(module: str, name: str = "") -> str:
    """What to install so that `module` has `name`, as pip takes it ("pulp<2.8"); empty where nobody knows.

    module: as it is imported, with its parts ("sklearn.externals"). name: an attribute or part of it.
    """
    wanted = ".".join(part for part in (module, name) if part)
    for package, known in _releases().items():
        root = known.get("module", package)
        if wanted != root and not wanted.startswith(f"{root}."):
            continue
        path = wanted[len(root) :].lstrip(".")
        for change, sign in (("removed", "<"), ("added", ">=")):
            for item, release in (known.get(change) or {}).items():
                if _names(path, item):
                    return f"{package}{sign}{release}"
    return ""


@dataclass(frozen=True)
class Change:
    """A name that a release of a package removed: from its callables' arguments, or from its objects.

    now: what to write instead, empty if there is nothing. A value behind it ("on_bad_lines='skip'") takes the place of
    the old one. given: the old value that this is worth; empty if it is worth any. requirement: what to install, as
    pip takes it, to have the old name.
    """

    name: str
    now: str
    given: str
    requirement: str


def argument_change(name: str, callables: list[str]) -> Change | None:
    """What became of an argument of one of these functions or classes; None where nobody knows."""
    return _change("arguments", name, callables)


def attribute_change(name: str, kind: str) -> Change | None:
    """What became of an attribute of objects of this class; None where nobody knows."""
    return _change("attributes", name, [kind])


def _change(table: str, name: str, owners: list[str]) -> Change | None:
    for package, known in _releases().items():
        for item in (known.get(table) or {}).get(name) or ():
            if any(re.fullmatch(item["of"], owner) for owner in owners):
                return Change(name, item.get("now", ""), item.get("given", ""), f"{package}<{item['release']}")
    return None


def _names(path: str, item: str) -> bool:
    """Whether a path below the package is what the table names: that itself, a part of it, or it in another part."""
    if path == item:
        return True
    return bool(item) and (path.startswith(f"{item}.") or ("." not in item and path.endswith(f".{item}")))


@lru_cache(maxsize=1)
def _releases() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = table(RELEASES)
    return content
