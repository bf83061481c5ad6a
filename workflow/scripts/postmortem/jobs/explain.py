"""Explains kept decisions: the trace in a run's diagnosis.json, as a page for the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from ..files import read_text
from ..report.trace import screen

DIAGNOSIS = "diagnosis.json"


def main(places: list[Path]) -> int:
    """Print the decision of each run. places: run directories, or diagnosis.json files. Status 1 if one is none."""
    status = 0
    for place in places:
        path = place / DIAGNOSIS if place.is_dir() else place
        try:
            print(screen(json.loads(read_text(path))))
        except OSError as error:
            print(f"{path}: cannot be read ({error.strerror}); diagnose the run first: snakemake {place}/diagnosis.md")
            status = 1
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"{path}: is no diagnosis ({type(error).__name__}: {error})")
            status = 1
    return status
