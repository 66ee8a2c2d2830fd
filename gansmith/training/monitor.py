"""What tells a sound run from a sick one: a few numbers of the game itself, at regular steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gansmith.batch import Batch
from gansmith.chance import Part, keyed
from gansmith.data.dataset import Dataset
from gansmith.duel.scores import Critic, Sample, parts, score
from gansmith.duel.slopes import NoWitness, slope
from gansmith.games.base import Duels, Game, Samples
from gansmith.objectives import NonSaturating, Objective, Relativistic, Saturating
from gansmith.objectives.base import Sum
from gansmith.training.hooks import Log
from gansmith.training.loop import Training

LOGISTIC = (NonSaturating, Saturating)
SOONEST = 50  # steps between two looks: a look costs about as much as a step


class Monitor(Log):
    r"""A line of JSON at some forty steps of a run: how the critic judges samples that are always the same.

    Of the game as it plays (not of its average), in evaluation mode:

    - ``score/train``, ``score/held_out``, ``score/fake``: mean scores, and ``score/error``, the standard error of the
      difference of the first two;
    - ``slope``: :math:`\sqrt{E \|\nabla_x D(x)\|^2}` at training samples;
    - ``doubt``: :math:`\frac{1}{2} \sum_i |\partial L_D / \partial s_i|`, how much the critic's loss (less penalties)
      still depends on its scores s, of logistic losses only: the mean probability of the wrong answer, 1/2 where it
      knows nothing and 0 where it is sure (others have their optimum where the like of it is 0);
    - ``diversity``: the mean distance between two fakes over that between two training samples.

    What a game has not is left out; what is not finite is null. A look changes nothing in a run. As in `Log`, lines
    beyond the checkpoint are dropped after a resume.

    Arguments:
        path: of the file, ``monitor.jsonl`` in a run folder.
        looks: about how many, at least 50 steps apart.
        n: samples of each kind.

    Example:
        >>> import tempfile
        >>> from gansmith.data import load
        >>> from gansmith.disk.log import read_log
        >>> from gansmith.recipes import gan
        >>> from gansmith.training.loop import train
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     monitor = Monitor(Path(folder) / "monitor.jsonl")
        ...     _ = train(Training(gan(load("ring"), steps=2)), [monitor])
        ...     [line["step"] for line in read_log(monitor.path)]
        [2]
    """

    def __init__(self, path: Path, looks: int = 40, n: int = 128) -> None:
        super().__init__(path)
        self.looks, self.n = looks, n

    def start(self, training: Training) -> None:
        super().start(training)
        data = training.stage.data
        self.every = max(SOONEST, training.stage.steps // self.looks)
        with keyed(Part((training.seed, "monitor"))):
            self.train = _some(data, data.train, self.n).to(training.device)
            self.held_out = _some(data, data.held_out, self.n).to(training.device)

    def step(self, training: Training) -> None:
        if training.step % self.every and training.step < training.stage.steps:
            return
        with keyed(Part((training.seed, "monitor")), training.device):
            self.write(training, look(training.game, self.train, self.held_out))


def look(game: Game, train: Batch, held_out: Batch) -> dict[str, float]:
    """The numbers of one line, as `Monitor` says.

    Arguments:
        game: plays duels; of another, which only samples, the diversity is all there is to see, as it is where the
            objective has no function of one sample (a critic of pairs).
        train: training samples, as many as fakes are made.
        held_out: samples that no player has seen; may be empty.
    """
    if not isinstance(game, Duels):
        return _diversity(train.x, game.sample(len(train))) if isinstance(game, Samples) else {}
    objective = game.objective
    with game.looking():
        critic, real, fake = game.duel(train)
        leaves = Leaves(critic)
        witness = objective.witness(leaves, real, fake)
        if isinstance(witness, NoWitness):
            return _diversity(parts(real)[0], parts(fake)[0])
        scores = score(witness, real)
        numbers = {"score/train": float(scores.mean()), "score/fake": float(score(witness, fake).mean())}
        if len(held_out) > 1:
            unseen = score(witness, game.duel(held_out)[1])
            numbers["score/held_out"] = float(unseen.mean())
            numbers["score/error"] = float((scores.var() / len(scores) + unseen.var() / len(unseen)).sqrt())
        if any(part.is_floating_point() for part in parts(real)):
            numbers["slope"] = float(slope(objective.witness(critic, real, fake), real).mean().sqrt())
        bare = objective.objective if isinstance(objective, Sum) else objective
        if _is_logistic(bare):
            numbers["doubt"] = leaves.doubt(bare, real, fake)
    return numbers | _diversity(parts(real)[0], parts(fake)[0])


def _is_logistic(objective: Objective) -> bool:
    return isinstance(objective.of if isinstance(objective, Relativistic) else objective, LOGISTIC)


class Leaves:
    """A critic whose outputs are remembered as leaves, to ask how a loss depends on them."""

    def __init__(self, critic: Critic) -> None:
        self.critic = critic
        self.outputs: dict[tuple[int, ...], tuple[Sample, Any]] = {}
        self.scores: list[Tensor] = []

    def __call__(self, sample: Sample) -> Any:
        key = tuple(map(id, parts(sample)))
        if key not in self.outputs:
            with torch.no_grad():
                output = self.critic(sample)
            self.outputs[key] = sample, self._leaf(output)  # the sample too: a freed one's id would be used again
        return self.outputs[key][1]

    def _leaf(self, output: Any) -> Any:
        """Scores, features or maps, alone, in a list, or with something beside."""
        if isinstance(output, (list, tuple)):
            return type(output)([self._leaf(part) for part in output])
        if isinstance(output, Tensor) and output.is_floating_point():
            self.scores.append(output.detach().requires_grad_())
            return self.scores[-1]
        return output

    def doubt(self, objective: Objective, real: Sample, fake: Sample) -> float:
        with torch.enable_grad():
            loss = objective.critic_loss(self, real, fake)
        slopes = torch.autograd.grad(loss, self.scores, allow_unused=True, materialize_grads=True)
        return float(sum(g.abs().sum() for g in slopes)) / 2


def _some(data: Dataset, index: Tensor, n: int) -> Batch:
    return data.select(index[torch.randperm(len(index))[:n]])


def _diversity(real: Tensor, fake: Tensor) -> dict[str, float]:
    if not (real.is_floating_point() and fake.is_floating_point()):
        return {}  # numbers of things have no distance
    of_real, of_fake = (float(torch.pdist(x.detach().float().flatten(1)).mean()) for x in (real, fake))
    return {"diversity": of_fake / of_real} if of_real > 0 else {}  # of one real sample there is none
