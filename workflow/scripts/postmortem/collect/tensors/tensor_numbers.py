"""What is kept of a tensor's values, whoever reads them: NaN, infinities, the largest magnitude, the usual one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass
class Numbers:
    """Of the values added so far. largest: of the finite ones, None if there were none."""

    nan: int = 0
    infinite: int = 0
    largest: float | None = None
    _finite: int = 0
    _squares: float = 0.0

    def add(self, nan: int, infinite: int, finite: int, largest: float, squares: float = math.nan) -> None:
        """Take a chunk. finite: how many values are; largest and squares (their sum) are of these."""
        self.nan += nan
        self.infinite += infinite
        if finite:
            self.largest = largest if self.largest is None else max(self.largest, largest)
            self._finite += finite
            self._squares += squares

    @property
    def broken(self) -> bool:
        """Whether a value is not finite."""
        return bool(self.nan or self.infinite)

    @property
    def root_mean_square(self) -> float | None:
        """Of the finite values; None where nobody squared them, or the sum is too large for a float."""
        if not self._finite or not math.isfinite(self._squares):
            return None
        return math.sqrt(self._squares / self._finite)

    def as_dict(self) -> dict[str, Any]:
        """Fields of facts.TensorFacts."""
        return {
            "nan": self.nan,
            "infinite": self.infinite,
            "largest": self.largest,
            "root_mean_square": self.root_mean_square,
        }
