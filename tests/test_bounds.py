"""What a few lines of a hostile or careless file may cost: seconds and megabytes, never minutes and gigabytes."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from made_runs import CRASH, make_run
from whole_chain import diagnosed

from postmortem import yaml_text
from postmortem.analyze.wording import render
from postmortem.collect.files.json_positions import LONGEST_LINE, entries
from postmortem.errors import ConfigError
from postmortem.project import profile

RUN = "set_01/teacher_autoencoder"
SECONDS, MEGABYTES = 12, 450  # on a busy machine; a plain diagnosis takes half a second and 60 MB
NESTED = {f"key_{i}": {"a": i, "b": [1, 2, 3]} for i in range(20_000)}
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def one_line_config(root: Path, run: Path) -> None:
    (run / "config.json").write_text(json.dumps(NESTED))


def one_line_metrics(root: Path, run: Path) -> None:
    (run / "metrics.json").write_text(json.dumps(NESTED))


def one_line_metadata(root: Path, run: Path) -> None:
    (root / "data" / "cache" / "set_01").mkdir(parents=True)
    (root / "data" / "cache" / "set_01" / "cache_metadata.json").write_text(json.dumps(NESTED))


def large_table(root: Path, run: Path) -> None:
    folder = run / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    rows = "".join(f"{i // 100},{i},0.{i % 1000:03d},0.5123\n" for i in range(100_000))
    with (folder / "metrics.csv").open("w") as stream:
        stream.write("epoch,step,train_loss,val_loss\n")
        for _ in range(20):
            stream.write(rows)


def large_sentinel(root: Path, run: Path) -> None:
    (run / ".failed").write_text('{"reason": "' + "x" * 50_000_000 + '"}')


def laughing_datasets(root: Path, run: Path) -> None:
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "datasets.yaml").write_text(LAUGHS)


def brackets(root: Path, run: Path) -> None:
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "datasets.yaml").write_text("[" * 100_000)


@pytest.mark.parametrize(
    "costly",
    [one_line_config, one_line_metrics, one_line_metadata, large_table, large_sentinel, laughing_datasets, brackets],
)
def test_a_diagnosis_stays_within_bounds(costly: Callable[[Path, Path], None], tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN, stderr=CRASH)
    (run / ".failed").touch()
    costly(tmp_path, run)
    start = time.monotonic()
    child = os.fork()  # what it takes in memory shows in a process of its own
    if not child:
        status = 1
        try:
            status = 0 if diagnosed(tmp_path, RUN)["root_cause"]["id"] == "code.bug" else 2
        finally:
            os._exit(status)
    _, status, used = os.wait4(child, 0)
    assert status == 0
    assert time.monotonic() - start < SECONDS
    assert used.ru_maxrss / 1024 < MEGABYTES + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_key_on_a_long_line_is_quoted_with_what_follows_it() -> None:
    text = json.dumps({f"key_{i}": i for i in range(LONGEST_LINE)})
    found = {entry.path: entry for entry in entries(text)}
    assert found["key_900"].text.startswith('"key_900": 900, "key_901"') and found["key_900"].text in text
    assert found["key_900"].line == 1 and len(found["key_900"].text) <= 200


@pytest.mark.parametrize("text", [LAUGHS, "[" * 100_000, "{a: " * 5_000, "- " * 3_000 + "x"])
def test_yaml_that_would_grow_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yaml_text.load(text)


def test_yaml_is_read_as_it_is_written() -> None:
    text = "base: &base {lr: 0.1, sizes: [1, 2]}\nrun:\n  <<: *base\n  lr: 0.2\n"
    assert yaml_text.load(text) == yaml.safe_load(text)
    assert yaml_text.load("") is None


@pytest.mark.parametrize(
    "text",
    [
        '{{ "%2000000000d" % 1 }}', '{{ "%*d" % (2000000000, 1) }}', '{{ "%2000000000d" | format(1) }}',
        '{{ "x" | center(2000000000) }}', '{{ "x" | indent(2000000000, True) }}', '{{ "x".ljust(2000000000) }}',
        '{{ "{:>2000000000}".format(1) }}', '{{ "x" * 2000000000 }}', '{{ "1".zfill(2000000000) }}',
    ],
)  # fmt: skip
def test_an_entry_makes_no_text_without_end(text: str) -> None:
    with pytest.raises(jinja2.TemplateError):
        render(text, {})


def test_an_entry_may_still_format() -> None:
    assert render('{{ "%.2f" | format(1.234) }} {{ "%05.1f" % 2.5 }}', {}) == "1.23 002.5"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"run_pattern": "(a+)+$(?=x)"}, "RE2"),
        ({"logs": {"stderr": ["../../**"]}}, "below the run"),
        ({"logs": {"job": ["/etc/*"]}}, "below the run"),
        ({"checkpoints": ["../*.pt"]}, "below the run"),
    ],
)
def test_a_profile_reaches_no_farther_than_its_project(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    values = {"name": "own", "run_pattern": "(?P<stage>.+)", "logs": {"stderr": ["*.err"]}} | change
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=words):
        profile.load("own.yaml", tmp_path)
