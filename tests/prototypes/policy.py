"""A policy over items, by policy gradient: for a class as query it chooses pictures that a critic takes for real."""

from __future__ import annotations

from torch import Tensor, cat, nn, sigmoid, zeros
from torch.nn.functional import one_hot

from gansmith import chance
from gansmith.batch import Batch
from gansmith.data import Dataset
from gansmith.duel import Critic, Sample, score, still
from gansmith.games import Duels, Inputs, Player, Samples
from gansmith.networks import MLP
from gansmith.objectives import NonSaturating
from gansmith.recipes.pairs import adam
from gansmith.training import Experiment, Stage


class Policy(Duels, Samples):
    def __init__(self, items: Tensor, classes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("items", items)
        self.objective, self.classes = NonSaturating(), classes
        self.net = MLP(items[0].numel() + classes, None, width)
        self.table = nn.Embedding(classes, len(items))  # of every query a logit for each item

    def critic(self, sample: Sample) -> Tensor:
        item, query = sample
        return self.net(cat([item.flatten(1), one_hot(query, self.classes).to(item.dtype)], 1))

    def duel(self, batch: Batch) -> tuple[Critic, Sample, Sample]:
        _, item = self.inputs(len(batch), batch.y)
        return self.critic, (batch.x, batch.y), (self.items[item], batch.y)

    def critic_loss(self, batch: Batch) -> Tensor:
        return self.objective.critic_loss(*self.duel(batch))

    def policy_loss(self, batch: Batch) -> Tensor:
        query, item = self.inputs(len(batch), batch.y)
        with still():
            reward = 2 * sigmoid(score(self.critic, (self.items[item], query))) - 1
        return -(reward * self.table(query).log_softmax(1).gather(1, item[:, None])[:, 0]).mean()

    def players(self) -> dict[str, Player]:
        return {"critic": Player([self.net], self.critic_loss), "policy": Player([self.table], self.policy_loss)}

    def inputs(self, n: int, y: Tensor | None = None) -> Inputs:
        query = chance.integers(self.classes, "query", n, like=self.items) if y is None else y
        return query, chance.categorical("item", self.table(query).softmax(1))[:, 0]

    def decode(self, inputs: Inputs) -> Tensor:
        return self.items[inputs[1]]


def policy(data: Dataset, steps: int = 1000, *, items: int = 300, width: int = 128) -> Experiment:
    """A policy over the first training pictures."""
    pool = data.values(data.train[:items]) if len(data) else zeros(items, *data.shape)
    game = Policy(pool, data.classes or 1, width)
    return Experiment([Stage(game, adam(game, steps, 1e-2), data, steps, batch=64)])
