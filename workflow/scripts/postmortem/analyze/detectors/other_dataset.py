"""A run that works with models of another data set: what it needs was copied from there, or is loaded from there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...facts import RunFacts
from ..findings import FATAL, Evidence, Finding, Fix
from ..remedies.run_again import stage_command
from .quoting import log_lines, quote_config, quote_line

# Keys that say on which data set a run worked, by their last words: dataset, data.name, dataset_name, data_dir.
_DATASET_KEY = re.compile(
    r"(?:^|[._])(?:data_?sets?(?:[._](?:name|id|dir|path|root))?|data[._](?:name|id|dir|path|root))$", re.I
)
# Keys by which a configuration says that another data set is meant: source_dataset, pretrained_on, finetune_from.
_MEANT = re.compile(r"source|pre_?train|transfer|fine_?tune|init|base|train(?:ed)?_(?:on|data)|from", re.I)
_LOADED = re.compile(r"\b(?:load|read|restor|us(?:ing|ed?)\b|resum|from\b|frozen)", re.I)


def detect(facts: RunFacts) -> list[Finding]:
    """config.mismatch: a run that this one needs was trained on other data, by its frozen configuration or its path."""
    if not facts.dataset or facts.state == "running":
        return []
    found = next(_copied(facts), None) or next(_loaded_from_elsewhere(facts), None)
    return [found] if found else []


def _copied(facts: RunFacts) -> Iterator[Finding]:
    """Needed runs of this data set whose frozen configuration names another one."""
    for run, config in facts.needed_configs.items():
        named = {
            key: found
            for key, found in config.values.items()
            if isinstance(found.value, str) and _DATASET_KEY.search(key) and not _MEANT.search(key)
        }
        if any(_plain(facts.dataset) in _parts(found.value) for found in named.values()):
            continue
        for key, found in named.items():
            if not _is_other(facts, found.value):
                continue
            other = found.value.rstrip("/").rpartition("/")[2]
            if _is_meant(facts, other):
                continue
            finding = _finding(facts, run, other)
            finding.evidence = [
                Evidence(
                    config.source.path,
                    found.text.strip(),
                    found.line,
                    "config",
                    f"this run uses it for {facts.dataset}",
                )
            ]
            finding.root_cause = (
                f"This run uses the model of {run}, whose frozen configuration says {key} {other}: it was copied "
                f"from there, and its numbers say nothing about {facts.dataset}."
            )
            finding.would_refute = f"a configuration of {run} that says {facts.dataset}"
            yield finding


def _is_other(facts: RunFacts, value: str) -> bool:
    """Whether the value names another data set. A path does if it ends in one that is known by its runs."""
    parts = _parts(value)
    if not parts:
        return False
    return len(parts) == 1 or parts[-1] in {_plain(run.partition("/")[0]) for run in facts.siblings}


def _parts(path: str) -> list[str]:
    return [_plain(part) for part in path.split("/") if part]


def _plain(name: str) -> str:
    """A name without what is written in one way here and in another there: HCRL-SA is hcrl_sa."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _loaded_from_elsewhere(facts: RunFacts) -> Iterator[Finding]:
    """Configuration values and log lines that name the same run of another data set, in place of the one needed."""
    names = {run.partition("/")[2]: run for run in facts.needed_configs} or {
        facts.name.replace(facts.stage, stage, 1): "" for stage in _needed_stages(facts)
    }
    if not names:
        return
    root = re.escape(facts.directory.rsplit("/", 2)[0])
    elsewhere = re.compile(
        rf"(?:^|[\s'\"=/]){root}/(?P<dataset>[^/\s'\"]+)/(?P<name>{'|'.join(map(re.escape, names))})(?=[/\s'\"]|$)"
    )
    for key, found in (facts.config.values if facts.config else {}).items():
        match = elsewhere.search(found.value) if isinstance(found.value, str) else None
        # The teacher's path is judged beside all that is known of teachers (distillation.py).
        if match and match["dataset"] != facts.dataset and key != _teacher_key(facts):
            yield _from_path(facts, match, quote_config(facts, key))
    for log, line, match in log_lines(facts, elsewhere):
        if match["dataset"] != facts.dataset and _LOADED.search(line.text) and not _is_meant(facts, match["dataset"]):
            yield _from_path(facts, match, [quote_line(log, line)])


def _needed_stages(facts: RunFacts) -> list[str]:
    return list(((facts.profile.get("stages") or {}).get(facts.stage) or {}).get("needs") or [])


def _teacher_key(facts: RunFacts) -> str:
    return str((facts.profile.get("teacher") or {}).get("config_key") or "")


def _is_meant(facts: RunFacts, other: str) -> bool:
    """Whether the run's own configuration says that it works with the other data set: transfer, a list of sets."""
    for key, found in (facts.config.values if facts.config else {}).items():
        values = found.value if isinstance(found.value, list) else [found.value]
        if other in values and (isinstance(found.value, list) or _MEANT.search(key)):
            return True
    return False


def _from_path(facts: RunFacts, match: re.Match[str], evidence: list[Evidence]) -> Finding:
    other = match["dataset"]
    finding = _finding(facts, f"{facts.dataset}/{match['name']}", other)
    finding.title = f"It loads {other}/{match['name']}"
    finding.evidence = evidence
    finding.root_cause = (
        f"This run of {facts.dataset} loads {other}/{match['name']}, a model of another data set: its numbers say "
        f"nothing about {facts.dataset}."
    )
    finding.would_refute = f"the same path below {facts.dataset}"
    own = finding.evidence and f"{facts.dataset}/{match['name']}" in facts.needed_configs
    if own:  # it is there, and as it should be: only the path is wrong
        right = match[0].strip(" '\"=").replace(f"/{other}/", f"/{facts.dataset}/")
        finding.fix.insert(0, Fix(f"Let this run load {right}, not that of {other}, and run it again."))
    return finding


def _finding(facts: RunFacts, run: str, other: str) -> Finding:
    """What all of them have in common. run: the one that should have been trained on this data set."""
    finding = Finding("config.mismatch", f"{run} was trained on {other}", FATAL, 0.75, "detector: other_dataset")
    name = run.partition("/")[2]
    stage = next((s for s in _needed_stages(facts) if name == facts.name.replace(facts.stage, s, 1)), facts.stage)
    directory = f"{facts.directory.rsplit('/', 2)[0]}/{run}"
    command = stage_command(facts, stage, directory, {"dataset": facts.dataset})
    finding.fix = [Fix(f"Train {run} on {facts.dataset}, then run this one again.", command or None)]
    finding.prevention = ["Refuse a checkpoint whose frozen configuration names another dataset."]
    finding.explains = ["training.*"]
    return finding
