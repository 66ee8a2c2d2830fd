"""A game of one's own, as users of the first version wrote it: no ability by its class."""

from torch.optim import Adam

from gansmith.dynamics import Alternating
from gansmith.experiment import Experiment, Stage
from gansmith.games.base import Game, Player
from gansmith.latents import Normal
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating


class Form(Game):
    def __init__(self):
        super().__init__()
        self.generator, self.critic = MLP(4, 2, 8), MLP(2, None, 8)
        self.objective, self.latent = NonSaturating(), Normal(4)

    def duel(self, batch):
        return self.critic, batch.x, self.generator(self.latent(len(batch), batch.x))

    def players(self):
        return {
            "critic": Player([self.critic], lambda batch: self.objective.critic_loss(*self.duel(batch))),
            "generator": Player([self.generator], lambda batch: self.objective.generator_loss(*self.duel(batch))),
        }

    def sample(self, n):
        return self.decode(self.latent(n, next(self.generator.parameters())))

    def decode(self, z):
        with self.looking():
            return self.generator(z)


def form(data, steps: int = 20) -> Experiment:
    """A game on points in the plane."""
    game = Form()
    dynamics = Alternating({name: Adam(p.parameters(), 1e-3) for name, p in game.players().items()})
    return Experiment([Stage(game, dynamics, data, steps, batch=16)])
