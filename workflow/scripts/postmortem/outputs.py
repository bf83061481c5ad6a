"""What we write into the watched project, and how our lines and files are told from the pipeline's own."""

from __future__ import annotations

from pathlib import Path

FACTS, DIAGNOSIS, REPORT = "diagnosis.facts.json", "diagnosis.json", "diagnosis.md"
OF_A_RUN = (FACTS, DIAGNOSIS, REPORT)
SUMMARIES = {kind: f"diagnoses.{kind}" for kind in ("md", "html", "tsv")}
OF_THE_PROJECT = tuple(SUMMARIES.values())
OURS = "diagnos"
"""What we write beside the runs' own files begins so."""
STATE_FOLDER = Path(".snakemake") / "postmortem"
"""Logs, and what one process leaves for another; relative to the project."""
MARK = "postmortem: "
"""Lines of ours on the terminal begin so, and in Snakemake's logs, where they lie among the pipeline's."""
