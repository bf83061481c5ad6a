"""Input files that could not be read, and were passed over with a warning: the run went on without them."""

from __future__ import annotations

import re

from ...facts import Line, Log, RunFacts
from ...log_prefix import strip_prefix
from ..findings import FATAL, SYMPTOM, Finding, Fix
from .quoting import log_lines, quote_line

_DATA = (
    r"csv|tsv|parquet|feather|arrow|tfrecords?|npz|npy|h5|hdf5|h5ad|zarr|nc|pcap|wav|flac|mp3|jpe?g|png|tiff?|nii|dcm|"
    r"mat|edf|fasta|fastq|bam|vcf"
)
_TEXT = r"jsonl?|txt|xml|ya?ml|pkl|pt"  # data below the data set's folder, and else anything
_PATH = re.compile(rf"(?<![\w./~+-])(?P<path>[\w./~+-]{{1,300}}\.(?P<type>{_DATA}|{_TEXT})(?:\.gz)?)\b", re.I)
_WARNING = re.compile(r"(?:\b|(?<=[a-z]))WARN(?:ING)?\b|\bERROR\b", re.I)
# What was raised is no warning: it ended the program, or was caught, and then another line says what came of it.
_RAISED = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception): ")
_PASSED_OVER = re.compile(
    r"\bskip(?:s|ped|ping)?\b|\bignor(?:e[sd]?|ing)\b|\bdrop(?:s|ped|ping)?\b|\bomit(?:s|ted|ting)?\b"
    r"|\bexclud(?:e[sd]?|ing)\b|\b(?:pass(?:ed|ing) over|left out|leaving out|discard(?:ed|ing)?)\b",
    re.I,
)
_UNREADABLE = re.compile(
    r"\berror (?:while )?(?:processing|reading|loading|parsing|decoding|opening)\b"
    r"|\b(?:failed|unable) to (?:read|load|parse|process|open|decode)\b"
    r"|\b(?:could|can) ?not (?:be )?(?:read|load|parse|process|open|decode|identify)\w*\b"
    r"|\b(?:corrupt(?:ed)?|malformed|truncated|unreadable|unparsable|undecodable|damaged)\b"
    r"|\b(?:bad|invalid|wrong|unexpected|missing|inconsistent) (?:\w+ )?"
    r"(?:header|format|columns?|schema|magic|encoding)"
    r"|\b(?:\d+|number of) (?:columns|fields) instead of\b|\bexpected \d+ (?:columns|fields|axes)\b"
    r"|\b(?:length|column|schema|shape) mismatch\b|\bParserError\b|\bUnicodeDecodeError\b",
    re.I,
)
# Passed over on purpose, or read in the end.
_ON_PURPOSE = re.compile(
    r"\balready\b|\boptional\b|\bup[- ]to[- ]date\b|\bunchanged\b|\bcached\b|\bexists\b"
    r"|\bnot (?:selected|needed|used|part)"
    r"|\bby (?:filter|configuration|pattern)\b|\bfall(?:s|ing)? back\b|\bretry|\b(?:try|trying|tried) again\b"
    r"|\bdisabled\b|\bblack ?list|\bexclude[ _-]?list|\brepaired\b|\brecovered\b",
    re.I,
)
# "2 of 5 files could not be read"
_COUNTED = re.compile(
    r"\b(?P<count>[1-9]\d*) (?:of|out of|/) \d+ (?:\w+ ){0,2}files? (?:\w+ ){0,3}?"
    r"(?:could not|cannot|failed|unreadable|corrupt(?:ed)?|malformed)\b",
    re.I,
)
_ANY = re.compile(rf"{_PATH.pattern}|{_COUNTED.pattern}", re.I)
# What a run writes by itself, or is told by: no data.
_NO_DATA = re.compile(
    r"metrics|results?|history|hparams|config|settings|metadata|predictions?|vocab|checkpoint|model", re.I
)
QUOTED = 3  # of the files


def detect(facts: RunFacts) -> list[Finding]:
    """data.malformed: files of the run's own data set that it could not read, though it went on."""
    found: dict[str, tuple[Log, Line]] = {}
    for log, line, match in log_lines(facts, _ANY):
        if _says_so(line.text) and (what := _counted(match) or _of_the_data(facts, line.text)):
            found.setdefault(what, (log, line))
    named = [path for path in found if " " not in path]
    if not found:
        return []
    them = "it" if list(found) == named and len(named) == 1 else "them"
    shown = ", ".join(named[:QUOTED]) + (f" and {len(named) - QUOTED} more" if len(named) > QUOTED else "")
    # A run that failed may have failed for something else; one that ended well has worked on less than it should have.
    role = SYMPTOM if facts.state == "failed" else FATAL
    finding = Finding("data.malformed", "Input files were passed over", role, 0.7, "detector: skipped_files")
    finding.root_cause = f"{shown or next(iter(found))} could not be read, and the run went on without {them}."
    finding.evidence = [quote_line(log, line) for log, line in list(found.values())[:QUOTED]]
    cache = ((facts.profile.get("data") or {}).get("cache") or "").replace("{dataset}", facts.dataset)
    again = f", remove {cache}, which was made without {them}," if cache else ""
    files = shown or "the files that could not be read"
    finding.fix = [Fix(f"Repair or restore {files}{again} and run again.", file=named[0] if named else None)]
    finding.prevention = ["Let a file that cannot be read end the run, or count what was read against what is there."]
    finding.would_refute = "the same files read without a warning"
    return [finding]


def _says_so(text: str) -> bool:
    """Whether the line says that something could not be read, as a warning or passing it over, and not on purpose."""
    return bool(
        _UNREADABLE.search(text)
        and (_WARNING.search(text) or _PASSED_OVER.search(text))
        and not _ON_PURPOSE.search(text)
        and not _RAISED.match(strip_prefix(text).body)
    )


def _counted(match: re.Match[str]) -> str:
    return match[0] if match["count"] else ""


def _of_the_data(facts: RunFacts, text: str) -> str:
    """The file of the run's own data that the line names: below its data set's folder, or without a folder to tell."""
    runs = facts.directory.rsplit("/", 2)[0]
    for match in _PATH.finditer(text):
        path = match["path"]
        if f"/{runs}/" in f"/{path}" or "cache" in path:
            continue  # what another run or an earlier one has made
        if facts.dataset and f"/{facts.dataset}/" in f"/{path}":
            return path
        data = re.fullmatch(_DATA, match["type"], re.I) and not _NO_DATA.search(path)
        if data and path.count("/") <= 1 and not path.startswith(("/", "~")):
            return path
    return ""
