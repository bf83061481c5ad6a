"""Points in time as logs and files give them, and those that cannot be."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from postmortem import times
from postmortem.collect.logs.scan import read_log

YEAR_60000 = 1_831_428_144_000  # seconds since 1970, which some file systems keep, and others make their last moment


def test_times_as_logs_write_them() -> None:
    expected = datetime(2025, 3, 4, 10, 0, 0)
    assert times.parse("2025-03-04T10:00:00") == expected
    assert times.parse(" 2025-03-04 10:00:00,000") == expected
    assert times.first_in("INFO\n2025-03-04 10:00:00 begin\n2026-01-01 00:00:00 end") == expected
    assert times.last_in("[Tue Mar  4 10:00:00 2025]\nrule a:") == expected


@pytest.mark.parametrize("text", ["", "Unknown", "2025-13-04", "6026-01-05T10:00:00", "9999-12-31T23:59:59-12:00"])
def test_no_time(text: str) -> None:
    assert times.parse(text) is None


def test_a_time_that_has_yet_to_come_is_none() -> None:
    """A clock may go some hours before another one; a flipped bit makes a year of the far future."""
    now = datetime.now()
    assert times.parse((now + timedelta(hours=3)).isoformat()) is not None
    assert times.parse((now + timedelta(days=2)).isoformat()) is None
    assert times.first_in("[Mon Jan  5 10:00:00 6026]") is None


@pytest.mark.parametrize("moment", [4_102_444_800, YEAR_60000])
def test_a_file_from_the_future(tmp_path: Path, moment: int) -> None:
    path = tmp_path / "slurm.err"
    path.write_text("Killed\n")
    os.utime(path, (moment, moment))
    assert times.modified(path) is None
    assert [line.text for line in read_log(path, tmp_path, "stderr", "").lines] == ["Killed"]
