"""Choices that do not work well together, and that raise no error by themselves."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gansmith.games.base import Player
from gansmith.games.several_critics import Beside
from gansmith.networks.spectral import spectral_norms
from gansmith.objectives.base import Objective, Sum
from gansmith.regularizers import Lazy, Regularizer

_SHAPES = (nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout)
_SIGMOIDS = (nn.Sigmoid, nn.Hardsigmoid)


def conflicts(players: Mapping[str, Player], autocast: torch.dtype | None = None) -> list[str]:
    """Choices in a game that do not work well together: sentences with what, why, and the cure; empty if all is well.

    They are BatchNorm in a critic under a term with slopes or beside spectral normalization; float16 under a term with
    slopes; a sigmoid as the critic's last module before an objective of logits; and spectral normalization twice on a
    layer. Only modules are inspected: a ``torch.sigmoid`` in a ``forward`` goes unnoticed.

    Arguments:
        players: a game's players; the critic is what a player owns beside its objective.
        autocast: the precision of forward passes, None for that of the parameters.

    Example:
        >>> from gansmith.games import GAN
        >>> from gansmith.games.latents import Normal
        >>> from gansmith.networks import MLP
        >>> from gansmith.objectives import NonSaturating
        >>> critic = nn.Sequential(MLP(2, 1), nn.Sigmoid(), nn.Flatten(0))
        >>> [sentence] = conflicts(GAN(MLP(4, 2), critic, NonSaturating(), Normal(4)).players())
        >>> sentence.split(":")[0]
        'a sigmoid is the last layer of a critic under NonSaturating'
    """
    sentences: list[str] = []
    for player in players.values():
        sentences += _spectral_norm_twice(player.modules)
        objectives = [m for m in player.modules if isinstance(m, Objective)]
        critics = [m for m in player.modules if not isinstance(m, (Objective, Beside))]
        if objectives and critics:
            sentences += _around(critics, objectives, autocast)
        for each in (m for m in player.modules if isinstance(m, Beside)):
            sentences += _around([each.critic], [each.objective], autocast)
    return sentences


def conflicts_between(critic: nn.Module, objective: Objective, autocast: torch.dtype | None = None) -> list[str]:
    """As :func:`conflicts`, for a critic and an objective in a loop of one's own.

    Arguments:
        critic: the network that scores.
        objective: with its terms.
        autocast: the precision of forward passes, None for that of the parameters.

    Example:
        >>> from gansmith.objectives import Hinge
        >>> from gansmith.regularizers import R1
        >>> critic = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 1), nn.Flatten(0))
        >>> len(conflicts_between(critic, Hinge())), len(conflicts_between(critic, Hinge() + R1()))
        (0, 1)
    """
    return [*_spectral_norm_twice([critic]), *_around([critic], [objective], autocast)]


def conflicts_with_data(game: nn.Module, samples: int, batch: int) -> list[str]:
    """Choices that do not fit the data: lazy terms on so few samples that all are used between two penalties.

    The critic may then learn each training sample by heart before a penalty comes: a term of every k-th move needs
    more than k batches of samples.

    Arguments:
        game: holds its objective.
        samples: number of training samples.
        batch: samples a batch.

    Example:
        >>> from gansmith.regularizers import R1
        >>> len(conflicts_with_data(Lazy(R1(), 16), samples=1000, batch=64))
        1
    """
    return [
        f"{type(m.term).__name__} in every {m.every}th move on {samples} training samples: with batches of {batch} the "
        f"critic passes over all of them between two penalties, free to learn each by heart. Use it in every move, or "
        f"Lazy with every={max(1, samples // batch)} or less"
        for m in game.modules()
        if isinstance(m, Lazy) and m.side == "critic" and m.every > 1 and m.every * batch > samples
    ]


def warn(sentences: Iterable[str]) -> None:
    """Each sentence as a UserWarning."""
    for sentence in sentences:
        warnings.warn(sentence, stacklevel=3)


def _around(critics: list[nn.Module], objectives: list[Objective], autocast: torch.dtype | None) -> Iterator[str]:
    terms = [m for o in objectives for m in o.modules() if isinstance(m, Regularizer)]
    slopes = " and ".join(dict.fromkeys(type(t).__name__ for t in terms if t.slopes and not isinstance(t, Lazy)))
    layers = [m for critic in critics for m in critic.modules()]
    normalized = any(isinstance(m, _BatchNorm) and (m.training or not m.track_running_stats) for m in layers)
    if normalized and slopes:
        yield (
            f"BatchNorm in a critic under {slopes}: a score depends on the whole batch then, so that slopes taken "
            "sample by sample are mixed and the penalty restrains something else. Use LayerNorm, GroupNorm, or no "
            "normalization in the critic"
        )
    if normalized and any(spectral_norms(m) for m in layers):
        yield (
            "BatchNorm in a critic with spectral normalization: it divides by the batch's deviation and multiplies by "
            "a factor of its own, which undoes the bound on the slope. Leave BatchNorm out of the critic"
        )
    half = autocast == torch.float16 or any(p.dtype == torch.float16 for critic in critics for p in critic.parameters())
    if half and slopes:
        yield (
            f"float16 under {slopes}: gradients of a score in pixels are so small, and their powers so far apart, that "
            "they vanish below 6e-8 or overflow above 65504. Use bfloat16 or float32"
        )
    if any(o.logits for o in objectives) and isinstance(_last(critics[-1]), _SIGMOIDS):
        yield (
            f"a sigmoid is the last layer of a critic under {_name(objectives[0])}: this loss takes scores on the "
            "whole real line; between 0 and 1 they cannot move far enough apart, and a sigmoid's gradient fades at "
            "both ends. Leave the sigmoid out"
        )


def _last(module: nn.Module) -> nn.Module:
    """The last module by order of registration, which is the order of execution where a network is a sequence."""
    children = [child for child in module.children() if not isinstance(child, _SHAPES)]
    return _last(children[-1]) if children else module


def _name(objective: Objective) -> str:
    return type(objective.objective if isinstance(objective, Sum) else objective).__name__


def _spectral_norm_twice(modules: Iterable[nn.Module]) -> Iterator[str]:
    for module in modules:
        for name, layer in module.named_modules():
            if (times := spectral_norms(layer)) > 1:
                yield (
                    f"spectral normalization {times} times on the layer {name or type(layer).__name__}: the second "
                    "finds a norm of about 1 and costs another power iteration in each pass. Apply it once, by "
                    "gansmith.networks.spectral_norm"
                )
