"""Errors of one line each in maps, codes, evaluation, data and a training as a whole, beside those of ``planted``."""

import inspect
import textwrap
from importlib import import_module

from planted import planted

from gansmith import chance, evaluate
from gansmith.data import augment, dataset, epochs
from gansmith.duel import scores
from gansmith.dynamics import Decay, Dynamics, Pull, extragradient
from gansmith.evaluate import neighbors
from gansmith.examinations import encoder
from gansmith.games import OGAN, Encodes, Sphere
from gansmith.games.average import Average
from gansmith.games.heads import Radius
from gansmith.networks import spectral
from gansmith.objectives import balance, patchwise, several
from gansmith.regularizers import DRAGAN, R1, Consistency, Lazy, LeCam, consistency, points
from gansmith.training.loop import Training

compare, frechet, kernel, memorization = (
    import_module(f"gansmith.evaluate.{name}") for name in ("compare", "frechet", "kernel", "memorization")
)


def rewrite(patch, function, right, wrong):
    """Changes one piece of a function's text, whoever imported it."""
    function = inspect.unwrap(function)
    text = textwrap.dedent(inspect.getsource(function))
    assert text.count(right) == 1, f"{right!r} stands {text.count(right)} times in {function.__qualname__}"
    made = {}
    exec("from __future__ import annotations\n" + text.replace(right, wrong), function.__globals__, made)
    patch.setattr(function, "__code__", inspect.unwrap(made[function.__name__]).__code__)


def one_line(error, function, right, wrong, *red):
    planted(error, *red)(lambda patch: rewrite(patch, function, right, wrong))


# networks and maps

one_line(
    "convolutions are not normalized",
    spectral.spectral_norm,
    "isinstance(m, LAYERS)",
    "isinstance(m, nn.Linear)",
    "spectral norm of a network",
)
one_line(
    "the first layer is not normalized",
    spectral.spectral_norm,
    "for _, layer in layers:",
    "for _, layer in layers[1:]:",
    "spectral norm of a network",
    "a critic of normalized layers",
)
one_line(
    "a folded network has the weights before normalization",
    spectral._plain,
    "getattr(module, name).clone()",
    "chains[name].original.clone()",
    "spectral norm of a network",
)
one_line(
    "the witness of maps is a sum over places",
    patchwise.mean_of_places,
    "scores.flatten(1).mean(1)",
    "scores.flatten(1).sum(1)",
    "Patchwise",
    "Several",
)
one_line(
    "the score of a map is a sum over places",
    scores.score,
    "full(output.flatten())",
    "full(output.flatten(1).sum(1))",
    "Patchwise",
    "Several",
)
one_line("the loss of scales is their mean", several._Scales._sum, ".sum()", ".mean()", "Several")
one_line(
    "the adaptive weight subtracts what keeps it finite",
    balance,
    "(weights[1] + eps)",
    "(weights[1] - eps)",
    "balance",
)

# terms

one_line(
    "slopes on both sides are on real samples",
    points.on_both,
    "[real, fake]",
    "[real, real]",
    "at D = |x|^2/2: GradientPower",
)
one_line("the partner is the one before", points._next, ".roll(-1, 0)", ".roll(1, 0)", "points within")
one_line(
    "DRAGAN's points lie around fake samples",
    DRAGAN.points,
    "enumerate(parts(real))",
    "enumerate(parts(fake))",
    "DRAGAN's points",
)
one_line(
    "R1 is taken on fake samples",
    R1.forward,
    "slope(witness or critic, real)",
    "slope(witness or critic, fake)",
    "non-saturating + R1(g) + R2(h)",
    "at D = |x|^2/2: R1",
)
one_line(
    "both sides of consistency have the weight of real samples",
    Consistency.forward,
    '("fake", self.fake_weight, fake)',
    '("fake", self.weight, fake)',
    "consistency: at D",
)
one_line("a lazy term counts each move twice", Lazy.advance_, "self.count += 1", "self.count += 2", "Lazy(R1, 4)")
one_line(
    "LeCam's form is one-sided where it is not asked", LeCam.forward, "if self.one", "if not self.one", "LeCam: w ("
)

# codes

one_line(
    "codes are not scaled to the latent",
    OGAN.rescale,
    " * self.latent.std",
    "",
    "O-GAN: a code is",
    "O-GAN: an interpolation",
    "O-GAN with the radius",
)
one_line(
    "an interpolation runs backwards", Encodes.interpolate, "u.lerp(v, t)", "v.lerp(u, t)", "O-GAN: an interpolation"
)
one_line(
    "the radius has twice its logarithm", Radius.forward, "squares.log() / 2", "squares.log()", "O-GAN with the radius"
)
one_line(
    "the score is a code's mean, whatever the head",
    OGAN._head,
    "self.head(code)",
    "code.mean(1)",
    "O-GAN with a linear head",
    "O-GAN with the radius",
)
one_line("the sphere has the radius d", Sphere.__call__, "math.sqrt(self.size)", "self.size", "latents have")

# evaluation

one_line(
    "covariances are over n",
    frechet.Moments.covariance,
    "(self.count - 1)",
    "self.count",
    "Frechet distance: |m",
)
one_line(
    "covariances of few vectors are over n",
    frechet._mean_and_factor,
    "(len(x) - 1) ** 0.5",
    "len(x) ** 0.5",
    "Frechet distance of fewer",
)
one_line("the polynomial kernel has the power 2", kernel._kernel, "** 3", "** 2", "kernel distance")
one_line(
    "the error of a kernel distance is doubled",
    evaluate.kernel_distance,
    "variance**0.5",
    "2 * variance**0.5",
    "kernel distance by simulation",
)
one_line(
    "a vector is its own neighbor",
    neighbors._candidates,
    "] = torch.inf",
    "] += 0",
    "nearest neighbors",
    "precision, recall",
    "duplicates",
)
one_line(
    "neighborhoods hold their border",
    evaluate.manifold,
    "inside = squares < dense",
    "inside = squares <= dense",
    "precision, recall",
)
one_line(
    "a vector counts among its others", evaluate.expected_coverage, "(real - 1 - i)", "(real - i)", "coverage of equal"
)
one_line(
    "distances between two sets count once",
    evaluate.energy_distance,
    "2 * total_distance(x, y)",
    "total_distance(x, y)",
    "energy distance",
    "floors",
)
one_line("the sliced distance has no root", evaluate.sliced_wasserstein, " ** (1 / p))", ")", "sliced Wasserstein")
one_line(
    "the floor sees the generated samples",
    compare._measured,
    "Sets(floor.real, floor.twin)",
    "Sets(floor.fake, floor.twin)",
    "floors",
)
one_line(
    "one more real sample is a near duplicate",
    evaluate.duplicates,
    "int(quantile * len(others)) - 1",
    "int(quantile * len(others))",
    "duplicates",
)
one_line("high quality is within two deviations", evaluate.mode_coverage, "3 * sd)", "2 * sd)", "modes")
one_line("the Laplacian's center weighs 3", evaluate.sharpness, "- 4 * inner", "- 3 * inner", "sharpness")
one_line(
    "a jackknife's error is doubled",
    evaluate.jackknife,
    "(a[name] - b[name]) / 2",
    "a[name] - b[name]",
    "jackknife",
)
one_line(
    "intervals are of 90 %", evaluate.Spread.interval, "halvings / 2, 0.975", "halvings / 2, 0.95", "intervals: 95 %"
)
one_line("a training sample's spacing is 0", memorization._authentic, "[0][:, 1]", "[0][:, 0]", "memorization")
one_line(
    "principal components are fitted on held-out samples",
    encoder.measure,
    "PrincipalComponents(fitted, linear)",
    "PrincipalComponents(data.crop(unseen.x), linear)",
    "held-out samples: principal",
    "held-out samples: probes",
)
one_line(
    "a probe is fitted on the codes that it is tried on",
    evaluate.linear_probe,
    "model.fit(train.cpu().numpy(), train_labels.cpu().numpy())",
    "model.fit(codes.cpu().numpy(), labels.cpu().numpy())",
    "held-out samples: probes",
)
one_line(
    "a judge is fitted on held-out samples, too",
    evaluate.ClassJudge.__init__,
    "_fit(_flat(x[rows]), y[rows].numpy(), seed)",
    "_fit(_flat(torch.cat([x, held_out[0]])), torch.cat([y, held_out[1]]).numpy(), seed)",
    "held-out samples: a judge",
)

# data

one_line(
    "shifts are to one side",
    augment.Augment.__call__,
    "* steps >> 20) - self.shift",
    "* steps >> 20)",
    "augmentation by",
)
one_line("a picture is moved alike in every epoch", augment._bits, "|augment|{walk}", "|augment", "augmentation")
one_line(
    "shifted borders are repeated",
    consistency._shifted,
    "(size - 1) - ((size - 1) - place).abs()",
    "place.clamp(max=size - 1)",
    "consistency's flips",
)
one_line("an epoch goes on with itself", epochs.positions, "epoch + 1, n)", "epoch, n)", "batches")
one_line(
    "held-out samples are trained on",
    dataset.assemble,
    "[held_out] = False",
    "[held_out] = True",
    "batches",
    "held-out samples: pr",
)

# a training

one_line("the average has no warm-up", Average._follow, "(1 + t) / (10 + t)", "1.0", "the average")
one_line(
    "the average follows twice a step",
    Training.advance,
    "self._average.update_parameters(stage.game)",
    "self._average.update_parameters(stage.game), self._average.update_parameters(stage.game)",
    "the average",
)
one_line(
    "a resumed run forgets its average",
    Training._load,
    'self._average.load_state_dict(versioned(state["average"], state.get("versions"), "module."))',
    "pass",
    "resume",
)
one_line(
    "unequal micro-batches count alike",
    Pull._over_micro_batches,
    "share = len(rows) / n",
    "share = 1 / self.micro",
    "parts of a batch",
)
one_line(
    "all ranks draw the first rows",
    chance._draw,
    "whole[times * part.offset : times * (part.offset + part.size)]",
    "whole[: times * part.size]",
    "parts of a batch",
)
one_line("all moves see the first batch", Dynamics._fresh, "self.draws += 1", "self.draws += 0", "fresh batches")
one_line(
    "a rate falls too little",
    Decay.factor,
    "(done - self.start) / (1 - self.start)",
    "done - self.start",
    "a falling rate",
)


@planted("a look-ahead leaves Adam's moments", "extragradient under Adam")
def _(patch):
    patch.setattr(extragradient, "save_optimizers", lambda optimizers: lambda: None)
