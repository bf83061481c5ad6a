"""data.stale_cache: a cache that is refused and rebuilt by run after run."""

from __future__ import annotations

from typing import Any

from ...facts import RunFacts
from ..findings import FATAL, HINT, SYMPTOM, Evidence, Finding, Fix
from ..remedies.shell import argument

# One rebuild is how a cache is made, a second may follow new data; the third says that making it does not help.
REPEATED = 3


def detect(facts: RunFacts) -> list[Finding]:
    """The run refused the cache, and so did others; or it is at least the third that had to make it."""
    found: list[dict[str, Any]] = (facts.cache.metadata.get("rebuilds") or []) if facts.cache else []
    own = next((r for r in found if r["run"] == facts.run), None)
    if own is None:
        return []
    refusals = [r for r in found if r["refused"]]
    index = found.index(own)
    if own["refused"] and len(refusals) > 1:
        return [_finding(facts, own, [r for r in found if r is not own], 0.85)]
    # What an earlier run of this dataset has saved cannot be read either: it is damaged again, or always was.
    if own["damaged"] and index:
        return [_finding(facts, own, found[:index], 0.7)]
    if index + 1 >= REPEATED:
        return [_finding(facts, own, found[:index], 0.6)]
    if own["refused"]:
        finding = _finding(facts, own, [], 0.45)
        finding.role = HINT
        return [finding]
    return []


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
    folder = (facts.profile.get("data") or {}).get("cache", "").replace("{dataset}", facts.dataset)
    finding.confirmed_by = ["the logs of other runs"] if others else []
    finding.fix = [
        Fix(
            "Compare the format and version that the loader expects with what is saved in "
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
