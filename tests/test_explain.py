"""explain prints why a cause was named: the candidates, what spoke for and against each, and what decided."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from replay import diagnose_text

from postmortem.installation import REPOSITORY
from postmortem.report.trace import SCREEN_WIDTH, screen

TWO_RIVALS = "/bin/sh: 1: qsub: not found\nError submitting jobscript (exit code 127):\n"
SCREEN_LINES = 50  # of a terminal that fills half a desktop


def test_the_trace_holds_the_candidates_and_what_decided(tmp_path: Path) -> None:
    trace = diagnose_text(TWO_RIVALS, tmp_path)["trace"]
    first, second = trace["candidates"][:2]
    assert first["standing"] == "root cause" and {first["id"], second["id"]} == {
        "env.activation",
        "slurm.submit_rejected",
    }
    assert second["id"] in trace["decided_by"]
    assert first["for"] and any("not explained either" in reason for reason in first["against"])
    for candidate in (first, second):
        assert (REPOSITORY / "workflow" / candidate["made_in"]).is_file(), candidate["made_in"]
        assert candidate["text"] in " ".join(TWO_RIVALS.split())


def test_a_rival_is_also_seen_and_no_evidence_of_the_winner(tmp_path: Path) -> None:
    diagnosis = diagnose_text(TWO_RIVALS, tmp_path)
    assert {item["finding"] for item in diagnosis["evidence"]} == {diagnosis["root_cause"]["id"]}
    (rival,) = diagnosis["also_seen"]
    assert rival["finding"] != diagnosis["root_cause"]["id"] and rival["explained_by"] is None


def test_it_fits_on_one_screen(tmp_path: Path) -> None:
    text = screen(diagnose_text(TWO_RIVALS * 8, tmp_path))
    assert len(text.splitlines()) <= SCREEN_LINES
    assert max(map(len, text.splitlines())) <= SCREEN_WIDTH


def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "workflow" / "scripts" / "explain.py")]
    diagnosis = diagnose_text(TWO_RIVALS, tmp_path)
    (tmp_path / "diagnosis.json").write_text(json.dumps(diagnosis), encoding="utf-8")
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == screen(diagnosis) + "\n"
    absent = subprocess.run([*command, str(tmp_path / "other")], capture_output=True, text=True)
    assert absent.returncode == 1 and "cannot be read" in absent.stdout and "Traceback" not in absent.stderr
