"""What has a history keeps its digits where the networks around it are in half precision."""

import pytest
import torch
from toys import Counted, D, Z, mlp

from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.objectives import Fisher, Hinge
from gansmith.regularizers import Bottleneck, Lazy, LeCam

HALF = [torch.bfloat16, torch.float16]
KINDS = {
    "Fisher": (lambda: Fisher(1e-2), "multiplier", {"slack": torch.tensor(-1.0)}, 10.0),
    "Bottleneck": (lambda: Bottleneck(0.0, 1e-2), "multiplier", {"rate": torch.tensor(1.0)}, 10.0),
    "LeCam": (LeCam, "mass", {"real": torch.tensor(2.0), "fake": torch.tensor(1.0)}, 1 - 0.99**1000),
}


@pytest.mark.parametrize("half", HALF)
@pytest.mark.parametrize("name", KINDS)
def test_small_moves_are_not_lost(name, half):
    make, buffer, notes, expected = KINDS[name]
    term = make().to(half)
    for _ in range(1000):
        term.advance_(notes)
    torch.testing.assert_close(getattr(term, buffer), torch.tensor(expected), rtol=1e-4, atol=0)


@pytest.mark.parametrize("half", HALF)
def test_a_history_is_never_in_half_precision(half):
    game = GAN(mlp(Z, D), Counted(), Fisher() + LeCam() + Lazy(Bottleneck(), 2), Normal(Z)).to(half)
    assert {p.dtype for p in game.parameters()} == {half}
    buffers = list(game.objective.buffers())
    assert len(buffers) == 5 and {b.dtype for b in buffers} == {torch.float32}
    assert {b.dtype for b in game.double().objective.buffers()} == {torch.float64}
    assert {b.dtype for b in game.float().objective.buffers()} == {torch.float32}


@pytest.mark.parametrize("half", HALF)
def test_a_cast_forgets_nothing(half):
    term = LeCam().double()
    term.mass.fill_(1 / 3)
    torch.testing.assert_close(term.to(half).mass, torch.tensor(1 / 3), rtol=0, atol=1e-7)


def test_histories_move_between_devices():
    for term in (Fisher().to("meta", torch.bfloat16), (Hinge() + LeCam()).to("meta"), Bottleneck().half().to("meta")):
        assert {(b.device.type, b.dtype) for b in term.buffers()} == {("meta", torch.float32)}
