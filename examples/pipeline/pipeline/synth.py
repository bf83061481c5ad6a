"""Make CAN-bus captures of an invented car: normal traffic, floods and fuzzing, as CSV files.

python -m pipeline.synth hatch --seed 1 [--windows 60] [--header-only] [--extra-capture]
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterator
from pathlib import Path

HEADER = ("Timestamp", "arbitration_id", "data_field", "attack")
ROWS_PER_WINDOW = 100
Row = tuple[str, str, str, int]


class Car:
    """A car has a few controllers; each sends its own id at its own pace, with slowly drifting bytes."""

    def __init__(self, seed: int, controllers: int = 20) -> None:
        self.random = random.Random(seed)
        self.ids = [f"{number:03X}" for number in self.random.sample(range(0x100, 0x600), controllers)]
        self.weights = [self.random.uniform(0.3, 3.0) for _ in self.ids]
        self.state = {name: [self.random.randrange(256) for _ in range(8)] for name in self.ids}

    def payload(self, name: str) -> str:
        """The next eight bytes of a controller."""
        data = self.state[name]
        index = self.random.randrange(8)
        data[index] = (data[index] + self.random.choice((-3, -1, 1, 3))) % 256
        return bytes(data).hex().upper()

    def drive(self, rows: int, attack: str | None = None, foreign: int = 0) -> Iterator[Row]:
        """Traffic of a drive. Attacks come in bursts of one window; `foreign` ids belong to another car."""
        ids = self.ids + [f"{0x650 + number:03X}" for number in range(foreign)]
        weights = self.weights + [0.5] * foreign
        for name in ids[len(self.ids) :]:
            self.state.setdefault(name, [0] * 8)
        clock = 0.0
        for row in range(rows):
            clock += self.random.expovariate(2000.0)
            burst = attack is not None and (row // ROWS_PER_WINDOW) % 2 == 1
            if burst and self.random.random() < 0.45:
                name = "000" if attack == "flood" else self.random.choice(ids)
                data = "00" * 8 if attack == "flood" else self.random.randbytes(8).hex().upper()
                yield f"{clock:.6f}", name, data, 1
            else:
                name = self.random.choices(ids, weights)[0]
                yield f"{clock:.6f}", name, self.payload(name), 0


def write(path: Path, rows: Iterator[Row]) -> None:
    """One capture file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(HEADER)
        writer.writerows(rows)


def captures(root: Path, seed: int, windows: int = 60, header_only: bool = False) -> None:
    """All captures of a dataset: two folders to train on, one to test on, and one with another car's ids."""
    car = Car(seed)
    rows = 0 if header_only else windows * ROWS_PER_WINDOW
    write(root / "train_01_normal" / "drive_01.csv", car.drive(rows // 2))
    write(root / "train_02_attacks" / "flood.csv", car.drive(rows // 2, "flood"))
    write(root / "train_02_attacks" / "fuzzing.csv", car.drive(rows // 2, "fuzzing"))
    write(root / "test_01_known_car" / "flood.csv", car.drive(rows // 3, "flood"))
    write(root / "test_02_unknown_car" / "fuzzing.csv", car.drive(rows // 3, "fuzzing", foreign=2))


def extra_capture(root: Path, seed: int) -> None:
    """One more drive to train on, with controllers that were not fitted when the first ones were recorded."""
    write(root / "train_01_normal" / "drive_02.csv", Car(seed).drive(20 * ROWS_PER_WINDOW, foreign=5))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--windows", type=int, default=60)
    parser.add_argument("--header-only", action="store_true", help="a recorder that never got a frame")
    parser.add_argument("--extra-capture", action="store_true", help="only add one drive to an existing dataset")
    args = parser.parse_args()
    root = Path("data") / "automotive" / args.dataset
    if args.extra_capture:
        extra_capture(root, args.seed)
    else:
        captures(root, args.seed, args.windows, args.header_only)


if __name__ == "__main__":
    main()
