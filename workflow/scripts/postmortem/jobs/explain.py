"""Explains kept decisions: the trace in a run's diagnosis.json, as a page for the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from ..files import read_text
from ..outputs import DIAGNOSIS, REPORT
from ..report.trace import screen


def main(places: list[Path]) -> int:
    """Print the decision of each run; status 1 if one has none.

    places: folders of runs, or a file of their diagnoses, diagnosis.json or diagnosis.md.
    """
    status = 0
    for place in places:
        folder = place.parent if place.name in (DIAGNOSIS, REPORT) else place
        path = folder / DIAGNOSIS if folder.is_dir() else place
        try:
            print(screen(json.loads(read_text(path))))
        except OSError as error:
            print(f"{path}: cannot be read ({error.strerror}); diagnose the run first: postmortem diagnose {folder}")
            status = 1
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"{path}: is no diagnosis ({type(error).__name__}: {error})")
            status = 1
    return status
