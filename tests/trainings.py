"""Small trainings that tests of the loop share."""

import torch

from gansmith.dynamics import Alternating
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.regularizers import R1
from gansmith.training import checkpoint
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.loop import Training


def begin(recipe, data, steps=6, seed=0, **options):
    torch.manual_seed(seed)
    return Training(recipe(data, steps=steps, batch=8, width=16), seed=seed, device="cpu", **options)


def same(a, b):
    return checkpoint.digest(a.state_dict()) == checkpoint.digest(b.state_dict())


def resumed(begun, steps=4):
    """A training that goes on, halfway, from another one's state, and must end as one that was never disturbed."""
    whole, half, other = begun(), begun(), begun()
    for _ in range(steps // 2):
        half.advance()
    other.load_state_dict(half.state_dict())
    for _ in range(steps):
        whole.advance()
    for _ in range(steps // 2):
        other.advance()
    assert same(whole, other)
    return other


def two_stages(data):
    torch.manual_seed(0)
    started = []

    def stage(steps, start=None):
        game = GAN(MLP(4, 2, 8), MLP(2, None, 8), NonSaturating() + R1(), Normal(4))
        optimizers = {n: torch.optim.Adam(p.parameters()) for n, p in game.players().items()}
        return Stage(game, Alternating(optimizers), data, steps, batch=8, start=start)

    first = stage(3)
    second = stage(4, lambda: (started.append(1), second.game.load_state_dict(first.game.state_dict())))
    return Experiment([first, second]), started
