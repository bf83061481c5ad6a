"""How often answers are right at each level of confidence: reliability.py SCORE.json [KEPT CASES...]

SCORE.json is what score.py writes with --json. Calibrated means: of the answers at 0.9, nine in ten are right. With the
folder that score.py kept and the labelled cases, the confidence of an entry's answer is computed anew with the record
that the other repositories give (cross-validated by repository), so that no run speaks for itself.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import record as records

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))
from postmortem.analyze.record import sureness
from postmortem.analyze.resolve import BESIDE_A_RIVAL, HIGHEST, LOWEST, UNDECIDED

EDGES = (0.0, 0.34, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
SURE = 0.8  # from here on people act without reading on


def table(cases: list[dict[str, Any]]) -> str:
    """Rows of: confidence from-to, answers, mean confidence, share that is right. Answers of `unknown` do not count."""
    given = _given(cases)
    rows = ["confidence   answers  mean   right"]
    for low, high in itertools.pairwise(EDGES):
        some = [c for c in given if low <= c["confidence"] < high]
        if some:
            mean = sum(c["confidence"] for c in some) / len(some)
            right = sum(c["right"] for c in some) / len(some)
            rows.append(f"{low:.2f} - {min(high, 1):.2f}  {len(some):7d}  {mean:.2f}   {right:.2f}")
    sure = [c for c in given if c["confidence"] >= SURE]
    wrong = sum(not c["right"] for c in sure)
    rows.append(f"{len(sure)} of {len(given)} answers are sure ({SURE} and more), {wrong} of these wrong")
    return "\n".join(rows)


def cross_validated(cases: list[dict[str, Any]], answers: list[records.Answer]) -> list[dict[str, Any]]:
    """The cases, with the confidence that the record of the other repositories gives to the answers of entries."""
    by_run = {(answer.case, answer.run): answer for answer in answers}
    found = []
    for case in cases:
        answer = by_run.get((case["case"], case["run"]))
        found.append(case | {"confidence": without_its_own(answer, answers)} if answer else case)
    return found


def without_its_own(answer: records.Answer, answers: list[records.Answer]) -> float:
    """The confidence of an answer as if its own repository had never been seen."""
    right, wrong = records.counts(answers, without=answer.repository).get(answer.entry, (0, 0))
    start = sureness(answer.role, answer.strength, right, wrong)
    total = start + sum(effect for effect, words in answer.reasons if words != UNDECIDED)
    total = min(HIGHEST, max(LOWEST, total))
    undecided = any(words == UNDECIDED for _, words in answer.reasons)
    return round(min(total, BESIDE_A_RIVAL) if undecided else total, 2)


def _given(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [c for c in cases if c["want"] and c["got"] not in (None, "unknown")]


def main(score: Path, kept: Path | None, cases: list[Path]) -> None:
    """Print the table, and the cross-validated one."""
    content = json.loads(score.read_text())
    print(table(content["cases"]))
    if kept:
        answers = records.answers(content, kept, cases)
        print(f"\ncross-validated by repository, {len(answers)} answers of entries:")
        print(table(cross_validated(content["cases"], answers)))


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[1:]]
    main(paths[0], paths[1] if len(paths) > 1 else None, paths[2:])
