"""What is lost where numbers become those of 32 bits, of about seven digits: whether they still differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gansmith.data.files import one_line

if TYPE_CHECKING:
    import numpy.typing as npt

LOST = 1e-3  # of a column's range: a larger step between neighboring numbers of 32 bits is refused


class Rounding:
    """The range of each column of numbers, over all rows that are looked at."""

    def __init__(self) -> None:
        self.low: npt.NDArray[Any] | None = None
        self.high: npt.NDArray[Any] | None = None

    def look_at(self, rows: npt.NDArray[Any]) -> None:
        """Takes rows ``(n, d)`` of numbers as they are in the file."""
        import numpy as np

        low, high = rows.min(0), rows.max(0)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)

    def check(self, place: str, names: Sequence[str] | None = None) -> None:
        """Refuses columns whose numbers float32 does not tell apart, such as times in seconds of one day.

        Raises:
            ValueError: the step between neighboring numbers of 32 bits is more than a thousandth of a column's range.
        """
        import numpy as np

        if self.low is None or self.high is None:
            return
        largest = np.maximum(np.abs(self.low.astype(np.float64)), np.abs(self.high.astype(np.float64)))
        step = np.spacing(largest.astype(np.float32))
        width = self.high.astype(np.float64) - self.low.astype(np.float64)
        lost = (width > 0) & (step > LOST * width)
        if lost.any():
            k = int(lost.argmax())
            column = one_line(names[k]) if names else k + 1
            raise ValueError(
                f"{place} needs numbers that differ within seven digits, but column {column} has {self.low[k]:.15g} to "
                f"{self.high[k]:.15g}, in steps of {step[k]:.3g} in 32 bits: subtract its smallest number, scale it, "
                "or leave it out"
            )
