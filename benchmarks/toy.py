"""Modes in the plane: every objective on PacGAN's ring of 8 and grid of 25, judged as PacGAN does.

One cell is one objective with one constraint. ``core`` are the cells that are to reach all modes: three seeds, at most
60 seconds of one core a run. ``others`` are all other objectives with no constraint, R1, a gradient penalty and
spectral normalization: one seed, at most 30 seconds, against the prediction below, which was written before the run.
Networks, rates and weights were chosen with seeds 100 and 101.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

import torch
from results import Kept, put_into_zoo, record
from torch import Tensor, nn

from gansmith.data import load
from gansmith.data.mixtures import grid_modes, ring_modes
from gansmith.duel.scores import Critic
from gansmith.duel.slopes import NoWitness
from gansmith.dynamics import Decay
from gansmith.dynamics.pull import Diverged
from gansmith.evaluate.modes import mode_coverage
from gansmith.games import GAN
from gansmith.games.latents import Normal
from gansmith.networks import spectral_norm
from gansmith.objectives import (
    CovarianceMatching,
    Divergence,
    Fisher,
    Hinge,
    KernelDiscrepancy,
    LeastSquares,
    MeanCovarianceMatching,
    MeanMatching,
    NonSaturating,
    Objective,
    PairwiseQuadratic,
    Quadratic,
    Relativistic,
    Saturating,
    SlopeQuadratic,
    Wasserstein,
)
from gansmith.objectives.divergence import KL, NEYMAN, PEARSON, REVERSE_KL, SQUARED_HELLINGER, TOTAL_VARIATION
from gansmith.recipes.pairs import adam
from gansmith.regularizers import R1, R2, GradientPenalty, GradientPower
from gansmith.training.experiment import Experiment, Stage
from gansmith.training.loop import Training, train

POINTS, FEATURES = 2500, 16
SLOPE_PENALTY = 0.1
ROUNDS = {"core": 12_000, "others": 3_000}
KERNEL_ROUNDS = 800  # of the others' two kernel discrepancies, whose rounds take four times as long


@dataclass(frozen=True)
class Plane:
    """A mixture, and what goes with its scale: lengths in the grid are about three times those in the ring."""

    name: str
    modes: tuple[Tensor, float]
    scale: float
    gamma: float  # of R1 and R2
    power: float  # of the gradient's power 2
    slope: float  # of SlopeQuadratic


PLANES = {
    "ring": Plane("ring", ring_modes(), 1.0, 0.02, 0.05, 0.3),
    "grid": Plane("grid", grid_modes(), 3.0, 0.3, 0.5, 3.0),
}

KINDS: dict[str, type[Objective]] = {k.__name__: k for k in (NonSaturating, LeastSquares, Hinge, Relativistic)}
CORE = [*(f"{k} + R1" for k in KINDS), *(f"{k} + R1 + R2" for k in KINDS), "Wasserstein + GradientPower(p=2)"]
CORE += ["SlopeQuadratic"]
OTHERS: dict[str, Callable[[], Objective]] = {
    "Saturating": Saturating,
    "Divergence(KL)": lambda: Divergence(KL),
    "Divergence(REVERSE_KL)": lambda: Divergence(REVERSE_KL),
    "Divergence(PEARSON)": lambda: Divergence(PEARSON),
    "Divergence(NEYMAN)": lambda: Divergence(NEYMAN),
    "Divergence(SQUARED_HELLINGER)": lambda: Divergence(SQUARED_HELLINGER),
    "Divergence(TOTAL_VARIATION)": lambda: Divergence(TOTAL_VARIATION),
    "Relativistic(average)": lambda: Relativistic(average=True),
    "Wasserstein": Wasserstein,
    "Quadratic": Quadratic,
    "PairwiseQuadratic": PairwiseQuadratic,
    "Fisher": lambda: Fisher(1e-3),
    "KernelDiscrepancy": KernelDiscrepancy,
    "KernelDiscrepancy, repulsive": lambda: KernelDiscrepancy(contraction=-1, bounds=(0.25, 4.0)),
    "MeanMatching": lambda: MeanMatching(2, FEATURES),
    "MeanMatching, dual": lambda: MeanMatching(2, dual=True),
    "CovarianceMatching": lambda: CovarianceMatching(4, FEATURES),
    "CovarianceMatching, dual": lambda: CovarianceMatching(4, dual=True),
    "MeanCovarianceMatching": lambda: MeanCovarianceMatching(2, 4, FEATURES),
    "MeanCovarianceMatching, dual": lambda: MeanCovarianceMatching(2, 4, dual=True),
}
CONSTRAINTS = ("none", "R1", "gradient penalty", "spectral norm")
PREDICTED = {  # of both mixtures, by constraint: all, some or few of the modes; - where there is no such slope
    "Saturating": "few all some some",
    "Divergence(KL)": "few some some some",
    "Divergence(REVERSE_KL)": "some some some some",
    "Divergence(PEARSON)": "few all some some",
    "Divergence(NEYMAN)": "few some some some",
    "Divergence(SQUARED_HELLINGER)": "few some some some",
    "Divergence(TOTAL_VARIATION)": "few few some some",
    "Relativistic(average)": "some all some some",
    "Wasserstein": "few few some some",
    "Quadratic": "all all some some",
    "PairwiseQuadratic": "some - - some",
    "Fisher": "some some some some",
    "KernelDiscrepancy": "few some all some",
    "KernelDiscrepancy, repulsive": "few some some some",
    "MeanMatching": "few few some some",
    "MeanMatching, dual": "few few some some",
    "CovarianceMatching": "few few some some",
    "CovarianceMatching, dual": "few few some some",
    "MeanCovarianceMatching": "few few some some",
    "MeanCovarianceMatching, dual": "few few some some",
}


SETTING = (
    "PacGAN's mixtures (90,000 points to train on) and evaluation: 2,500 samples of the averaged generator, of high "
    "quality within three deviations of the nearest mode. Networks of three hidden layers of 64, ReLU in the generator "
    "and leaky in the critic, biases spread at the start, latent of 2, batches of 128, Adam 3e-3 (0, 0.99) falling to "
    "0 after 30 %, one critic move, float32, one thread."
)
WEIGHTS = (
    "Weights, chosen with seeds 100 and 101 ("
    + "; ".join(
        f"{p.name}: gamma of R1 and R2 {p.gamma:g}, k of the power {p.power:g}, of SlopeQuadratic {p.slope:g}"
        for p in PLANES.values()
    )
    + ").\n"
)


@dataclass(frozen=True)
class Cell:
    """One run."""

    part: str
    objective: str
    constraint: str
    plane: str
    seed: int


@dataclass(frozen=True)
class Found:
    """What a run came to; the reason where it came to nothing."""

    modes: int = 0
    high_quality: float = 0.0
    reverse_kl: float = math.nan
    seconds: float = 0.0
    reason: str = ""


class Pairs(nn.Module):
    """A critic of pairs from one of points twice as long."""

    def __init__(self, critic: nn.Module) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        scores: Tensor = self.critic(torch.cat(pair, 1))
        return scores


def network(inputs: int, outputs: int | None, activation: nn.Module, scale: float = 1.0) -> nn.Sequential:
    """Three hidden layers of 64 whose kinks are spread over the data: biases start as N(0, 1/2), not 0.

    A generator of ReLUs is flat in places, and so puts mass on points, which one of leaky ReLUs is nowhere (grid, seed
    100: 91 % of high quality with ReLUs, 73 % with leaky ones).
    """
    layers: list[nn.Module] = []
    for i in range(3):
        linear = nn.Linear(inputs if i == 0 else 64, 64)
        nn.init.kaiming_normal_(linear.weight, a=0.2)
        nn.init.normal_(linear.bias, 0, 0.5 * (scale if i == 0 else 1))
        layers += [linear, activation]
    last = nn.Linear(64, outputs or 1)
    nn.init.xavier_normal_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last, *([nn.Flatten(0)] if outputs is None else []))


def run(cell: Cell) -> Found:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    torch.manual_seed(cell.seed)
    plane = PLANES[cell.plane]
    critic: nn.Module = network(*inputs_and_outputs(cell), nn.LeakyReLU(0.2), plane.scale)
    if cell.constraint == "spectral norm":
        spectral_norm(critic)
    if cell.objective == "PairwiseQuadratic":
        critic = Pairs(critic)
    objective = core(cell.objective, plane) if cell.part == "core" else constrained(cell, plane)
    game = GAN(network(2, 2, nn.ReLU()), critic, objective, Normal(2))
    rounds = KERNEL_ROUNDS if "Kernel" in cell.objective else ROUNDS[cell.part]
    dynamics = adam(game, rounds, 3e-3)
    dynamics.schedule = Decay(rounds, end=0.0)
    stage = Stage(game, dynamics, load(cell.plane), rounds, 128)
    training = Training(Experiment([stage]), seed=cell.seed, device="cpu", precision="float32")
    begun = time.process_time()
    if cell.constraint in ("R1", "gradient penalty") and isinstance(witness(game, training), NoWitness):
        return Found(reason="-")
    try:
        train(training)
    except Diverged:
        return Found(seconds=time.process_time() - begun, reason="diverged")
    torch.manual_seed(cell.seed)
    average = training.average
    assert isinstance(average, GAN)
    points = average.sample(POINTS)
    seconds = time.process_time() - begun
    if not points.isfinite().all():
        return Found(seconds=seconds, reason="diverged")
    found = mode_coverage(points, *plane.modes)
    return Found(found.captured, found.high_quality, found.reverse_kl, seconds)


def witness(game: GAN, training: Training) -> Critic:
    with torch.no_grad():
        return game.objective.witness(*game.duel(training.batch(0)))


def inputs_and_outputs(cell: Cell) -> tuple[int, int | None]:
    reads_features = "Matching" in cell.objective or "Kernel" in cell.objective
    return 4 if cell.objective == "PairwiseQuadratic" else 2, FEATURES if reads_features else None


def core(name: str, plane: Plane) -> Objective:
    if name == "SlopeQuadratic":
        return SlopeQuadratic(plane.slope)
    kind, *terms = name.split(" + ")
    if kind == "Wasserstein":
        return Wasserstein() + GradientPower(plane.power, 2)
    objective: Objective = KINDS[kind]() + R1(plane.gamma)
    return objective + R2(plane.gamma) if "R2" in terms else objective


def constrained(cell: Cell, plane: Plane) -> Objective:
    objective = OTHERS[cell.objective]()
    if cell.constraint == "R1":
        return objective + R1(plane.gamma)
    return objective + GradientPenalty(SLOPE_PENALTY) if cell.constraint == "gradient penalty" else objective


def word(found: Found, modes: int) -> str:
    """All: all but one in 25 modes and 80 % of high quality; some: half of the modes and 20 %."""
    if found.reason == "-":
        return "-"
    if found.modes >= modes - (modes == 25) and found.high_quality >= 0.8:
        return "all"
    return "some" if 2 * found.modes >= modes and found.high_quality >= 0.2 else "few"


def cells(part: str) -> Iterator[Cell]:
    for plane in PLANES:
        if part == "core":
            yield from (Cell(part, name, "", plane, seed) for name in CORE for seed in range(3))
        else:
            yield from (Cell(part, name, constraint, plane, 0) for name in OTHERS for constraint in CONSTRAINTS)


def core_table(found: dict[Cell, Found]) -> str:
    """The rows of both documents; RESULTS.md has each seed, too."""
    lines = [
        "| objective | ring: modes | high quality | reverse KL | grid: modes | high quality | reverse KL | seconds, at "
        "most | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in CORE:
        row, right, most = f"| {name} ", True, 0.0
        for plane, wanted in (("ring", 8.0), ("grid", 24.5)):
            runs = [found[cell] for cell in found if (cell.objective, cell.plane) == (name, plane)]
            modes, quality = fmean(r.modes for r in runs), fmean(r.high_quality for r in runs)
            right &= modes >= wanted and quality >= 0.9
            most = max(most, *(r.seconds for r in runs))
            each = ", ".join(f"{r.high_quality:.1%}" for r in runs)
            row += f"| {modes:.1f} | {quality:.1%} ({each}) | {fmean(r.reverse_kl for r in runs):.3f} "
        lines.append(f"{row}| {most:.0f} | {'reached' if right and most <= 60 else 'missed'} |")
    return "\n".join(lines)


def others_table(found: dict[Cell, Found]) -> str:
    lines = [
        "## Modes in the plane: every other objective, against a prediction\n",
        f"{SETTING} {ROUNDS['others']:,} rounds ({KERNEL_ROUNDS:,} of kernel discrepancies), seed 0; R1 weighs as "
        f"in the table above, the gradient penalty {SLOPE_PENALTY} around slope 1. *all*: at least 8 (24) modes "
        "and 80 % of high quality; *some*: half of the modes and 20 %; *few*: less, or it diverged. The predictions "
        "stand in the script, and were committed before the run (those of reverse KL, Neyman, Hellinger and total "
        "variation when the other rows had been seen; Jensen-Shannon's plain form is Saturating). -: the objective has "
        "no function of one sample whose slope could be restrained.\n",
        "| objective | constraint | predicted | ring | modes | high quality | grid | modes | high quality |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    right = total = 0
    for name in OTHERS:
        for constraint, predicted in zip(CONSTRAINTS, PREDICTED[name].split(), strict=True):
            row = f"| {name} | {constraint} | {predicted} "
            for plane in PLANES.values():
                seen = next(
                    f
                    for c, f in found.items()
                    if (c.objective, c.constraint, c.plane) == (name, constraint, plane.name)
                )
                said = word(seen, len(plane.modes[0]))
                if not predicted == said == "-":
                    right, total = right + (said == predicted), total + 1
                numbers = f"{seen.modes} | {seen.high_quality:.1%}" if not seen.reason else f"{seen.reason} |"
                row += f"| {said} | {numbers} "
            lines.append(row + "|")
    slowest = max(f.seconds for f in found.values())
    lines.append(f"\n{right} of {total} as predicted. The slowest run took {slowest:.0f} seconds of one core.")
    return "\n".join(lines)


def known(kept: Kept) -> dict[Cell, Found]:
    """The finished runs of this commit, by their cells."""
    names = Cell.__dataclass_fields__
    return {
        Cell(**{k: v for k, v in r.items() if k in names}): Found(**{k: v for k, v in r.items() if k not in names})
        for r in kept.runs
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["core", "others"])
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time, each on one core")
    parser.add_argument("--kept", type=Path, help="a file of finished runs: this commit's are taken, others added")
    args = parser.parse_args()
    kept = Kept(args.kept)
    found = known(kept)
    todo = [cell for cell in cells(args.part) if cell not in found]
    with ProcessPoolExecutor(args.parallel, get_context("spawn")) as pool:
        for cell, result in zip(todo, pool.map(run, todo), strict=True):
            found[cell] = result
            kept.add({**asdict(cell), **asdict(result)})
    if args.part == "others":
        record("toy-others", others_table(found))
        return
    table = core_table(found)
    head = (
        "## Modes in the plane: cells that are to reach all\n\n"
        f"{SETTING} {ROUNDS['core']:,} rounds, seeds 0, 1 and 2. Wanted: 8 and 24.5 modes and 90 % of high quality on "
        f"average (a perfect generator has 98.9 %), in at most 60 seconds of one core a run. {WEIGHTS}\n"
    )
    record("toy-core", head + table)
    put_into_zoo("plane", table)


if __name__ == "__main__":
    main()
