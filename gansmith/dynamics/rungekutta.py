"""The players' joint field as a differential equation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.optim import SGD, Optimizer

from gansmith.batch import Batch
from gansmith.chance import Key
from gansmith.dynamics.gradients import Diverged, Gradients, combine
from gansmith.dynamics.pull import Pull
from gansmith.dynamics.schedules import Schedule
from gansmith.dynamics.simultaneous import Pulled, Simultaneous
from gansmith.dynamics.snapshots import save_buffers, save_parameters
from gansmith.dynamics.tableaus import RK4, Tableau
from gansmith.games.base import Player
from gansmith.notes import Notes

TRIES = 10
LEAST = 1e-6  # of the learning rate: in smaller steps nothing moves
Fields = list[dict[str, Gradients]]


class RungeKutta(Simultaneous):
    r"""Integrates :math:`\dot\theta = -g(\theta)`, the joint field of all players, by a Runge-Kutta method (ODE-GAN).

    .. math::

        k_i = g\Big(\theta_t - h \sum_{j < i} a_{ij} k_j\Big), \qquad \theta_{t+1} = \theta_t - h \sum_i b_i k_i .

    Every stage evaluates *all* players at the stage's point of all players. (The public notebook of ODE-GAN moves each
    player through its stages with the other one frozen, and its Heun has :math:`a_{21} = 1/2` with weights 1/2, 1/2:
    both lose the order. This is the joint method, with :math:`a_{21} = 1`.) On a rotation, with :math:`a = h\omega`,
    a step has the modulus :math:`\sqrt{1 + a^2}` (EULER), :math:`\sqrt{1 + a^4 / 4}` (MIDPOINT, HEUN) and
    :math:`\sqrt{1 - a^6/72 + a^8/576}` (RK4), below 1 for :math:`a < 2\sqrt 2`.

    The step h of a parameter is the learning rate of its group, and the move goes through ``optimizer.step()`` with the
    gradient :math:`\sum_i b_i k_i`, so that EULER is :class:`Simultaneous`. Stages share one batch and key, start from
    the same buffers and leave those of the first one; constraints are met after the whole step. Transforms see what the
    optimizer gets.

    With ``regularize=(of, on, weight)`` the player ``on`` also descends
    :math:`\lambda \|\nabla_{\theta_{\mathrm{of}}} L_{\mathrm{of}}\|^2` (the sum of squares, no factor 1/2), by a step
    of Euler taken at the start: ``("generator", "critic", 0.07)`` is ODE-GAN's. It damps what the integration only
    follows exactly.

    With a ``tolerance`` the step adapts: h is the learning rate times a scale in [1e-6, 1], which shrinks until the
    root mean square over all parameters of :math:`h \sum_i (b_i - \hat b_i) k_i` is within it, on the same batch and
    without evaluating the first stage again, and grows back where the error allows. The scale is state; the step taken
    (of each player's first group) is in the notes as ``step_size``.

    Arguments:
        optimizers: for each player its plain ``torch.optim.SGD``, or several.
        method: EULER, MIDPOINT, HEUN, RK4, or a tableau of one's own.
        regularize: (whose gradient, in whose loss, weight).
        tolerance: largest error of a step, in the unit of the parameters; needs a method with embedded weights.
        pull: how gradients are computed, without autocast: differences of stages drown in its rounding.
        schedule: writes learning rates before each step.

    Raises:
        ValueError: an optimizer that is more than plain SGD; autocast; no tableau; a tolerance without embedded
            weights; players unknown; when stepping, no step within the tolerance.

    References:
        Training Generative Adversarial Networks by Solving Ordinary Differential Equations, Qin, Wu, Springenberg,
        Brock, Donahue, Lillicrap and Kohli, 2020, https://arxiv.org/abs/2010.15040.

    Example:
        >>> x = torch.nn.ParameterList([torch.ones(1)])
        >>> player = Player([x], lambda b: x[0].square().sum() / 2)  # x' = -x
        >>> dynamics = RungeKutta({"x": SGD(x, 0.5)})
        >>> _ = dynamics.step({"x": player}, lambda draw: Batch(torch.zeros(1, 1), None, torch.arange(1)), (0,))
        >>> round(x[0].item(), 4), round(math.exp(-0.5), 4)
        (0.6068, 0.6065)
    """

    full_precision = True

    def __init__(
        self,
        optimizers: Mapping[str, Optimizer | Sequence[Optimizer]],
        *,
        method: Tableau = RK4,
        regularize: tuple[str, str, float] | None = None,
        tolerance: float | None = None,
        pull: Pull | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(optimizers, pull=pull, schedule=schedule)
        self.method, self.regularize, self.tolerance = method, regularize, tolerance
        self.scale = self._last_scale = 1.0
        self._check_plain()
        if not isinstance(method, Tableau):
            raise ValueError(f"needs a tableau such as RK4, but got {method!r}: from gansmith.dynamics import RK4")
        if tolerance is not None and not (tolerance > 0 and method.embedded is not None):
            raise ValueError(
                "an adaptive step needs a tolerance above 0 and a method with embedded weights such as HEUN, but got "
                f"tolerance={tolerance} and {method}"
            )
        if regularize is not None and not (
            len(regularize) == 3 and {*regularize[:2]} <= set(self.optimizers) and regularize[2] >= 0
        ):
            raise ValueError(
                f"regularize needs (player, player, weight >= 0) of {', '.join(self.optimizers)}, but got {regularize}"
            )

    def _round(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Notes:
        self._check_plain()  # a schedule, or the caller, may have changed it
        notes = super()._round(players, batch, key)
        if self.tolerance is not None:
            for name, several in self.optimizers.items():
                rate = float(several[0].param_groups[0]["lr"])
                notes[f"{name}/step_size"] = torch.tensor(rate * self._last_scale, dtype=torch.float64)
        return notes

    def _field(self, players: Mapping[str, Player], batch: Callable[[int], Batch], key: Key) -> Pulled:
        draw = self._fresh(batch, key)
        restore_start = save_buffers(players)
        first, slope = self._first(players, draw)
        restore_after = save_buffers(players)
        restore_origin = save_parameters(p for player in players.values() for p in player.parameters())

        def stages(scale: float) -> Fields:
            fields: Fields = [{name: gradients for name, (gradients, _) in first.items()}]
            try:
                for row in self.method.stages[1:]:
                    self._go_to_stage(players, _sum(row, fields), scale)
                    restore_start()
                    fields.append({n: gradients for n, (gradients, _) in self._everyone(players, draw)[0].items()})
                    restore_origin()
            finally:
                restore_origin()
                restore_after()
            return fields

        fields = stages(1.0) if self.tolerance is None else self._within(players, stages)
        total = _sum(self.method.weights, fields)
        for name, gradients in slope.items():
            total[name] = combine([1.0, 1.0], [total[name], gradients])
        moves = self._transformed(players, {name: (total[name], notes) for name, (_, notes) in first.items()}, draw[1])
        if self.tolerance is None:
            return moves
        return {name: (combine([self._last_scale], [gradients]), notes) for name, (gradients, notes) in moves.items()}

    def _first(self, players: Mapping[str, Player], draw: tuple[Batch, Key]) -> tuple[Pulled, dict[str, Gradients]]:
        """The first stage, and the regularizer's gradient at its point."""
        if self.regularize is None:
            return self._everyone(players, draw)
        of, on, weight = self.regularize
        pulled, slopes = self._everyone(players, draw, {of: players[on].parameters()})
        return pulled, {on: combine([2 * weight], [slopes[of]])}

    def _go_to_stage(self, players: Mapping[str, Player], gradients: Mapping[str, Gradients], scale: float) -> None:
        """From the origin to a stage's point."""
        for name, player in players.items():
            rates = self._rates(name)
            with torch.no_grad():
                for p, g in zip(player.parameters(), gradients[name], strict=True):
                    if g is not None:
                        p.sub_(g, alpha=rates[id(p)] * scale)

    def _rates(self, name: str) -> dict[int, float]:
        groups = (group for optimizer in self.optimizers[name] for group in optimizer.param_groups)
        return {id(p): float(group["lr"]) for group in groups for p in group["params"]}

    def _within(self, players: Mapping[str, Player], stages: Callable[[float], Fields]) -> Fields:
        scale, tolerance = self.scale, self.tolerance or 0.0
        for _ in range(TRIES):
            diverged = None
            try:
                fields = stages(scale)
                error = self._error(players, fields, scale)
            except Diverged as bad:  # a later stage went too far
                diverged, error = bad, math.inf
            # the error of an embedded method of order 1 is of order 2 in h; 0.9 against steps that just miss
            factor = 0.9 * math.sqrt(tolerance / max(error, tolerance * 1e-6))
            if error <= tolerance:
                self._last_scale, self.scale = scale, min(max(scale * min(max(factor, 0.5), 2.0), LEAST), 1.0)
                return fields
            previous, scale = scale, scale * max(factor, 0.1)
            if scale < LEAST:
                break
        if diverged is not None:
            raise diverged
        raise ValueError(
            f"needs a step whose error is within tolerance={tolerance:g}, but of the last try, at {previous:.1g} times "
            f"the learning rate, it was {error:.3g}: raise the tolerance, or lower the learning rate"
        )

    def _error(self, players: Mapping[str, Player], fields: Fields, scale: float) -> float:
        """Of two stages that agree to the last digit the difference is known up to their rounding, and is not 0."""
        weights = [b - low for b, low in zip(self.method.weights, self.method.embedded or (), strict=True)]
        rounding = max(torch.finfo(p.dtype).eps for player in players.values() for p in player.parameters())
        return max(self._size(players, _sum(weights, fields), scale), rounding * self._size(players, fields[0], scale))

    def _size(self, players: Mapping[str, Player], step: Mapping[str, Gradients], scale: float) -> float:
        """Root mean square over all parameters."""
        squares, n = [], 0
        for name, gradients in step.items():
            rates = self._rates(name)
            for p, g in zip(players[name].parameters(), gradients, strict=True):
                n += p.numel()
                if g is not None:
                    squares.append((g * (rates[id(p)] * scale)).square().sum(dtype=torch.float64))
        return math.sqrt(float(torch.stack(squares).sum()) / n)

    def _check_plain(self) -> None:
        for name, several in self.optimizers.items():
            for optimizer in several:
                _check_plain(name, type(optimizer), optimizer.param_groups)

    def _check_state(self, state: Mapping[str, Any]) -> None:
        super()._check_state(state)
        scale = state["scale"]
        if not (isinstance(scale, float) and 0 < scale <= 1):
            raise ValueError(f"needs a scale of the step in (0, 1], but got scale={scale}: the state is another run's")
        for name, several in self.optimizers.items():
            for optimizer, saved in zip(several, state["optimizers"][name], strict=True):
                _check_plain(name, type(optimizer), saved["param_groups"])

    def state_dict(self) -> dict[str, Any]:
        """Steps, draws, the optimizers' states, and the scale of the step."""
        return super().state_dict() | {"scale": self.scale}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.scale = state["scale"]


def _check_plain(name: str, kind: type[Optimizer], groups: Sequence[Mapping[str, Any]]) -> None:
    plain = {"momentum": 0, "weight_decay": 0, "maximize": False}
    extra = [k for k, v in plain.items() for group in groups if group.get(k, v) != v]
    if kind is not SGD or extra:
        raise ValueError(
            "Runge-Kutta needs plain SGD, whose learning rate is the step h, but the "
            f"{name}'s optimizer is {kind.__name__}{' with ' * bool(extra)}{', '.join(extra)}: "
            "use torch.optim.SGD(parameters, h), and put a decay of weights into the loss"
        )


def _sum(weights: Sequence[float], fields: Fields) -> dict[str, Gradients]:
    return {name: combine(weights, [field[name] for field in fields]) for name in fields[0]}
