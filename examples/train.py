"""The training program of the small examples: seconds long, and the command line decides how it fails."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path


def train(rows: list[float], epochs: int, hidden: int, cached: int) -> dict[str, float]:
    """Fit the mean of the rows. cached: megabytes kept in memory per epoch."""
    weight, cache = 0.0, []
    for epoch in range(epochs):
        cache.append(bytearray(cached * 1024 * 1024))
        time.sleep(0.3)
        loss = sum((row - weight) ** 2 for row in rows) / len(rows)
        weight += 0.5 * (sum(rows) / len(rows) - weight)
        print(f"epoch {epoch} loss {loss:.5f} hidden {hidden}", flush=True)
    return {"weight": weight}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, default=Path("data/rows.csv"))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--cached", type=int, default=0)
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    settings = {key: value for key, value in vars(args).items() if isinstance(value, int)}
    (args.run / "config.json").write_text(json.dumps(settings, indent=1))
    rows = [float(line) for line in args.data.read_text().splitlines()]
    (args.run / "model.json").write_text(json.dumps(train(rows, args.epochs, args.hidden, args.cached)))
    print("training done")


if __name__ == "__main__":
    main()
