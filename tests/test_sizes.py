"""Sizes that are none are refused where they are given, in one line."""

import re

import pytest
import torch

from gansmith.dynamics import Consensus
from gansmith.games import Normal
from gansmith.games.latents import Sphere, Uniform
from gansmith.networks import MLP, DCGANCritic, DCGANGenerator
from gansmith.networks.tutorial import TutorialCritic, TutorialGenerator
from gansmith.regularizers import DRAGAN, GradientPenalty

CASES = {
    "needs size of at least 1, a whole number, but got 0": [lambda kind=k: kind(0) for k in (Normal, Uniform, Sphere)],
    "needs size of at least 1, a whole number, but got 2.0": [lambda: Normal(2.0)],
    "needs width of at least 1, a whole number, but got -3": [
        *(lambda: MLP(2, 2, -3), lambda: DCGANCritic(8, 1, width=-3), lambda: DCGANGenerator(4, 8, 1, -3)),
        *(lambda: TutorialCritic(width=-3), lambda: TutorialGenerator(4, width=-3)),
    ],
    "needs outputs of at least 1, a whole number, but got 0": [lambda: MLP(2, 0), lambda: DCGANCritic(8, 1, 0)],
    "needs channels of at least 1, a whole number, but got 0": [lambda: DCGANCritic(8, 0), lambda: TutorialCritic(0)],
    "needs latent of at least 1, a whole number, but got True": [lambda: TutorialGenerator(True)],
    "needs at least 0 hidden layers, but got layers=-1": [lambda: MLP(2, 2, layers=-1)],
    "needs a finite weight >= 0, but got nan": [
        lambda: GradientPenalty(1.0, torch.nan),
        lambda: DRAGAN(scale=torch.nan),
    ],
    "needs a finite weight of at least 0, but got weight=inf": [lambda: Consensus({}, torch.inf)],
}


@pytest.mark.parametrize(
    ("message", "make"), [(message, make) for message, several in CASES.items() for make in several]
)
def test_what_is_no_size_is_refused(message, make):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
