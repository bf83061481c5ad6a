"""The run's data: the cached graphs with their id mapping and metadata, and the CSV directories of its dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ... import yaml_text
from ...discover.discovery import RunState
from ...facts import ABSENT, PARTIAL, READ, UNREADABLE, ConfigKey, GraphCache, RunFacts, Source
from ...files import open_file, read_text
from ...paths import relative, unreadable
from ...project.project import Project
from ...redaction import redact
from ..tensors.helper import HelperDied, shared_helper
from .cache_rebuilds import rebuilds
from .csv_directory import read_csv_directory
from .json_positions import entries, storable

LARGEST_METADATA = 1024 * 1024  # bytes; the target's has 350
MOST_METADATA = 60  # values kept; the target's has 12
LARGEST_CATALOGUE = 4 * 1024 * 1024
METADATA = "cache_metadata.json"
MOST_SPLITS = 12  # the target's largest dataset has 8


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.cache and facts.data. Bounded: large files are sampled, and their facts say how."""
    root, profile = project.root, project.profile
    if profile.data.cache:
        folder = root / profile.data.cache.format(dataset=facts.dataset, domain="")
        facts.cache = read_cache(folder, root)
        dataset = run_state.directory.parent
        found = rebuilds(dataset, dataset.parent, root)
        facts.cache.metadata["rebuilds"] = [vars(rebuild) for rebuild in found]
        if facts.cache.source.state != READ:
            facts.not_checked.append(f"{facts.cache.source.path}: {facts.cache.source.reason}")
        if facts.cache.sampled:
            facts.not_checked.append(f"{facts.cache.source.path}: only {facts.cache.sampled}")
    entry = catalogue_entry(root / profile.data.catalogue, facts.dataset) if profile.data.catalogue else {}
    for path in csv_directories(root, profile.data.csv, facts.dataset, entry)[:MOST_SPLITS]:
        facts.data.append(read_csv_directory(path, root, entry.get("csv_columns") or {}))
    absent = [split.source.path for split in facts.data if split.source.state == ABSENT]
    if absent:
        facts.not_checked.append(f"{', '.join(absent[:3])}{' …' if len(absent) > 3 else ''}: not there")


def catalogue_entry(path: Path, dataset: str) -> dict[str, Any]:
    """What the dataset catalogue says of a dataset; empty if nothing can be read."""
    import yaml

    try:
        values = yaml_text.load(read_text(path, LARGEST_CATALOGUE))
    except (OSError, yaml.YAMLError, RecursionError):
        return {}
    entry = values.get(dataset) if isinstance(values, dict) else None
    return entry if isinstance(entry, dict) else {}


def csv_directories(root: Path, template: str, dataset: str, entry: dict[str, Any]) -> list[Path]:
    """The directories with the dataset's CSV files: those that the catalogue names, else what lies there."""
    if not dataset or not (template or entry.get("csv_dir")):
        return []
    # Without a catalogue the domain is not known: the first folder of any domain that holds the dataset.
    pattern = template.format(dataset=dataset, domain=entry.get("domain") or "*")
    base = entry.get("csv_dir") or next((relative(path, root) for path in sorted(root.glob(pattern))), pattern)
    folder = root / str(base)
    named = [entry.get("train_subdir"), entry.get("train_attack_subdir"), *(entry.get("test_subdirs") or [])]
    listed = [folder / str(name) for name in named if name]
    if not folder.is_dir():
        return [folder]
    return listed or sorted(path for path in folder.iterdir() if path.is_dir()) or [folder]


def read_cache(folder: Path, root: Path) -> GraphCache:
    """processed_graphs.pt, id_mapping.pkl and cache_metadata.json of a cache directory."""
    graphs, mapping, metadata = (
        folder / "processed_graphs.pt",
        folder / "id_mapping.pkl",
        folder / METADATA,
    )
    cache = GraphCache(Source(relative(graphs, root)))
    read_metadata(metadata, root, cache)
    _read_mapping(mapping, root, cache)
    answer = _ask("graphs", graphs, root, cache.source)
    if not answer:
        return cache
    problem, refused = answer.pop("problem", ""), answer.pop("refused", [])
    for name, value in answer.items():
        setattr(cache, name, value)
    if problem:
        cache.source.state, cache.source.reason = UNREADABLE, problem
    elif dangerous := [name for name in refused if is_dangerous(name)]:
        cache.source.state = PARTIAL
        cache.source.reason = f"it names {', '.join(dangerous)}, which loading would run; it was not run"
    return cache


def is_dangerous(name: str) -> bool:
    """Whether a global in a pickle is one that runs commands or code when it is called."""
    module, _, function = name.rpartition(".")
    return module.partition(".")[0] in DANGEROUS_MODULES or (
        module in ("builtins", "__builtin__") and function in DANGEROUS_BUILTINS
    )


DANGEROUS_MODULES = frozenset(
    [
        "os",
        "posix",
        "nt",
        "subprocess",
        "sys",
        "shutil",
        "socket",
        "importlib",
        "runpy",
        "pty",
        "commands",
        "ctypes",
        "webbrowser",
        "code",
        "codeop",
        "pdb",
        "bdb",
        "multiprocessing",
        "threading",
        "asyncio",
        "requests",
        "urllib",
        "http",
        "ftplib",
        "smtplib",
        "tempfile",
        "pathlib2",
        "pip",
        "setuptools",
    ]
)
DANGEROUS_BUILTINS = frozenset(
    [
        "eval",
        "exec",
        "compile",
        "open",
        "__import__",
        "getattr",
        "setattr",
        "input",
        "breakpoint",
        "globals",
        "vars",
        "apply",
    ]
)


def read_metadata(path: Path, root: Path, cache: GraphCache) -> None:
    """Fill the cache's metadata, with the lines where they stand."""
    cache.metadata_source = Source(relative(path, root))
    try:
        with open_file(path) as stream:
            found = entries(stream.read(LARGEST_METADATA).decode("utf-8"))
    except OSError as error:
        cache.metadata_source = unreadable(path, root, error)
    except ValueError as error:
        cache.metadata_source.state, cache.metadata_source.reason = UNREADABLE, f"invalid JSON: {error}"
    else:
        for entry in [e for e in found if isinstance(e.value, str | int | float | bool | None)][:MOST_METADATA]:
            value = entry.value[:200] if isinstance(entry.value, str) else storable(entry.value)
            cache.metadata[entry.path] = value
            cache.metadata_lines[entry.path] = ConfigKey(value, entry.line, redact(entry.text[:400]))


def _read_mapping(path: Path, root: Path, cache: GraphCache) -> None:
    cache.mapping_source = Source(relative(path, root))
    answer = _ask("mapping", path, root, cache.mapping_source)
    if not answer:
        return
    dangerous = [name for name in answer.get("refused") or [] if is_dangerous(name)]
    if dangerous:
        cache.mapping_source.state = UNREADABLE
        cache.mapping_source.reason = f"it names {', '.join(dangerous)}, which loading would run; it was not run"
    elif "problem" in answer:
        cache.mapping_source.state, cache.mapping_source.reason = UNREADABLE, answer["problem"]
    cache.id_count, cache.oov_index = answer.get("count"), answer.get("oov")


def _ask(task: str, path: Path, root: Path, source: Source) -> dict[str, Any]:
    """The helper's answer about a file; empty if there is none, and `source` says why."""
    try:
        return shared_helper().ask(task, path=str(path))
    except OSError as error:
        found = unreadable(path, root, error)
        source.state, source.reason = found.state, found.reason
    except HelperDied as error:
        source.state, source.reason = UNREADABLE, str(error)
    return {}
