"""A recipe of one's own, as users of the first version wrote it."""

from torch.optim import Adam

from gansmith.dynamics import Alternating
from gansmith.experiment import Experiment, Stage
from gansmith.games import GAN
from gansmith.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.regularizers import R1


def mine(data, steps: int = 20, *, width: int = 8) -> Experiment:
    """A small game on points in the plane."""
    game = GAN(MLP(4, 2, width), MLP(2, None, width), NonSaturating() + R1(0.1), Normal(4))
    dynamics = Alternating({name: Adam(p.parameters(), 1e-3) for name, p in game.players().items()})
    return Experiment([Stage(game, dynamics, data, steps, batch=16)])
