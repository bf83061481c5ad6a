"""Which release of a package has a name that the installed one lacks: knowledge of workflow/releases.yaml."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml

from ...installation import RELEASES


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


def _names(path: str, item: str) -> bool:
    """Whether a path below the package is what the table names: that itself, a part of it, or it in another part."""
    if path == item:
        return True
    return bool(item) and (path.startswith(f"{item}.") or ("." not in item and path.endswith(f".{item}")))


@lru_cache(maxsize=1)
def _releases() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = yaml.safe_load(RELEASES.read_text(encoding="utf-8"))
    return content
