"""What the data say about a claim of the log: ids, widths, emptiness, values, types, paths."""

from __future__ import annotations

import re

from ...facts import ABSENT, UNREADABLE, RunFacts
from ...paths import names
from ..detectors.embedding import ids_of_graphs, ids_of_mapping, rows_of_checkpoints
from ..detectors.quoting import number
from ..findings import Evidence, Finding, Support

_INDEXING = re.compile(
    r"index(?:ing)?\b.{0,40}\bout of (?:range|bounds)|srcIndex < srcSelectDimSize|vectorized_gather|embedding", re.I
)
_WIDTHS = re.compile(
    r"\b(\d{1,7})x(\d{1,7}) and (\d{1,7})x(\d{1,7})\b|tensor a \((\d+)\) must match the size of tensor b "
    r"\((\d+)\)|\b(\d{1,9}) features?|expected (\d+)|got (\d+)",
    re.I,
)
_PATH = re.compile(r"(?<![\w.~-])[\w.~-]{0,400}/[\w./~+-]+|(?<![\w-])[\w-]{1,400}\.(?:csv|pt|pkl|json|ckpt|db)\b")


def said(finding: Finding) -> str:
    """All that the finding quotes from logs."""
    return "\n".join(item.text for item in finding.evidence if item.kind == "log")


def ids(finding: Finding, facts: RunFacts, support: Support) -> None:
    """The largest id against the rows of the embedding table."""
    needed = ids_of_graphs(facts)
    limits = [limit for limit in (ids_of_mapping(facts), *rows_of_checkpoints(facts)) if limit]
    if needed is None or not limits or not _INDEXING.search(said(finding) + finding.title):
        return
    limit = min(limits, key=lambda item: item.ids)
    support.evidence += [needed.evidence, limit.evidence]
    if needed.ids > limit.ids:
        support.confirmed_by.append("the data")
        support.explanation.append(
            f"The data need {needed.ids} ids ({needed.evidence.text} in {needed.evidence.source}), the table has "
            f"{limit.ids} rows ({limit.evidence.text} in {limit.evidence.source})."
        )
        support.would_refute = f"a largest id below {limit.ids}"
    elif (
        finding.id == "data.id_out_of_range"
        and facts.stage != "evaluation"
        and facts.cache
        and facts.cache.largest_id is not None
    ):
        # An evaluation reads test data that are not cached; for a training run the cache is what was indexed.
        support.refuted_by.append(
            f"the largest id in the cache, {facts.cache.largest_id}, has a row in the table of {limit.ids}"
        )


def widths(finding: Finding, facts: RunFacts, support: Support) -> None:
    """Feature widths of the cached graphs against those that the pipeline is built for."""
    cache, text = facts.cache, said(finding)
    expected = {
        name: number((facts.profile.get("expected") or {}).get(name)) for name in ("node_features", "edge_features")
    }
    numbers = {int(n) for found in _WIDTHS.findall(text) for n in found if n}
    if cache is None:
        return
    for name, seen in (("node_features", cache.node_features), ("edge_features", cache.edge_features)):
        wanted = expected[name]
        if wanted is not None and seen and seen != [int(wanted)]:
            support.confirmed_by.append("the data")
            support.evidence.append(
                Evidence(
                    cache.source.path, f"{name.replace('_', ' ')}: {seen}", None, "data", f"{wanted:g} are expected"
                )
            )
        elif wanted is not None and seen and finding.id == "data.feature_mismatch" and int(wanted) in numbers:
            support.refuted_by.append(f"all cached graphs have {seen[0]} {name.replace('_', ' ')}, as expected")


def emptiness(finding: Finding, facts: RunFacts, support: Support) -> None:
    """No graphs in the cache, no rows in the CSV files."""
    cache = facts.cache
    if cache and cache.graphs == 0:
        support.confirmed_by.append("the data")
        support.evidence.append(Evidence(cache.source.path, "0 graphs", None, "data"))
    elif cache and cache.metadata_source and cache.metadata.get("num_graphs") == 0:
        support.confirmed_by.append("the data")
        support.evidence.append(Evidence(cache.metadata_source.path, '"num_graphs": 0', None, "data"))
    elif cache and cache.graphs and not cache.empty_graphs and facts.stage != "evaluation":
        support.refuted_by.append(f"the cache holds {cache.graphs} graphs, none of them empty")
    # The training data first: they are what a sampler, a cache or a scaler is made from.
    for split in sorted(facts.data, key=lambda split: "train" not in split.source.path):
        without = split.header_only + split.empty_files
        if not without:
            continue
        support.confirmed_by.append("the CSV files")
        others = f"as {len(without) - 1} more of the {split.files} files there" if len(without) > 1 else ""
        support.evidence.append(Evidence(without[0], f"{without[0]}: no rows", None, "data", others))
        if split.rows == 0 and len(without) == split.files and not support.reason:
            support.reason = f"No CSV file of {split.source.path} ({split.files} in all) holds more than a header."


def values(finding: Finding, facts: RunFacts, support: Support) -> None:
    """Values in the CSV files or in the cached graphs that do not fit."""
    for split in facts.data:
        for bad in split.bad_values[:2]:
            path, _, rest = bad.partition(":")
            line, _, text = rest.partition(": ")
            support.confirmed_by.append("the CSV files")
            support.evidence.append(Evidence(path, text or bad, int(line) if line.isdigit() else None, "data"))
    cache = facts.cache
    if cache and (cache.nan_graphs or cache.source.state == UNREADABLE):
        support.confirmed_by.append("the data")
        text = f"{cache.nan_graphs} graphs with NaN" if cache.nan_graphs else cache.source.reason
        support.evidence.append(Evidence(cache.source.path, text, None, "data"))


def types(finding: Finding, facts: RunFacts, support: Support) -> None:
    """The dtype of the cached features."""
    cache = facts.cache
    if cache is None or not cache.feature_dtypes:
        return
    shown = f"features of dtype {', '.join(cache.feature_dtypes)}"
    if "float64" in cache.feature_dtypes and re.search(r"double|float64", said(finding), re.I):
        support.confirmed_by.append("the data")
        support.evidence.append(Evidence(cache.source.path, shown, None, "data"))


def named_path(finding: Finding, facts: RunFacts, support: Support) -> None:
    """A path that the log names, as it is found on disk."""
    named = {found.rstrip("./") for found in _PATH.findall(said(finding))}
    places = [split.source for split in facts.data]
    places += [
        p
        for p in ((facts.cache.source, facts.cache.mapping_source, facts.cache.metadata_source) if facts.cache else ())
        if p
    ]
    places += [checkpoint.source for checkpoint in facts.checkpoints] + ([facts.config.source] if facts.config else [])
    for place in places:
        if place.state not in (ABSENT, UNREADABLE) or not any(
            names(n, place.path) or names(place.path, n) for n in named
        ):
            continue
        forbidden = "permission" in place.reason
        if forbidden == (finding.id == "io.permission"):
            support.confirmed_by.append("the file system")
            support.evidence.append(Evidence(place.path, place.reason, None, "data", "as it is now"))
