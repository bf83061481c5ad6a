"""How often answers are right at each level of confidence: reliability.py SCORE.json...

SCORE.json is what score.py writes with --json. Calibrated means: of the answers at 0.9, nine in ten are right.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

EDGES = (0.0, 0.34, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


def table(cases: list[dict[str, Any]]) -> str:
    """Rows of: confidence from-to, answers, mean confidence, share that is right. Answers of `unknown` do not count."""
    answers = [c for c in cases if c["want"] and c["got"] not in (None, "unknown")]
    rows = ["confidence   answers  mean   right"]
    for low, high in itertools.pairwise(EDGES):
        some = [c for c in answers if low <= c["confidence"] < high]
        if some:
            mean = sum(c["confidence"] for c in some) / len(some)
            right = sum(c["right"] for c in some) / len(some)
            rows.append(f"{low:.2f} - {min(high, 1):.2f}  {len(some):7d}  {mean:.2f}   {right:.2f}")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table([case for path in sys.argv[1:] for case in json.loads(Path(path).read_text())["cases"]]))
