"""The cause is judged from the end of a log backwards: made logs, of which the truth is known, are judged rightly."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from made_logs import made_logs
from replay import diagnose_text

SHARE = 0.93  # of all made logs; each kind must reach what its own sentence in FLOOR says
FLOOR = {
    "a crash after a crash": 0.93,
    "shell noise first": 0.95,
    "an old crash, then a healthy run": 0.9,
    "a failed step after the death": 0.93,
}


@pytest.mark.slow
def test_made_logs(tmp_path: Path) -> None:
    right: Counter[str] = Counter()
    made: Counter[str] = Counter()
    missed: list[str] = []
    for log in made_logs():
        diagnosis = diagnose_text(log.text, tmp_path, "failed" if log.causes else "unknown")
        found = (diagnosis["root_cause"] or {}).get("id") or diagnosis["status"]
        is_right = found in log.causes if log.causes else diagnosis["status"] not in ("failed", "suspect")
        made[log.kind] += 1
        right[log.kind] += is_right
        if not is_right:
            missed.append(f"{log.kind}: {log.name}: {found}, not {'|'.join(sorted(log.causes)) or 'healthy'}")
    shares = {kind: round(right[kind] / made[kind], 3) for kind in made}
    print(f"made logs: {sum(right.values())} of {sum(made.values())} right, {shares}")
    assert sum(right.values()) >= SHARE * sum(made.values()), missed
    assert not {kind: share for kind, share in shares.items() if share < FLOOR[kind]}, missed
