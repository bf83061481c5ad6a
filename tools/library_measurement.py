"""How failures are diagnosed that a library raised in words nobody has seen: library_measurement.py LOGS LABELS...

LOGS is a folder that library_logs.py made. A file of LABELS has a line for each labelled raise statement: its place as
in LOGS/origins.json (`scipy/io/wavfile.py:120`), and the causes that are right, divided by `|`. A `#` begins a comment.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]

SURE = 0.8  # confidence from which a wrong answer makes people stop reading
STEPS = (0.33, 0.45, 0.55, 0.65, 0.75, SURE, 0.9)  # of the printed confidences


@dataclass(frozen=True)
class Answer:
    """What one log was called. right: empty where it has no label."""

    name: str
    cause: str
    confidence: float
    title: str
    right: frozenset[str]

    @property
    def verdict(self) -> str:
        if self.cause in self.right:
            return "right"
        return "unknown" if self.cause == "unknown" else "wrong"


def labels_of(paths: list[Path]) -> dict[str, frozenset[str]]:
    """Place of a raise statement → the causes that are right."""
    found = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            if label := line.partition("#")[0].split():
                found[label[0]] = frozenset(label[1].split("|"))
    return found


def answers(logs: Path, labels: dict[str, frozenset[str]], every: bool) -> list[Answer]:
    """The diagnoses of the labelled logs, or of every one."""
    from replay import diagnose_text

    origins: dict[str, str] = json.loads((logs / "origins.json").read_text(encoding="utf-8"))
    names = [name for name in sorted(origins) if every or origins[name] in labels]
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            diagnosis = diagnose_text((logs / f"{name}.err").read_text(encoding="utf-8"), Path(scratch))
            cause = diagnosis["root_cause"] or {"id": "unknown", "confidence": 0.0}
            right = labels.get(origins[name], frozenset())
            found.append(Answer(name, cause["id"], cause["confidence"], cause.get("title", ""), right))
    return found


def summary(found: list[Answer]) -> str:
    """Shares of right, unknown, wrong and surely wrong, and the answers by confidence."""
    judged = [answer for answer in found if answer.right]
    lines = []
    if judged:
        count = Counter(answer.verdict for answer in judged)
        sure = sum(a.verdict == "wrong" and a.confidence >= SURE for a in judged)
        shares = [f"{kind} {number / len(judged):.3f} ({number})" for kind, number in
                  (*((k, count[k]) for k in ("right", "unknown", "wrong")), ("surely wrong", sure))]  # fmt: skip
        lines.append(f"{len(judged)} labelled logs: {', '.join(shares)}")
    lines.append("confidence   answers  right")
    for low, high in zip((0.0, *STEPS), (*STEPS, 1.01), strict=True):
        some = [a for a in found if low <= a.confidence < high]
        known = [a for a in some if a.right]
        right = f"{sum(a.verdict == 'right' for a in known) / len(known):.2f}" if known else "-"
        lines.append(f"{low:.2f} - {min(high, 1):.2f}  {len(some):7d}  {right}")
    return "\n".join(lines)


def main() -> None:
    """The figures, printed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path)
    parser.add_argument("labels", type=Path, nargs="*")
    parser.add_argument("--all", action="store_true", help="diagnose every log of the folder")
    parser.add_argument("--verbose", action="store_true", help="print every answer that is not right")
    options = parser.parse_args()
    found = answers(options.logs, labels_of(options.labels), options.all)
    for answer in found:
        if options.verbose and answer.verdict != "right":
            last = (options.logs / f"{answer.name}.err").read_text(encoding="utf-8").splitlines()[-1]
            wanted = "|".join(sorted(answer.right)) or "?"
            print(f"{answer.name} {answer.cause} {answer.confidence:.2f} ({answer.title}), not {wanted}: {last[:160]}")
    print(summary(found))


if __name__ == "__main__":
    main()
