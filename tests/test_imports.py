"""The rooms of the package stand in the order of the pipeline: each imports what stands to its left, and the ground."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "workflow" / "scripts" / "postmortem"
ORDER = ["", "project", "discover", "collect", "analyze", "report", "jobs"]
"""From left to right; "" is the ground: the files beside the rooms."""


def imports() -> Iterator[tuple[str, str, str]]:
    """Every import within the package: the file with its line, its room, and the room that it imports from."""
    for path in sorted(PACKAGE.rglob("*.py")):
        folder = path.relative_to(PACKAGE).parts[:-1]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = folder[: len(folder) - node.level + 1]
                parts = [*base, *(node.module or "").split(".")] if node.module else [*base]
                targets = [parts] if parts else [[alias.name] for alias in node.names]
                for target in targets:
                    room = target[0] if (PACKAGE / target[0]).is_dir() else ""
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", folder[0] if folder else "", room
            elif isinstance(node, ast.ImportFrom | ast.Import):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                assert not any(name.partition(".")[0] == PACKAGE.name for name in names), (
                    f"{path}: import it relatively"
                )


def test_imports_go_to_the_left_only() -> None:
    found = list(imports())
    assert len(found) > 300  # so that a change of layout cannot silence the test
    upward = [
        f"{place} imports {there or 'the ground'}"
        for place, here, there in found
        if ORDER.index(there) > ORDER.index(here)
    ]
    assert not upward, upward


def test_every_folder_is_a_room_of_the_pipeline() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(ORDER) - {""}
