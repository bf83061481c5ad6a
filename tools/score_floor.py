"""Compare the figures of a score with the floor that must hold: score_floor.py SCORE.json FLOOR.json.

The floor is `{"min": {"top1": 0.75}, "max": {"false_alarms": 0}}`; without the file nothing is demanded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def below(figures: dict[str, Any], floor: dict[str, dict[str, float]]) -> list[str]:
    """One sentence per figure that is worse than its floor."""
    said = []
    for name, bound in floor.get("min", {}).items():
        if figures.get(name) is None or figures[name] < bound:
            said.append(f"{name} is {figures.get(name)}, at least {bound} is demanded")
    for name, bound in floor.get("max", {}).items():
        if figures.get(name) is None or figures[name] > bound:
            said.append(f"{name} is {figures.get(name)}, at most {bound} is allowed")
    return said


def main(score: Path, floor: Path) -> int:
    """Exit status 1 if a figure is worse than its floor."""
    if not floor.exists():
        print(f"score: no floor is set ({floor})")
        return 0
    said = below(json.loads(score.read_text()), json.loads(floor.read_text()))
    print("\n".join(f"score: {line}" for line in said) or f"score: every figure keeps to {floor}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
