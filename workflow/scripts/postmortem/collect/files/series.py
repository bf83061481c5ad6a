"""A metric's values as they come in → a bounded Curve: 400 points, extremes, first value that is no finite number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...facts import Curve, Source
from .json_positions import storable

MOST_POINTS = 400  # pairs kept; a plot is narrower, and every judgement works on extremes and quarters


class Series:
    """Collects one metric. Memory is bounded: when the points are full, every other one is dropped."""

    def __init__(self, source: Source, metric: str, x: str = "step") -> None:
        self.curve = Curve(source, metric, x=x)
        self._stride = 1
        self._last: list[Any] | None = None

    def add(self, x: float, value: float, line: int | None = None, text: str = "") -> None:
        """Take one value: x is its step or epoch, line and text where it stands."""
        curve = self.curve
        pair = [x, storable(value)]
        if curve.count % self._stride == 0:
            curve.points.append(pair)
            if len(curve.points) > MOST_POINTS:
                curve.points = curve.points[::2]
                self._stride *= 2
        self._last = pair
        curve.count += 1
        curve.last_line, curve.last_text = line, text
        if math.isfinite(value):
            curve.minimum = value if curve.minimum is None else min(curve.minimum, value)
            curve.maximum = value if curve.maximum is None else max(curve.maximum, value)
        elif curve.first_nonfinite_step is None:
            curve.first_nonfinite_step, curve.first_nonfinite_line, curve.first_nonfinite_text = x, line, text

    def extend(self, xs: Any, values: Any, lines: Any, text_of: Callable[[int], str]) -> None:
        """Take many values at once, as `add` one by one: numpy arrays of equal length, not empty; a line's text."""
        import numpy

        curve = self.curve
        finite = numpy.isfinite(values)
        if finite.any():
            low, high = float(values[finite].min()), float(values[finite].max())
            curve.minimum = low if curve.minimum is None else min(curve.minimum, low)
            curve.maximum = high if curve.maximum is None else max(curve.maximum, high)
        if not finite.all() and curve.first_nonfinite_step is None:
            first = int(numpy.argmin(finite))
            curve.first_nonfinite_step, curve.first_nonfinite_line = float(xs[first]), int(lines[first])
            curve.first_nonfinite_text = text_of(int(lines[first]))
        start = 0
        while start < len(values):
            start += -(curve.count + start) % self._stride
            chosen = range(start, len(values), self._stride)[: MOST_POINTS + 1 - len(curve.points)]
            curve.points += [[float(xs[i]), storable(float(values[i]))] for i in chosen]
            start = chosen[-1] + 1 if chosen else len(values)
            if len(curve.points) > MOST_POINTS:
                curve.points = curve.points[::2]
                self._stride *= 2
        curve.count += len(values)
        kept = curve.points[-1] if curve.points and (curve.count - 1) % self._stride == 0 else None
        self._last = kept or [float(xs[-1]), storable(float(values[-1]))]
        curve.last_line, curve.last_text = int(lines[-1]), text_of(int(lines[-1]))

    def finish(self) -> Curve:
        """The curve, its last point included."""
        if self._last is not None and self.curve.points[-1] is not self._last:
            self.curve.points.append(self._last)
        return self.curve
