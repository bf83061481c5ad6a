"""The run's data against what the model and the profile expect: ids, widths, emptiness, NaN, types, labels."""

from __future__ import annotations

from ...facts import UNREADABLE, GraphCache, RunFacts
from ..findings import FATAL, HINT, SYMPTOM, Evidence, Finding, Fix
from ..remedies.run_again import rerun
from ..remedies.shell import argument
from .embedding import ids_of_graphs, ids_of_mapping, rows_of_checkpoints
from .numerics import not_finite
from .quoting import number


def detect(facts: RunFacts) -> list[Finding]:
    """data.* and training.dtype_mismatch, of runs that failed or whose results are in doubt."""
    if facts.state == "running":
        return []
    findings = [*_empty_directories(facts), *_bad_values(facts)]
    if facts.cache:
        cache = facts.cache
        findings += [*_ids(facts), *_widths(facts, cache), *_empty(facts, cache), *_not_a_number(facts, cache)]
        findings += [*_types(facts, cache), *_labels(facts, cache), *_hostile(cache), *_metadata(facts, cache)]
    if facts.state not in ("failed", "unknown"):
        # A run that ended well has coped with its data; what they look like now may be younger than the run.
        explained = any(not_finite(curve) for curve in facts.curves)
        for finding in findings:
            keep = explained and finding.id == "data.malformed" and "training.nan_loss" in finding.explains
            finding.role, finding.confidence = (finding.role, finding.confidence) if keep else (HINT, 0.3)
    return findings


def _finding(id: str, title: str, confidence: float, role: str = FATAL) -> Finding:
    finding = Finding(id, title, role, confidence, "detector: data")
    finding.confirmed_by = ["the data"]
    return finding


def _cache_fix(facts: RunFacts, text: str) -> Fix:
    """Delete the dataset's cache and run the stage again, which makes it anew."""
    folder = ((facts.profile.get("data") or {}).get("cache") or "").replace("{dataset}", facts.dataset)
    if not folder:
        return Fix(text)
    return Fix(text, " && ".join(filter(None, [f"rm -r {argument(folder)}", rerun(facts)])), None, folder)


def _ids(facts: RunFacts) -> list[Finding]:
    """Ids in the graphs beyond the mapping or the embedding table."""
    needed, mapped = ids_of_graphs(facts), ids_of_mapping(facts)
    tables = rows_of_checkpoints(facts) if facts.state in ("failed", "unknown") else []
    limits = [
        limit for limit in (mapped, *tables) if limit is not None and needed is not None and needed.ids > limit.ids
    ]
    if needed is None or not limits:
        return []
    limit = min(limits, key=lambda item: item.ids)
    finding = _finding("data.id_out_of_range", "Ids in the data exceed the embedding table", 0.75)
    finding.root_cause = (
        f"The cached graphs need {needed.ids} ids ({needed.evidence.text}), but {limit.evidence.source} has "
        f"{limit.ids} "
        f"({limit.evidence.text}): ids from {limit.ids} on have no row, and unseen ones must map to the OOV index."
    )
    finding.evidence = [needed.evidence, limit.evidence]
    finding.fix = [
        _cache_fix(
            facts,
            "Rebuild the cache so that graphs and id mapping come from the same preprocessing, and train again "
            "from the first stage.",
        )
    ]
    finding.prevention = [
        "Write mapping and graphs in one step, and compare their counts when they are loaded.",
        "Map unseen ids to the OOV index; never grow the table.",
    ]
    finding.would_refute = f"a largest id below {limit.ids}"
    finding.explains = ["gpu.device_assert", "gpu.illegal_access", "gpu.library", "code.bug", "model.shape_mismatch"]
    return [finding]


def _widths(facts: RunFacts, cache: GraphCache) -> list[Finding]:
    findings = []
    for name, widths, stated in (
        ("node_features", cache.node_features, number(cache.metadata.get("node_feature_dim"))),
        ("edge_features", cache.edge_features, number(cache.metadata.get("edge_feature_dim"))),
    ):
        expected = number((facts.profile.get("expected") or {}).get(name))
        seen = widths or ([int(stated)] if stated is not None else [])
        if expected is None or not seen or cache.graphs == 0 or seen == [int(expected)]:
            continue
        place = cache.source if widths else cache.metadata_source
        finding = _finding(
            "data.feature_mismatch",
            f"Cached graphs have {seen} {name.replace('_', ' ')}, {expected:g} are expected",
            0.75,
        )
        finding.root_cause = (
            f"The cached graphs have {', '.join(map(str, seen))} {name.replace('_', ' ')}; "
            f"pipeline and model are built for {expected:g}."
        )
        finding.evidence = [
            Evidence(
                place.path if place else "", f"{name.replace('_', ' ')}: {seen}", None, "data",
                f"the profile expects {expected:g}",
            )
        ]  # fmt: skip
        again = _cache_fix(facts, f"Rebuild the cache with {expected:g} {name.replace('_', ' ')}.")
        finding.fix = [again]
        finding.clears = f"rm -r {argument(again.file)}" if again.file else ""
        finding.prevention = ["Check the widths of cached graphs against the constants when they are loaded."]
        finding.would_refute = f"graphs of width {expected:g}"
        finding.explains = ["model.shape_mismatch", "model.state_dict_mismatch", "code.bug"]
        findings.append(finding)
    return findings


def _empty(facts: RunFacts, cache: GraphCache) -> list[Finding]:
    count = cache.graphs if cache.graphs is not None else number(cache.metadata.get("num_graphs"))
    all_empty = bool(cache.graphs) and cache.empty_graphs == cache.graphs
    if count != 0 and not all_empty:
        return []
    place = cache.source if cache.graphs is not None else cache.metadata_source or cache.source
    finding = _finding("data.empty", "The cache holds no graphs", 0.75)
    finding.root_cause = f"{place.path} holds {'only graphs without nodes or edges' if all_empty else 'no graph'}."
    finding.evidence = [
        Evidence(place.path, f"{count:g} graphs, {cache.empty_graphs or 0} of them empty", None, "data")
    ]
    expected = facts.profile.get("expected") or {}
    window = (
        f"window {expected['window_size']}, stride {expected.get('stride', expected['window_size'])}"
        if "window_size" in expected
        else "window and stride"
    )
    finding.fix = [
        _cache_fix(
            facts,
            f"Restore the rows of the CSV files first (more than one {window}); then the command deletes the empty "
            "cache and runs again.",
        )
    ]
    finding.prevention = ["Make an empty dataset an error when it is built, before it is cached."]
    finding.would_refute = "a cache with graphs"
    finding.explains = ["code.bug", "config.invalid", "data.malformed"]
    return [finding]


def _empty_directories(facts: RunFacts) -> list[Finding]:
    findings = []
    for split in facts.data:
        without = len(split.header_only) + len(split.empty_files)
        if split.files and split.rows == 0 and without:
            finding = _finding("data.empty", f"The CSV files of {split.source.path} have no rows", 0.7)
            finding.root_cause = (
                f"{without} of {split.files} CSV files in {split.source.path} hold "
                f"{'only a header' if split.header_only else 'nothing'}."
            )
            finding.evidence = [
                Evidence(name, f"{name}: {'a header, no row' if name in split.header_only else 'empty'}", None, "data")
                for name in (split.header_only + split.empty_files)[:3]
            ]
            finding.fix = [
                Fix(
                    f"Restore the CSV files of {split.source.path}.",
                    f"head -n 2 {split.source.path}/*.csv",
                    None,
                    split.source.path,
                )
            ]
            finding.prevention = ["Check row counts when data are ingested."]
            finding.explains = ["code.bug"]
            findings.append(finding)
    return findings[:2]


def _bad_values(facts: RunFacts) -> list[Finding]:
    findings = []
    for split in facts.data:
        if split.bad_values:
            finding = _finding("data.malformed", f"Values in {split.source.path} do not fit", 0.5, SYMPTOM)
            finding.root_cause = f"{split.bad_values[0]} ({split.sampled})."
            for bad in split.bad_values[:3]:
                path, _, rest = bad.partition(":")
                line, _, text = rest.partition(": ")
                finding.evidence.append(Evidence(path, text or bad, int(line) if line.isdigit() else None, "data"))
            finding.fix = [
                Fix(
                    "Convert the files to what the dataset catalogue says, or correct the catalogue.",
                    None,
                    None,
                    finding.evidence[0].source,
                    finding.evidence[0].line,
                )
            ]
            finding.prevention = ["Check column types when data are ingested."]
            finding.explains = ["code.bug", "training.nan_loss"]
            findings.append(finding)
    return findings[:2]


def _not_a_number(facts: RunFacts, cache: GraphCache) -> list[Finding]:
    if not cache.nan_graphs:
        return []
    finding = _finding("data.malformed", "The cached graphs hold NaN", 0.8)
    finding.root_cause = (
        f"{cache.nan_graphs} of {cache.graphs} cached "
        f"graphs{f' ({cache.sampled})' if cache.sampled else ''} hold NaN or infinite features, which every "
        "loss of a batch with one of them becomes."
    )
    finding.evidence = [
        Evidence(cache.source.path, f"{cache.nan_graphs} graphs with NaN or infinite features", None, "data")
    ]
    finding.fix = [
        _cache_fix(
            facts,
            "Find the rows that give NaN (a division by a constant column, a missing value), and rebuild the cache.",
        )
    ]
    finding.prevention = ["Check features for NaN before they are cached."]
    finding.would_refute = "finite features in all graphs"
    finding.explains = ["training.nan_loss", "training.divergence", "gpu.device_assert"]
    return [finding]


def _types(facts: RunFacts, cache: GraphCache) -> list[Finding]:
    if "float64" not in cache.feature_dtypes:
        return []
    finding = _finding("training.dtype_mismatch", "The cached features are float64", 0.6, SYMPTOM)
    finding.root_cause = "The cached features are float64, the weights of a model are float32."
    finding.evidence = [
        Evidence(cache.source.path, f"features of dtype {', '.join(cache.feature_dtypes)}", None, "data")
    ]
    finding.fix = [_cache_fix(facts, "Rebuild the cache with float32 features (x.float()).")]
    return [finding]


def _labels(facts: RunFacts, cache: GraphCache) -> list[Finding]:
    classes = number((facts.profile.get("expected") or {}).get("classes")) or 2
    # -100 is what losses ignore; a label of that value is meant.
    outside = [label for label in cache.labels if (label < 0 and label != -100) or label >= classes]
    if not outside:
        return []
    finding = _finding("data.label_out_of_range", "Labels lie outside the classes", 0.6, SYMPTOM)
    finding.root_cause = (
        f"The cached graphs have the labels {outside[:5]}, but there are {classes:g} classes (0 … {classes - 1:g})."
    )
    finding.evidence = [Evidence(cache.source.path, f"labels {cache.labels[:10]}", None, "data")]
    finding.fix = [_cache_fix(facts, "Map the labels to 0 … classes - 1 and rebuild the cache.")]
    finding.explains = ["gpu.device_assert"]
    return [finding]


def _hostile(cache: GraphCache) -> list[Finding]:
    findings = []
    for place in (cache.source, cache.mapping_source):
        if place and "which loading would run" in place.reason:
            finding = _finding("data.malformed", "A cached file would run code", 0.8)
            finding.root_cause = f"{place.path}: {place.reason}."
            finding.evidence = [Evidence(place.path, place.reason, None, "data")]
            finding.fix = [
                Fix("Do not load it. Find out who wrote it, delete it, and rebuild the cache.", None, None, place.path)
            ]
            finding.prevention = ["Save mappings as JSON, not as pickles."]
            findings.append(finding)
    return findings


def _metadata(facts: RunFacts, cache: GraphCache) -> list[Finding]:
    """What the metadata state, against the graphs and the profile."""
    problems: list[tuple[str, str]] = []  # key of the metadata, "" for the graphs themselves, and what is wrong
    stated = number(cache.metadata.get("num_graphs"))
    if cache.graphs is not None and stated is not None and stated != cache.graphs:
        problems.append(("num_graphs", f"num_graphs is {stated:g}, the cache holds {cache.graphs}"))
    for key in ("window_size", "stride"):
        expected, found = number((facts.profile.get("expected") or {}).get(key)), number(cache.metadata.get(key))
        if expected is not None and found is not None and expected != found:
            problems.append((key, f"{key} is {found:g}, {expected:g} is expected"))
    if cache.source.state == UNREADABLE:
        problems.append(("", f"{cache.source.path}: {cache.source.reason}"))
    if not problems or cache.metadata_source is None:
        return []
    finding = _finding("data.stale_cache", "The cache does not fit its metadata", 0.35, HINT)
    finding.root_cause = "; ".join(problem for _, problem in problems) + "."
    for key, problem in problems[:3]:
        line = cache.metadata_lines.get(key)
        finding.evidence.append(
            Evidence(cache.metadata_source.path, line.text.strip(), line.line, "data", problem)
            if line
            else Evidence(cache.source.path, problem, None, "data")
        )
    finding.fix = [_cache_fix(facts, "Delete the cache, so that it is built anew.")]
    return [finding]
