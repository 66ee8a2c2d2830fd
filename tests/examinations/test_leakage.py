"""What is learned to measure with is learned from training samples alone: on noise, who saw held-out ones shines."""

import numpy as np
import pytest
import torch

from gansmith.data import load
from gansmith.examinations import measure
from gansmith.games import Encodes

N, SIDE, CLASSES = 240, 16, 4


class Noise(Encodes):
    """Codes are the first 32 numbers of a picture."""

    def inputs(self, n, y=None):
        return torch.rand(n, 32) * 2 - 1

    def encode(self, x):
        return x.flatten(1)[:, :32]

    def decode(self, inputs):
        picture = torch.zeros(len(inputs), SIDE * SIDE)
        picture[:, :32] = inputs
        return picture.view(-1, 1, SIDE, SIDE)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Of pictures and labels without any rule: a label cannot be told from a picture that was not learned."""
    rng = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("noise") / "noise.npz"
    np.savez(file, x=rng.integers(0, 256, (N, SIDE, SIDE), dtype=np.uint8), y=rng.integers(0, CLASSES, N))
    data = load(str(file))
    assert len(data.held_out) == N // 10 and data.classes == CLASSES
    return measure(Noise(), data, 0)


def test_principal_components_are_not_fitted_on_held_out_pictures(numbers):
    """Twenty-four pictures have 23 directions: 32 components of their own would lose nothing."""
    found = numbers["reconstruction"]
    assert found["principal_code"] == 32 and found["n"] == N // 10
    assert found["principal_components"]["mse"] > 0.2  # of noise with a variance of 1/3, most is lost


@pytest.mark.parametrize("who", ["game", "principal_components"])
@pytest.mark.parametrize("probe", ["linear_probe", "neighbor_probe"])
def test_probes_are_not_taught_with_held_out_codes(numbers, who, probe):
    """By chance a quarter is right, and at most 55 % (p = 0.001); a code that was learned is its own neighbor."""
    assert numbers["reconstruction"][who][probe] <= 0.55


def test_the_judge_is_not_fitted_on_held_out_pictures(numbers):
    assert numbers["classes"]["judge_accuracy"] <= 0.55
