"""What launchers and loggers put before a message: ranks, times, levels, logger names."""

from __future__ import annotations

import re
from dataclasses import dataclass

# "[rank3]: ", "[rank3]:[E1122 …]", "[default2]:", "[3]: ", "3: " (srun --label), "(Worker pid=12) ", "rank 3: "
_RANK = re.compile(
    r"^\s?(?:\[(?:rank|default|Rank |RANK |GPU ?|gpu)?(?P<a>\d{1,4})\](?::|,?\s)"
    r"|(?:rank|Rank|RANK)[ _]?(?P<b>\d{1,4})\]?:\s?"
    r"|(?P<c>\d{1,4}): (?=\S|  )|\[node-?\d+:(?P<d>\d{1,4})\]:?|\[\d+,(?P<e>\d{1,4})\]<std(?:err|out)>:?"
    r"|\((?:\w+ )?pid=(?P<f>\d+)[^)]*\)) ?"
)
_TIME = (
    r"(?:(?:\w{3} )?(?:\w{3} +\d{1,2}|[^\W\d]{3,5}\.?-\d\d|"
    r"\d{4}[-/]\d\d[-/]\d\d|\d\d[-/]\d\d(?:[-/]\d{2,4})?)[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r"(?:Z|[+-]\d\d:?\d\d)?(?: \d{4})?|\d\d:\d\d:\d\d(?:[.,]\d+)?)"
)
_LEVELS = (
    r"(?P<level>DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL|TRACE|NOTICE|debug|info|warning|error|critical|fatal)"
    r"(?![A-Za-z])"
)
_LEVELS_2, _LEVELS_3 = _LEVELS.replace("level", "level2"), _LEVELS.replace("level", "level3")
# "2026-11-22 22:06:04,655  pipeline  ERROR    text", "[2026-… ][ERROR] text", "2026-… | ERROR | mod:f:3 - text",
# "Jun-05 07:18:39.649 [main] DEBUG nextflow.Session - text": the month as the machine's language writes it
_LOGGED = re.compile(
    rf"^\s?\[?(?P<time>{_TIME})\]?(?:\s*\|)?[\s:,-]*"
    rf"(?:\[?{_LEVELS}\]?(?P<bar>\s*\|)?"
    rf"|(?P<mid>(?:\[[\w.:/ <>-]{{1,80}}\]|[\w.:/<>-]{{1,80}}(?:\s*\|)?)[\s:,-]{{0,20}})\[?{_LEVELS_2}\]?(?:\s*\|)?)?"
    r"(?:\s*\[[^\]]{1,60}\])*(?:\s+[a-z]\w*(?:\.\w+)*\.[A-Z]\w* - )?[\s:-]*"
)
_BARE_LEVEL = re.compile(rf"^(?:\[{_LEVELS}\]|{_LEVELS_2}(?::[\w.<>/-]{{1,80}})?:|{_LEVELS_3} +(?:\d\d-\d\d|\[))\s*")
# glog and torch's own C++ logs: "[E1122 10:00:00.123 ProcessGroupNCCL.cpp:563]", "E1122 10:00:00.1 12 file.cc:3]"
_GLOG = re.compile(r"^\[?(?P<level>[IWEF])(?:\d{4}|\d{8}|\d{6})[ -]\d\d:\d\d:\d\d(?:\.\d+)? [^\]]{0,120}\]\s?")
# An error that was made bold where the log was pasted.
_EMPHASISED = re.compile(r"^\*\*((?:[\w.]+(?:Error|Exception)\b|Traceback \(most).*?)\*\*$")
# What stands in front of a traceback that ends nothing: what a dying interpreter, or a logger, could not do.
REPORTED_ONLY = re.compile(r"^(?:Exception ignored (?:in|on)\b|--- Logging error ---)")
_GLOG_LEVELS = {"I": "INFO", "W": "WARNING", "E": "ERROR", "F": "FATAL"}


@dataclass
class Prefixed:
    """A line taken apart: `body` is what is left without rank, time and level."""

    body: str
    rank: int | None = None
    label: str = ""  # the rank label as it stands, to tell the streams of several processes apart
    level: str = ""  # upper case
    time: str = ""


def strip_prefix(text: str) -> Prefixed:
    """Take rank, time and level off the beginning of a line."""
    parts = Prefixed(text)
    if not text:
        return parts
    if text[0] in " [(rR0123456789G" and (match := _RANK.match(text)):
        rank = next((group for name, group in match.groupdict().items() if group and name != "f"), None)
        parts.rank = int(rank) if rank is not None else None
        parts.label = match[0].strip()
        parts.body = text[match.end() :]
    body = parts.body
    if match := _GLOG.match(body):
        parts.level = _GLOG_LEVELS[match["level"]]
        parts.body = body[match.end() :]
    elif (match := _LOGGED.match(body)) and match.end() <= len(body):
        parts.time = match["time"]
        parts.level = (match["level"] or match["level2"] or "").upper()
        if parts.level or not body[match.end("time") :].lstrip("]").startswith(("%", ":")):
            parts.body = body[match.end() :] if parts.level else body[match.end("time") :].lstrip("] |")
    elif match := _BARE_LEVEL.match(body):
        parts.level = (match["level"] or match["level2"] or match["level3"]).upper()
        parts.body = body[match.end() :]
    if parts.body[:2] == "**" and (emphasised := _EMPHASISED.match(parts.body)):
        parts.body = emphasised[1]
    return parts
