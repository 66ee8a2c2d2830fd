"""Where a term looks: told by critics that are no straight lines, so that each place has a value of its own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from gansmith.objectives import NonSaturating, Wasserstein
from gansmith.regularizers import DRAGAN, R1, R2, Consistency, GradientPower, Lazy, LeCam
from gansmith.regularizers.points import mixed, on_both, on_fake, on_real, within
from gansmith.testing.claims import Pair, claim
from gansmith.testing.oracles.penalties import bowl

DERIVATION = "derivation"

_rng = np.random.default_rng(31)
X, Y = _rng.normal(size=(2, 7, 3)) + 1


def _batches() -> tuple[Tensor, Tensor]:
    return torch.tensor(X), torch.tensor(Y)


def _size(points: np.ndarray) -> float:
    """E |p|^2, which at D = |x|^2/2 is the mean squared slope."""
    return float((points**2).sum(1).mean())


@claim(
    "at D = |x|^2/2: GradientPower(k, 2) on real, on fake and on both samples is k E |x|^2, k E |y|^2 and their mean",
    source="Wu et al., 2018",
    tolerance=1e-12,
)
def _() -> Pair:
    measured = [GradientPower(0.7, 2.0, at)(bowl, *_batches()) for at in (on_real, on_fake, on_both)]
    return torch.stack(measured), 0.7 * np.array([_size(X), _size(Y), (_size(X) + _size(Y)) / 2])


@claim(
    "points within: on the segments from each sample to the next of its own batch, of the last to the first; mixed: "
    "the segments from real to fake beside them",
    source="Wu et al., 2018",
    tolerance=1e-12,
)
def _() -> Pair:
    ends = [(X, np.roll(X, -1, 0)), (Y, np.roll(Y, -1, 0))]
    found = [*zip(within(*_batches()), ends, strict=True)]
    found += zip(mixed(*_batches()), [(X, Y), *ends], strict=True)
    measured, expected = [], []
    for points, (a, b) in found:
        assert isinstance(points, Tensor)
        p = points.detach().numpy()
        way = np.linalg.norm(p - a, axis=1)
        measured.append(np.append(way + np.linalg.norm(b - p, axis=1), way.min() > 0))
        expected.append(np.append(np.linalg.norm(b - a, axis=1), True))
    return np.stack(measured), np.stack(expected)


@claim(
    "DRAGAN's points: real samples and noise s N(0, 1), or t u s std in the authors' form, by their mean and variance "
    "over 40,000 numbers; fake samples do not enter",
    source="Kodali et al., 2017",
    tolerance=1e-2,
)
def _() -> Pair:
    real = torch.full((40_000, 1), 2.0, dtype=torch.float64)
    real[::2] = -1.0  # a mean of 1/2, a deviation of 3/2
    measured = []
    for term in (DRAGAN(scale=0.4), DRAGAN(noise="authors", scale=0.5)):
        points = term.points(real, torch.full_like(real, 90.0))
        assert isinstance(points, Tensor)
        noise = (points - real).detach()
        measured += [noise.mean(), noise.var()]
    return torch.stack(measured), np.array([0, 0.16, 0.75 / 4, 0.75**2 * (1 / 9 - 1 / 16)])


@claim(
    "non-saturating + R1(g) + R2(h): at D = |x|^2/2 they are g/2 E |x|^2 and h/2 E |y|^2, in the critic's loss alone",
    source="Mescheder et al., 2018",
    tolerance=1e-12,
)
def _() -> Pair:
    objective = NonSaturating() + R1(3.0) + R2(0.5)
    measured = [float(loss(bowl, *_batches()).detach()) for loss in (objective.critic_loss, objective.generator_loss)]
    real, fake = (X**2).sum(1) / 2, (Y**2).sum(1) / 2
    of_critic = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    return np.array(measured), np.array([of_critic + 1.5 * _size(X) + 0.25 * _size(Y), np.logaddexp(0, -fake).mean()])


@claim(
    "consistency: at D = |x|^2/2 and T(x) = 2x it is w E (3/2 |x|^2)^2 + w' E (3/2 |y|^2)^2, each weight on its side",
    source="Zhao et al., 2020",
    tolerance=1e-9,
)
def _() -> Pair:
    measured = Consistency(3.0, 0.2, lambda s: 2 * s)(bowl, *_batches())
    of_real, of_fake = (((1.5 * (z**2).sum(1)) ** 2).mean() for z in (X, Y))
    return measured, 3 * of_real + 0.2 * of_fake


@claim(
    "Lazy(R1, 4): four times R1 in the critic's moves 0 and 4, nothing in the others",
    source="Karras et al., 2019",
    tolerance=1e-12,
)
def _() -> Pair:
    term, measured = Lazy(R1(2.0), 4), []
    for _ in range(8):
        value = term(bowl, *_batches())
        measured.append(0.0 if value is None else float(value.detach()))
        term.advance_({})
    return np.array(measured), np.array([4 * _size(X), 0, 0, 0] * 2)


@claim(
    "LeCam: w (E [D(x) - a_F]^2 + E [a_R - D(y)]^2), with the positive part only where one_sided",
    source="Tseng et al., 2021",
    tolerance=1e-12,
)
def _() -> Pair:
    measured, expected = [], []
    for one_sided in (False, True):
        term = LeCam(0.3, one_sided=one_sided).double()
        term.advance_({"real": torch.tensor(1.5), "fake": torch.tensor(0.75)})
        objective = Wasserstein() + term
        measured.append(float(objective.critic_loss(lambda s: s[:, 0], *_batches()).detach()))
        up, down = X[:, 0] - 0.75, 1.5 - Y[:, 0]
        if one_sided:
            up, down = np.maximum(up, 0), np.maximum(down, 0)
        expected.append(Y[:, 0].mean() - X[:, 0].mean() + 0.3 * ((up**2).mean() + (down**2).mean()))
    return np.array(measured), np.array(expected)
