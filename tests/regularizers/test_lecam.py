"""LeCam: averages of scores as anchors."""

import pytest
import torch
from toys import Counted, D, Z, data, first, mlp, sgds

from gansmith.dynamics import Alternating
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Wasserstein
from gansmith.regularizers import LeCam


def test_lecam_by_hand():
    x, y = torch.tensor([[2.0], [-3.0]]), torch.tensor([[1.0], [-2.0]])
    for one_sided, expected in ((True, (9 + 0) / 2 + (0 + 4) / 2), (False, (9 + 4) / 2 + (1 + 4) / 2)):
        term = LeCam(0.5, one_sided=one_sided)
        assert term(first, x, y).item() == 0  # there is no anchor yet
        term.advance_({"real": torch.tensor(0.0), "fake": torch.tensor(-1.0)})
        assert term(first, x, y).item() == pytest.approx(0.5 * expected)


def test_anchors_are_averages_without_a_bias_to_their_start():
    term, values, weights = LeCam(1.0, decay=0.9), [3.0, -1.0, 2.0], [0.81 * 0.1, 0.9 * 0.1, 0.1]
    for v in values:
        term.advance_({"real": torch.tensor(v), "fake": torch.tensor(10 * v)})
    anchor = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    high, low = torch.tensor([[10 * anchor + 1.0]]), torch.tensor([[anchor - 2.0]])
    assert term(first, high, low).item() == pytest.approx(1 + 4, rel=1e-5)
    assert not any(b.requires_grad for b in term.buffers())
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        LeCam(decay=1.0)


def test_anchors_move_by_the_critics_moves_only():
    torch.manual_seed(0)
    game = GAN(mlp(Z, D), Counted(), Wasserstein() + LeCam(), Normal(Z)).double()
    term, dynamics = game.objective.terms[0], Alternating(sgds(game), critic=2)
    for _ in range(3):
        said = dynamics.step(game.players(), data, (0,))
    torch.testing.assert_close(term.mass, torch.tensor(1 - 0.99**6, dtype=torch.float64))
    assert "critic/LeCam.real" in said and "generator/LeCam.real" not in said
