"""The measurements of `make bench`, on logs so small that it only shows that they work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from replay import catalogue_signals, diagnose_text

from postmortem.collect.logs.scan import read_log

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))
from logs import MIXES, write_log, write_patterns
from measure import picture, ripgrep, scan


@pytest.mark.parametrize("mix", MIXES)
def test_every_mix_ends_in_a_failure_that_is_found(mix: str, tmp_path: Path) -> None:
    write_log(tmp_path / "large.err", mix, 3)
    log = read_log(tmp_path / "large.err", tmp_path, "stderr", signals=catalogue_signals)
    assert not log.whole, "it is scanned, not read"
    text = "\n".join(line.text for line in log.lines[-5:])
    assert diagnose_text(text, tmp_path)["root_cause"]["id"] == "gpu.oom"


def test_measurements(tmp_path: Path) -> None:
    write_log(tmp_path / "log", "training", 3)
    write_patterns(tmp_path / "patterns")
    seconds, memory = scan(tmp_path / "log")
    assert seconds > 0 and 20 < memory < 300
    assert ripgrep(tmp_path / "log", tmp_path / "patterns") >= 0
    drawn = picture({"postmortem": [(64, 0.5), (128, seconds)], "ripgrep": [(64, 0.2), (128, 0.3)]})
    assert drawn.startswith("<svg") and drawn.count("<circle") == 4 and "128 MiB" in drawn
