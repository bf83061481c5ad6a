"""config.json → Config: every key with the raw line where it stands; and the configs of siblings and needed runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...discover.discovery import RunState
from ...facts import READ, UNREADABLE, Config, ConfigKey, RunFacts, Source
from ...files import open_file, read_text
from ...paths import relative, unreadable
from ...project.project import Project
from ...project.runs import from_id, required_runs
from ...redaction import redact
from ..evidence import config_name
from .json_positions import LARGEST_TEXT, InvalidJson, entries, storable

MOST_SIBLINGS = 24  # runs whose config is kept to compare with; the target has 13 runs in a dataset
MOST_KEYS = 2000


def read(project: Project, run_state: RunState, facts: RunFacts) -> None:
    """Fill facts.config, facts.siblings (other runs' flat values, those of the dataset first), facts.needed_configs."""
    directory, name = run_state.directory, config_name(project.profile)
    facts.config = read_config(directory / name, project.root)
    if facts.config.source.state != READ:
        facts.not_checked.append(f"{facts.config.source.path}: {facts.config.source.reason}")
    if not facts.siblings:
        facts.siblings = read_siblings(directory, project.experiment_root, name)
    for needed in required_runs(from_id(facts.run, project), project.profile):
        config = read_config(project.experiment_root / needed / name, project.root)
        if config.values:
            facts.needed_configs[needed] = config


def read_config(path: Path, root: Path) -> Config:
    """A config.json as flat keys ("vgae.latent_dim") with their lines; UNREADABLE with the position if invalid."""
    try:
        with open_file(path) as stream:
            raw = stream.read(LARGEST_TEXT + 1)
    except OSError as error:
        return Config(unreadable(path, root, error))
    source = Source(relative(path, root))
    if not raw.strip():
        source.state, source.reason = UNREADABLE, f"empty ({len(raw)} bytes)"
        return Config(source)
    if len(raw) > LARGEST_TEXT:
        source.state, source.reason = UNREADABLE, f"larger than {LARGEST_TEXT // 2**20} MB"
        return Config(source)
    try:
        found = entries(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        source.state, source.reason = UNREADABLE, f"not UTF-8 text: byte {error.start}"
        return Config(source)
    except InvalidJson as error:
        source.state, source.reason = UNREADABLE, f"invalid JSON ({len(raw)} bytes): {error}"
        return Config(source)
    return Config(
        source,
        {
            entry.path: ConfigKey(_kept(entry.path, entry.value), entry.line, redact(entry.text))
            for entry in found[:MOST_KEYS]
        },
    )


def read_siblings(directory: Path, experiments: Path, name: str) -> dict[str, dict[str, Any]]:
    """Flat configs of other runs, by run id: the same dataset first, then the same run of other datasets."""
    siblings: dict[str, dict[str, Any]] = {}
    for other in _neighbours(directory, experiments):
        path = f"{other}/{name}"
        try:
            status = os.stat(path)
        except OSError:
            continue
        if (values := _flat_values(path, status.st_size, status.st_mtime_ns)) is not None:
            siblings[relative(other, experiments)] = values
            if len(siblings) >= MOST_SIBLINGS:
                break
    return siblings


def _neighbours(directory: Path, experiments: Path) -> Iterator[Path]:
    """Where siblings may be, nearest first. Lazy: the first two dozen do, and a project may have a thousand."""
    for name in _names(directory.parent):
        if name != directory.name:
            yield directory.parent / name
    for name in _names(experiments):
        if name != directory.parent.name:
            yield experiments / name / directory.name


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


@lru_cache(maxsize=2048)  # every run of a dataset is a sibling of all the others
def _flat_values(path: str, size: int, changed: int) -> dict[str, Any] | None:
    """A config's flat values, None if it holds none. size, changed: of the file, so that a new one is read again."""
    if size > LARGEST_TEXT:
        return None
    try:
        values = json.loads(read_text(Path(path), LARGEST_TEXT))
    except (OSError, ValueError, RecursionError):
        return None
    return flatten(values) if isinstance(values, dict) else None


def flatten(values: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Nested objects as one dict with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and depth < 8:
            flat.update(flatten(value, f"{prefix}{key}.", depth + 1))
        else:
            flat[f"{prefix}{key}"] = _kept(key, value)
    return flat


def _kept(key: str, value: Any) -> Any:
    """A bounded value; a text that is a secret by its key's name is redacted like the line where it stands."""
    name = key.rpartition(".")[2]
    if isinstance(value, str):
        shown = redact(f"{name}: {value[:500]}")
        return shown.removeprefix(f"{name}: ")
    return _bounded(value)


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value[:500])
    if isinstance(value, list):
        return [_bounded(item) for item in value[:32]]
    return storable(value) if isinstance(value, int | float | None) else str(value)[:200]
