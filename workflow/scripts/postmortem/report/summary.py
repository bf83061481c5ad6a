"""The summary over all runs: diagnoses.md for reading, .tsv for tables, .html as one self-contained page."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..files import read_text, write_whole
from ..text import one_line, safe
from .render import environment

COLUMNS = ("run", "status", "cause", "confidence", "upstream_run", "summary", "first_fix", "command", "diagnosis")
EVIDENCE_SHOWN = 3
UNDECIDED_NAMED, NAME_CHARACTERS = 20, 200
_FORMULA = ("=", "+", "-", "@")


def write(
    diagnoses: list[Path], experiment_root: Path, targets: dict[str, Path], undecided: Sequence[str] = ()
) -> list[str]:
    """Write the summary; what of it cannot be written, in words, for each does without the others.

    `diagnoses` are the diagnosis.json files; one that cannot be read gets a row that says so. `targets` maps "md",
    "tsv" and "html", or some of them, to paths. `undecided`: ids of the runs of which nothing says how they ended.
    """
    rows = sorted(
        (_row(path, experiment_root) for path in diagnoses), key=lambda row: (row["cause"] == "unknown", row["run"])
    )
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        groups[row["cause"]].append(row["run"])
    names = {
        "rows": rows,
        "headline": _headline(rows),
        "undecided": [one_line(run, NAME_CHARACTERS) for run in map(safe, undecided[:UNDECIDED_NAMED])],
        "undecided_more": max(0, len(undecided) - UNDECIDED_NAMED),
        "groups": [
            {"cause": cause, "runs": runs} for cause, runs in sorted(groups.items(), key=lambda pair: -len(pair[1]))
        ],
    }
    made = {
        "md": lambda: environment().get_template("diagnoses.md.j2").render(names).rstrip() + "\n",
        "html": lambda: environment(html=True).get_template("diagnoses.html.j2").render(names) + "\n",
        "tsv": lambda: _table(rows),
    }
    problems = []
    for kind, target in targets.items():
        try:
            write_whole(target, made[kind]())
        except OSError as error:
            problems.append(f"{target} cannot be written ({error.strerror})")
    return problems


def _headline(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No run is known to have failed."
    failed = sum(row["status"] == "failed" for row in rows)
    suspect = sum(row["status"] == "suspect" for row in rows)
    unknown = sum(row["cause"] == "unknown" for row in rows)
    parts = [f"{failed} failed"] + ([f"{suspect} ended well, but with results not to be trusted"] if suspect else [])
    return ", ".join(parts) + (f"; the cause of {unknown} is not known." if unknown else ".")


def _row(path: Path, experiment_root: Path) -> dict[str, Any]:
    try:
        return _row_of(json.loads(read_text(path)), path, experiment_root)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # not JSON, or not a diagnosis
        said = f"its diagnosis.json cannot be read: {type(error).__name__}: {error}"
        return _row_of({"run": str(path.parent), "status": "unknown", "summary": said}, path, experiment_root)


def _row_of(diagnosis: dict[str, Any], path: Path, experiment_root: Path) -> dict[str, Any]:
    cause = diagnosis.get("root_cause") or {}
    fixes = diagnosis.get("fix") or []
    first = fixes[0] if fixes else {}
    confidence = cause.get("confidence")
    shown = os.path.relpath(path.with_suffix(".md"), experiment_root)  # the summary lies in experiment_root
    return {
        "run": diagnosis["run"],
        "status": diagnosis["status"],
        "cause": cause.get("id") or diagnosis["status"],
        "confidence": confidence,
        "confidence_text": f"{confidence * 100:.0f} %" if confidence is not None else "",
        "upstream_run": cause.get("upstream_run") or "",
        "summary": diagnosis["summary"],
        "explanation": cause.get("explanation") or diagnosis["summary"],
        "confirmed_by": cause.get("confirmed_by") or [],
        "first_fix": first.get("text", ""),
        "command": next((fix["command"] for fix in fixes if fix.get("command")), ""),
        "fix": fixes,
        "evidence": (diagnosis.get("evidence") or [])[:EVIDENCE_SHOWN],
        "diagnosis": shown,
        "link": quote(os.fsencode(shown)),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    """The rows as tab-separated values.

    Without pandas: 400 rows take 2 ms, with it 3 and its import 340, which every pipeline's onerror would wait for.
    """
    stream = io.StringIO()
    table = csv.writer(stream, dialect="excel-tab", lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        table.writerow([_cell(row[column]) for column in COLUMNS])
    return stream.getvalue()


def _cell(value: Any) -> str:
    """A value on one line, and none that a spreadsheet takes for a formula and computes."""
    text = "" if value is None else " ".join(str(value).split())
    return f"'{text}" if text.startswith(_FORMULA) else text
