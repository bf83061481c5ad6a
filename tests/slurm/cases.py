"""The register of cases: a function per case, which provokes it in a Project and returns its label."""

from collections.abc import Callable

from lab import Project

Case = Callable[[Project], dict]
CASES: dict[str, Case] = {}
NODE02: set[str] = set()
RESTARTS: set[str] = set()


def case(name: str, *, node02: bool = False, restarts: bool = False) -> Callable[[Case], Case]:
    """node02: disturbs everything on node02, so these run one at a time. restarts: the whole cluster; they run last."""

    def register(function: Case) -> Case:
        CASES[name] = function
        if node02:
            NODE02.add(name)
        if restarts:
            RESTARTS.add(name)
        return function

    return register
