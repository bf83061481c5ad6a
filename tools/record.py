"""The record of the catalogue's entries, from a score of labelled runs: record.py SCORE.json KEPT CASES... --write FILE

SCORE.json is what score.py writes with --json, KEPT the folder that it was told to keep, CASES the labelled cases. The
record holds for each entry in how many repositories its answers were right, and in how many one was wrong; nothing else
of the cases. A repository is what the label's `url` names, else the case itself; the projects of one pipeline are one.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_REPOSITORY = re.compile(r"github\.com/([^/\s]+/[^/\s#?]+)")
_HEAD = "# Entry: in how many repositories its answers were right, and in how many one was wrong. By tools/record.py.\n"


@dataclass(frozen=True)
class Answer:
    """A root cause that an entry of the catalogue gave. reasons: what moved its confidence after its start."""

    case: str
    run: str
    repository: str
    entry: str
    role: str
    strength: str
    right: bool
    confidence: float
    reasons: tuple[tuple[float, str], ...]


def answers(score: dict[str, Any], kept: Path, cases: Iterable[Path]) -> list[Answer]:
    """The answers of entries in the kept diagnoses of the failed runs of a score."""
    labels = {path.parent.name: path for root in cases for path in root.rglob("label.yaml")}
    found = []
    for case in score["cases"]:
        path = _diagnosis(kept, case)
        if not case["want"] or case["case"] not in labels or not path.exists():
            continue
        trace = json.loads(path.read_text()).get("trace") or {}
        root = next((c for c in trace.get("candidates") or [] if c["standing"] == "root cause"), None)
        if root is None or not root.get("strength"):
            continue
        reasons = [_reason(text) for text in (*root["for"][1:], *root["against"])]
        found.append(
            Answer(
                case["case"], case["run"], _repository(labels[case["case"]]), root["entry"], root["role"],
                root["strength"], case["right"], root["confidence"], tuple(reasons),
            )
        )  # fmt: skip
    return found


def counts(given: Iterable[Answer], without: str = "") -> dict[str, tuple[int, int]]:
    """Entry → repositories in which its answers were right, and in which one was wrong; one repository left out."""
    seen: dict[str, dict[str, bool]] = defaultdict(dict)
    for answer in given:
        if answer.repository != without:
            so_far = seen[answer.entry].get(answer.repository, True)
            seen[answer.entry][answer.repository] = so_far and answer.right
    return {entry: (sum(by.values()), len(by) - sum(by.values())) for entry, by in sorted(seen.items())}


def written(record: dict[str, tuple[int, int]]) -> str:
    """The record as YAML, an entry a line."""
    return _HEAD + "".join(f"{json.dumps(entry)}: [{right}, {wrong}]\n" for entry, (right, wrong) in record.items())


def _diagnosis(kept: Path, case: dict[str, Any]) -> Path:
    """Where score.py keeps it: runs of streams lie in one project, all others in that of their case."""
    run = "" if case["run"] == "(workflow)" else case["run"]
    project = "streams" if case["run"].startswith("public/") else case["case"]
    return kept / project / "experimentruns" / run / "diagnosis.json"


def _repository(label: Path) -> str:
    url = str(yaml.safe_load(label.read_text()).get("url") or "")
    named = _REPOSITORY.search(url)
    if named:
        return named[1].lower()
    # Whole projects are those of one pipeline.
    return label.parent.parent.name if (label.parent / "root").is_dir() else label.parent.name


def _reason(text: str) -> tuple[float, str]:
    effect, _, words = text.partition(" ")
    return float(effect), words


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("score", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--write", type=Path, required=True, metavar="FILE")
    args = parser.parse_args()
    record = counts(answers(json.loads(args.score.read_text()), args.kept, args.cases))
    args.write.write_text(written(record))
    print(f"record: {len(record)} entries in {args.write}")


if __name__ == "__main__":
    main()
