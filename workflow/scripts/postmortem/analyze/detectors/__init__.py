"""Pure functions of facts that yield findings, one topic a module: `detect(facts) -> list[Finding]`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from ...facts import RunFacts
from ..findings import Finding


def all_detectors() -> list[tuple[str, Callable[[RunFacts], list[Finding]]]]:
    """Every module of this package that has a `detect`: its name and that function."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return [(m.__name__.rsplit(".", 1)[-1], m.detect) for m in modules if hasattr(m, "detect")]
