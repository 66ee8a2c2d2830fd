"""Terms of every k-th move."""

import pytest
import torch
from torch import nn
from toys import Counted, D, Mapped, Z, data, mlp, sgds

from gansmith.dynamics import Alternating
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.notes import notes
from gansmith.objectives import Hinge
from gansmith.regularizers import R1, ClipWeights, FeatureMatching, GradientPenalty, Lazy, LeCam


def test_a_lazy_term_is_taken_in_every_kth_move_k_times_as_strong():
    critic, x, y = Counted().double(), data(0).x, data(1).x
    term, values = Lazy(R1(2.0), 3), []
    for _ in range(7):
        with notes() as seen:
            value = term(critic, x, y)
        values.append(0.0 if value is None else value.item())
        term.advance_(seen)
    once = R1(2.0)(critic, x, y).item()
    torch.testing.assert_close(values, [3 * once, 0.0, 0.0, 3 * once, 0.0, 0.0, 3 * once])


def test_a_lazy_term_counts_its_players_moves():
    torch.manual_seed(0)
    game = GAN(mlp(Z, D), Mapped(), Hinge() + Lazy(R1(), 4) + Lazy(FeatureMatching(), 2), Normal(Z)).double()
    dynamics, taken = Alternating(sgds(game), critic=3), []
    for _ in range(4):
        taken.append(sorted(k for k in dynamics.step(game.players(), data, (0,)) if k.endswith(("#1", "#2"))))
    critics, generators = game.objective.terms
    assert (critics.count, generators.count) == (12, 4)
    # of the critic's moves 0 to 11, three a round, numbers 0, 4 and 8 take the penalty
    both = ["critic/Lazy#1", "generator/Lazy#2"]
    assert taken == [both, both[:1], both, []]


def test_a_lazy_history_moves_when_its_term_is_taken():
    term = Lazy(LeCam(1.0, decay=0.5), 2)
    for v in (1.0, 100.0, 3.0, 100.0):
        term.advance_({"due": torch.tensor(1.0), "real": torch.tensor(v), "fake": torch.tensor(v)})
    torch.testing.assert_close(term.term.real / term.term.mass, torch.tensor((0.25 * 1 + 0.5 * 3) / 0.75))


def test_a_lazy_term_is_as_its_term():
    assert Lazy(R1(), 2).slopes and Lazy(Lazy(GradientPenalty(), 2), 2).slopes and not Lazy(LeCam(), 2).slopes
    assert Lazy(FeatureMatching(of_means=True), 2).side == "generator"
    assert not Lazy(FeatureMatching(of_means=True), 2).additive and Lazy(R1(), 2).additive
    critic = nn.Linear(3, 1)
    Lazy(ClipWeights(0.01), 5).project_(critic)
    assert critic.weight.abs().max() <= 0.01
    both = R1()
    both.side = "both"
    for wrong, every, message in ((both, 2, "one side"), (R1(), 0, "every >= 1"), (R1(), 1.5, "whole number.*1.5")):
        with pytest.raises(ValueError, match=message):
            Lazy(wrong, every)
