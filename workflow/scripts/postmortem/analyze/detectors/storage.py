"""data.stale_cache: a cache that is refused and rebuilt by run after run."""

from __future__ import annotations

import re
from typing import Any

from ...facts import ConfigKey, GraphCache, RunFacts
from ...log_prefix import strip_prefix
from ..findings import FATAL, HINT, SYMPTOM, Evidence, Finding, Fix
from ..remedies.shell import argument
from .quoting import config_value

# One rebuild is how a cache is made, a second may follow new data; the third says that making it does not help.
REPEATED = 3
_FORCED = re.compile(
    r"force_?(?:re)?(?:build|process|load|cache)|(?:rebuild|overwrite|refresh|regenerate)_?cache", re.I
)
_WITHOUT = re.compile(r"(?:^|[._])(?:use_?(?:data_?)?cache|cache_?(?:data|enabled))$", re.I)
_NUMBER = re.compile(r"\d+")
# How a refusal says what it found, and what it wants: "3 -> 4", "expected 4, got 3", "cached 1.0, current 1.1".
_VALUE = r"(?<![\w.+-])([\w.+-]{0,60}\w)"
_REFUSED_VALUE = re.compile(
    rf"(?i){_VALUE}['\"]? ?->|\b(?:got|found|has|have|holds|cached|stored|saved|was|old|metadata)(?: is)?"
    rf"[ :='\"]+{_VALUE}"
)
_WANTED_VALUE = re.compile(
    rf"(?i)->[ '\"]?{_VALUE}|\b(?:expected|expects?|wanted|wants?|needs?|needed|required|requires?|current|now|new)"
    rf"(?: is)?[ :='\"]+{_VALUE}"
)


def detect(facts: RunFacts) -> list[Finding]:
    """The run refused the cache, and so did others; or the metadata still state what it refused them for."""
    found: list[dict[str, Any]] = (facts.cache.metadata.get("rebuilds") or []) if facts.cache else []
    own = next((r for r in found if r["run"] == facts.run), None)
    if own is None or own["accepted"] or _on_purpose(facts):
        return []
    others = _in_vain(found, own)
    before = [r for r in others if found.index(r) < found.index(own)]
    refusals = [r for r in others if r["refused"]]
    if own["refused"] and any(_reason(r) == _reason(own) for r in refusals):
        return [_finding(facts, own, others, 0.85)]
    if own["refused"] and _contradiction(facts.cache, own):
        return [_finding(facts, own, refusals, 0.75)]
    # For other reasons each time: data that changed, unless as much is saved as ever.
    if own["refused"] and len([r for r in others if _as_much(r, own)]) + 1 >= REPEATED:
        return [_finding(facts, own, others, 0.6)]
    # What an earlier run of this dataset has saved cannot be read either: it is damaged again, or always was.
    if own["damaged"] and before:
        return [_finding(facts, own, before, 0.7)]
    if not own["refused"] and len([r for r in before if _as_much(r, own)]) + 1 >= REPEATED:
        return [_finding(facts, own, before, 0.6)]
    if own["refused"]:
        finding = _finding(facts, own, [], 0.45)
        finding.role = HINT
        return [finding]
    return []


def _on_purpose(facts: RunFacts) -> bool:
    """Whether the configuration wants the cache to be made anew, or none."""
    keys = facts.config.values if facts.config else {}
    return any(_FORCED.search(key) and config_value(facts, key) is True for key in keys) or any(
        _WITHOUT.search(key) and config_value(facts, key) is False for key in keys
    )


def _in_vain(found: list[dict[str, Any]], own: dict[str, Any]) -> list[dict[str, Any]]:
    """The other runs that made the cache anew, with no run in between that was content with it.

    Those that were at it at the same time as this one could not have used each other's: they do not count.
    """
    place = found.index(own)
    begin = max((i + 1 for i, r in enumerate(found[:place]) if r["accepted"]), default=0)
    end = min((i for i, r in enumerate(found) if i > place and r["accepted"]), default=len(found))
    return [r for r in found[begin:end] if r is not own and not _at_once(r, own)]


def _at_once(one: dict[str, Any], other: dict[str, Any]) -> bool:
    first, second = sorted((one, other), key=lambda r: r["began"])
    return bool(first["ended"] and second["began"] and second["began"] < first["ended"])


def _reason(rebuild: dict[str, Any]) -> str:
    """Why a run refused the cache, without the time and the place of its saying so."""
    return strip_prefix(rebuild["text"]).body.strip()


def _as_much(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two runs saved equally much, as far as they say: with other data it would be another number."""
    return not (one["saved"] and other["saved"]) or _counts(one) == _counts(other)


def _counts(rebuild: dict[str, Any]) -> list[str]:
    return _NUMBER.findall(strip_prefix(rebuild["saved"]).body)


def _contradiction(cache: GraphCache | None, own: dict[str, Any]) -> list[Evidence]:
    """The line of the metadata that still states what the run refused the cache for, though it has made it anew."""
    if cache is None or not own["refused"]:
        return []
    for key, stated in _named(cache, own):
        words = re.split(rf"(?i){re.escape(key)}|{re.escape(key.replace('_', ' '))}", _reason(own), maxsplit=1)[-1]
        refused = {match[1] or match[2] for match in _REFUSED_VALUE.finditer(words)}
        wanted = {value for match in _WANTED_VALUE.finditer(words) if _alike(value := match[1] or match[2], stated)}
        if wanted and str(stated.value) in refused - wanted:
            return [_quote(cache, stated, f"{', '.join(sorted(wanted))} is wanted")]
    return []


def _alike(value: str, stated: ConfigKey) -> bool:
    """Whether both are numbers, or versions, or none is: "current on disk" names no value."""
    return bool(_NUMBER.search(value)) == bool(_NUMBER.search(str(stated.value)))


def _named(cache: GraphCache, own: dict[str, Any]) -> list[tuple[str, ConfigKey]]:
    """The values of the metadata that a refusal names, by their key or by its words."""
    said = _reason(own).lower()
    keys = [key for key in cache.metadata_lines if key.lower() in said or key.lower().replace("_", " ") in said]
    # What people call them: "graph count", "version".
    keys += [
        key
        for word, ending in (("version", "version"), ("graph", "num_graphs"))
        for key in cache.metadata_lines
        if key not in keys and word in said and key.endswith(ending)
    ]
    return [(key, cache.metadata_lines[key]) for key in keys]


def _quote(cache: GraphCache, stated: ConfigKey, note: str = "") -> Evidence:
    path = cache.metadata_source.path if cache.metadata_source else ""
    return Evidence(path, stated.text.strip(), stated.line, "data", note)


def _finding(facts: RunFacts, own: dict[str, Any], others: list[dict[str, Any]], confidence: float) -> Finding:
    finding = Finding(
        "data.stale_cache", "The data cache is rebuilt on every run", FATAL, confidence, "detector: storage"
    )
    # A run that failed waited for its data, but did not fail by that.
    finding.role = SYMPTOM if facts.state == "failed" else FATAL
    finding.evidence = [
        Evidence(r["source"], r["text"].strip(), r["line"], "log", r["run"]) for r in (own, *others[:3])
    ]
    runs = ", ".join(sorted({r["run"] for r in others}))
    finding.root_cause = "This run refused the cached data and made them anew" + (
        f"; so did {runs}: what is saved is not what is accepted." if runs else "."
    )
    against = _contradiction(facts.cache, own)
    for item in against:
        stated = f"{item.source} states {item.text.strip(',')}"
        finding.root_cause += f" {stated}, though {item.note}: it will be refused again."
    if not against and facts.cache and own["refused"]:
        named = _named(facts.cache, own)[:2]
        finding.evidence += [_quote(facts.cache, stated, "what the cache says of itself") for _, stated in named]
    finding.evidence += against
    folder = (facts.profile.get("data") or {}).get("cache", "").replace("{dataset}", facts.dataset)
    finding.confirmed_by = ["the logs of other runs"] if others else []
    finding.confirmed_by += ["the cache's metadata"] if against else []
    wrong = against[0] if against else None
    finding.fix = [
        Fix(
            f"Let what writes {wrong.source} write what the loader wants there ({wrong.note}), or correct the loader; "
            "then delete the cache once."
            if wrong
            else "Compare the format and version that the loader expects with what is saved in "
f"{folder or 'the cache'}; then delete the cache once.",
            f"rm -r {argument(folder)}" if folder else None, None, folder or None,
        )
    ]  # fmt: skip
    finding.prevention = [
        "Test that a cache that was just saved is accepted when it is loaded.",
        "Make a refused cache an error, not a warning.",
    ]
    finding.would_refute = "a later run that loads the cache"
    return finding
