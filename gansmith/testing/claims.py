"""Claims: what the mathematics says of this library, each measured against a closed form or an independent computation.

A claim states a formula in words, says where it is from, and how to measure it. An oracle never calls the code that it
judges: one side of a measurement is this library's, the other is written in plain numpy, scipy or scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gansmith import chance

Numbers = float | NDArray[Any] | Tensor
Pair = tuple[Numbers, Numbers]
"""(measured, expected): two numbers, or two arrays of the same shape, real or complex."""
Check = Callable[[], Pair]


@dataclass(frozen=True)
class Finding:
    """What came out for a claim. Where its check raised, ``problem`` says how and the numbers are NaN."""

    measured: float
    expected: float
    error: float
    holds: bool
    problem: str | None = None


@dataclass(frozen=True)
class Claim:
    """One statement that can be measured.

    Arguments:
        claim: the statement in words, with its formula. An inequality is measured as its violation, against 0.
        source: the paper and its year, or "derivation".
        tolerance: the largest absolute error that is no failure.
        check: measures; the same numbers at each call, whatever was drawn elsewhere.

    Example:
        >>> half = Claim("a half is 0.5", "derivation", 1e-12, lambda: (1 / 2, 0.5))
        >>> half.measure()
        Finding(measured=0.5, expected=0.5, error=0.0, holds=True, problem=None)
    """

    claim: str
    source: str
    tolerance: float
    check: Check

    def measure(self) -> Finding:
        """Measures under a key of the claim's own, so that torch's generator is neither read nor moved.

        Of arrays the entry with the largest error is shown. A check that raises is a failure, not a crash.
        """
        try:
            with chance.keyed(chance.Part((self.claim,))):
                measured, expected = map(_array, self.check())
            if measured.shape != expected.shape or not measured.size:
                raise ValueError(f"needs numbers of one shape, but got {measured.shape} and {expected.shape}")
        except Exception as problem:
            nothing = float("nan")
            return Finding(nothing, nothing, nothing, False, f"{type(problem).__name__}: {problem}")
        left, right = _row(measured), _row(expected)
        with np.errstate(invalid="ignore"):  # infinity less infinity is NaN, which fails
            errors = np.abs(left - right)
        worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
        error = float(errors[worst])
        return Finding(float(left[worst]), float(right[worst]), error, error <= self.tolerance)


CLAIMS: list[Claim] = []
"""All claims, in the order in which :mod:`gansmith.testing.oracles` makes them."""


def claim(statement: str, *, source: str, tolerance: float) -> Callable[[Check], Check]:
    """Adds the decorated check to ``CLAIMS``.

    Raises:
        ValueError: the statement is there already.
    """

    def add(check: Check) -> Check:
        if any(each.claim == statement for each in CLAIMS):
            raise ValueError(f"needs each statement once, but got {statement!r} again: say what is new in it")
        CLAIMS.append(Claim(statement, source, tolerance, check))
        return check

    return add


def _array(numbers: Numbers) -> NDArray[np.complex128]:
    return np.asarray(numbers.detach().cpu() if isinstance(numbers, Tensor) else numbers, dtype=np.complex128)


def _row(numbers: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Real parts, then imaginary ones."""
    flat = numbers.reshape(-1)
    return np.concatenate([flat.real, flat.imag])
