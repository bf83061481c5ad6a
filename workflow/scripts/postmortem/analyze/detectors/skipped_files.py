"""Input files that could not be read, and were passed over with a warning: the run went on without them."""

from __future__ import annotations

import re

from ...facts import Line, Log, RunFacts
from ..findings import FATAL, SYMPTOM, Finding, Fix
from .quoting import log_lines, quote_line

# A warning or an error that names a data file and says that reading it failed; what is skipped on purpose says no such
# thing ("skipping a.csv: already done").
_UNREADABLE = re.compile(
    r"\b(?:WARN(?:ING)?|ERROR)\b.{0,200}?"
    r"\b(?:error (?:processing|reading|loading|parsing)|(?:failed|unable) to (?:read|load|parse|process|open)|"
    r"(?:could|can) ?not (?:be )?(?:read|load|parse|process|open)\w*)\b.{0,80}?"
    r"(?P<path>[\w./~+-]+\.(?:csv|tsv|parquet|jsonl?|npz|npy|h5|hdf5|h5ad|txt))\b",
    re.I,
)
QUOTED = 3  # of the files


def detect(facts: RunFacts) -> list[Finding]:
    """data.malformed: files of the run's own data set that it could not read, though it went on."""
    found: dict[str, tuple[Log, Line]] = {}
    for log, line, match in log_lines(facts, _UNREADABLE):
        if facts.dataset and f"/{facts.dataset}/" in f"/{match['path']}":
            found.setdefault(match["path"], (log, line))
    if not found:
        return []
    paths = list(found)
    them = "it" if len(paths) == 1 else "them"
    shown = ", ".join(paths[:QUOTED]) + (f" and {len(paths) - QUOTED} more" if len(paths) > QUOTED else "")
    # A run that failed may have failed for something else; one that ended well has worked on less than it should have.
    role = SYMPTOM if facts.state == "failed" else FATAL
    finding = Finding("data.malformed", "Input files were passed over", role, 0.7, "detector: skipped_files")
    finding.root_cause = f"{shown} could not be read, and the run went on without {them}."
    finding.evidence = [quote_line(log, line) for log, line in list(found.values())[:QUOTED]]
    cache = ((facts.profile.get("data") or {}).get("cache") or "").replace("{dataset}", facts.dataset)
    again = f", remove {cache}, which was made without {them}," if cache else ""
    finding.fix = [Fix(f"Repair or restore {shown}{again} and run again.", file=paths[0])]
    finding.prevention = ["Let a file that cannot be read end the run, or count what was read against what is there."]
    finding.would_refute = "the same files read without a warning"
    return [finding]
