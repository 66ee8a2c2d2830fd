"""Critics that torch differentiates once only: under a penalty on slopes they work, or one line says what to do."""

import pytest
import torch
from torch import nn

from gansmith.batch import Batch
from gansmith.dynamics import Pull
from gansmith.games import GAN, OGAN, Normal
from gansmith.networks import MLP
from gansmith.objectives import Hinge, NonSaturating, Wasserstein
from gansmith.regularizers import R1, R2, GradientPenalty, Lazy


class Attention(nn.Module):
    """A row of 16 numbers as four words of four."""

    def __init__(self, outputs):
        super().__init__()
        self.attention, self.last, self.scores = (
            nn.MultiheadAttention(4, 2, batch_first=True),
            nn.Linear(4, outputs or 1),
            not outputs,
        )

    def forward(self, x):
        words = x.view(-1, 4, 4)
        seen, _ = self.attention(words, words, words, need_weights=False)
        out = self.last((words + seen).mean(1))
        return out.squeeze(1) if self.scores else out


@pytest.mark.parametrize("term", [R1(), R2(), GradientPenalty(), Lazy(R1(), 2)])
@pytest.mark.parametrize("kind", ["GAN", "O-GAN"])
def test_attention_is_differentiated_twice(kind, term):
    torch.manual_seed(0)
    objective = NonSaturating() + term
    if kind == "GAN":
        game = GAN(MLP(4, 16, 8), Attention(None), objective, Normal(4))
    else:
        game = OGAN(MLP(4, 16, 8), Attention(4), objective, Normal(4))
    batch = Batch(torch.randn(8, 16), None, torch.arange(8))
    for player in game.players().values():
        gradients, _ = Pull()(player, batch, (0, 0))
        assert all(g is None or g.isfinite().all() for g in gradients)


@pytest.mark.parametrize("objective", [NonSaturating(), NonSaturating() + R1()])
def test_attention_is_differentiated_along_a_direction(objective):
    """As consensus optimization does, with a term on slopes and without."""
    torch.manual_seed(0)
    game, batch = (
        GAN(MLP(4, 16, 8), Attention(None), objective, Normal(4)),
        Batch(torch.randn(8, 16), None, torch.arange(8)),
    )
    player = game.players()["critic"]
    gradients, _ = Pull()(player, batch, (0, 0))
    along = [torch.zeros_like(p) if g is None else g for p, g in zip(player.parameters(), gradients, strict=True)]
    second, _ = Pull()(player, batch, (0, 0), wrt=player.parameters(), along=along)
    assert any(g is not None and bool(g.any()) and bool(g.isfinite().all()) for g in second)


def test_without_slopes_attention_is_as_fast_as_it_can_be():
    from torch.nn.attention import SDPBackend, _cur_sdpa_kernel_backends

    kernels = []

    def critic(x):
        kernels.append(set(_cur_sdpa_kernel_backends()))
        return x.sum(1)

    x = torch.randn(4, 2)
    Hinge().critic_loss(critic, x, x)
    (Hinge() + R1()).critic_loss(critic, x, x)
    assert kernels[0] != {SDPBackend.MATH} and kernels[-1] == {SDPBackend.MATH}


def test_a_compiled_critic_under_a_slope_penalty_is_refused_with_the_cure():
    compiled = torch.compile(nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)), backend="eager")
    x = torch.randn(4, 3)
    with pytest.raises(
        ValueError, match=r"one that is compiled \(torch\.compile\): pass the module itself, critic\._orig_mod"
    ):
        (Wasserstein() + GradientPenalty(10)).critic_loss(compiled, x, x)
    game = GAN(MLP(4, 3, 8), compiled, Wasserstein() + GradientPenalty(10), Normal(4))
    with pytest.raises(ValueError, match="compiled"):
        game.critic_loss(Batch(x, None, torch.arange(4)))
