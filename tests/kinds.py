"""Every dynamics, for the tests that run over all of them."""

from functools import partial

import torch
from toys import adams, sgds

from gansmith.dynamics import (
    EULER,
    HEUN,
    MIDPOINT,
    Alternating,
    Consensus,
    Extragradient,
    Optimistic,
    RungeKutta,
    Simultaneous,
)

KINDS = {
    "alternating": Alternating,
    "simultaneous": Simultaneous,
    "extragradient": Extragradient,
    "optimistic": Optimistic,
    "consensus": partial(Consensus, weight=0.1),
    "Euler": partial(RungeKutta, method=EULER),
    "midpoint": partial(RungeKutta, method=MIDPOINT),
    "Heun": partial(RungeKutta, method=HEUN),
    "RK4": RungeKutta,
    "ODE-GAN": partial(RungeKutta, regularize=("generator", "critic", 0.07)),
    "adaptive": partial(RungeKutta, method=HEUN, tolerance=1e-6),
}
PLAIN = ("Euler", "midpoint", "Heun", "RK4", "ODE-GAN", "adaptive")


def optimizer(kind: str):
    """What a kind is checked with: Adam, or plain SGD where it needs that."""
    return torch.optim.SGD if kind in PLAIN else torch.optim.Adam


def dynamics(kind: str, game, **options):
    return KINDS[kind]((sgds if kind in PLAIN else adams)(game), **options)
