"""Every recipe trains, with every word that its flags know, and refuses data and words that it cannot play."""

import pytest
import torch
from runs import OF_IMAGES, TINY
from torch import nn
from torch.optim import RMSprop

from gansmith import recipes
from gansmith.batch import Batch
from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.data.dataset import Dataset
from gansmith.duel.scores import score
from gansmith.dynamics import Simultaneous
from gansmith.dynamics.conflicts import conflicts
from gansmith.exhibits.points import level_of
from gansmith.games import Mean, Radius
from gansmith.networks import MLP, TutorialCritic, TutorialGenerator
from gansmith.networks.spectral import spectral_norms
from gansmith.objectives import Hinge, NonSaturating, divergence
from gansmith.objectives.kernels import RBF, DistanceKernel, RationalQuadratic
from gansmith.runs.folder import RunFolder
from gansmith.runs.lookup import described
from gansmith.training.experiment import Experiment
from gansmith.training.loop import Training, train

PAIRS = {
    "kl": divergence.KL,
    "reverse-kl": divergence.REVERSE_KL,
    "js": divergence.JENSEN_SHANNON,
    "pearson": divergence.PEARSON,
    "neyman": divergence.NEYMAN,
    "hellinger": divergence.SQUARED_HELLINGER,
    "tv": divergence.TOTAL_VARIATION,
}
KINDS = {"distance": DistanceKernel, "rational-quadratic": RationalQuadratic, "rbf": RBF}
BOTH = [(centered, dual) for centered in (False, True) for dual in (False, True)]
WORDS = [  # a recipe, its flags, and what of the game they make
    *(
        ("fgan", {"divergence": word, "trick": trick}, lambda o, w=word, t=trick: o.pair is PAIRS[w] and o.trick is t)
        for word in PAIRS
        for trick in (False, True)
    ),
    *(
        ("mcgan-mean", {"p": p, "dual": dual}, lambda o, p=p, d=dual: o.p == float(p) and o.dual is d)
        for p in ("1", "2", "inf")
        for dual in (False, True)
    ),
    *(
        ("mcgan-cov", {"centered": c, "dual": d, "k": 3}, lambda o, c=c, d=d: (o.k, o.centered, o.dual) == (3, c, d))
        for c, d in BOTH
    ),
    *(
        (
            "mcgan",
            {"centered": c, "dual": d, "k": 3, "p": "inf"},
            lambda o, c=c, d=d: (o.covariance.k, o.mean.p, o.centered, o.dual) == (3, float("inf"), c, d),
        )
        for c, d in BOTH
    ),
    *(("mmd", {"kernel": word}, lambda o, kind=kind: type(o.kernel) is kind) for word, kind in KINDS.items()),
    ("sngan", {"loss": "hinge"}, lambda o: type(o) is Hinge),
    ("sngan", {"loss": "non-saturating"}, lambda o: type(o) is NonSaturating),
    ("fisher", {"rho": 0.5}, lambda o: o.rho == 0.5),
]
HEADS = {
    "mean": lambda head: type(head) is Mean,
    "linear": lambda head: type(head) is nn.Linear,
    "mlp": lambda head: type(head) is MLP and head.scores,
    "polar": lambda head: type(head) is Radius and not head.log,
    "log-polar": lambda head: type(head) is Radius and head.log,
}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def mnist_like(side=28, n=40) -> Dataset:
    """Pictures padded to 32 pixels."""
    x = torch.randint(0, 256, (n, 1, 32, 32), generator=torch.Generator().manual_seed(0)).byte()
    order = torch.arange(n)
    return Dataset("noise", x, None, order[:32], order[32:], (side, side), "noise", "", ())


def trained(name, data, steps=2, **arguments):
    experiment = getattr(recipes, name.replace("-", "_"))(data, steps, **({"batch": 16, "width": 16} | arguments))
    training = Training(experiment, device="cpu", precision="float32")
    return train(training)


@pytest.mark.parametrize("name", described())
def test_every_recipe_trains_on_digits(name, elsewhere, capsys):
    assert main(["train", name, *TINY]) == 0
    run = elsewhere / "runs" / f"{name}-digits-1"
    assert {"overview.png", "real", "report.html"} <= {f.name for f in run.iterdir()}
    assert RunFolder.open(run).record["status"] == "finished"


@pytest.mark.parametrize("name", sorted(set(described()) - OF_IMAGES))
def test_others_train_on_points_too(name, elsewhere, capsys):
    assert main(["train", name, "--data", "grid", *TINY]) == 0
    assert (elsewhere / "runs" / f"{name}-grid-1" / "overview.png").exists()


@pytest.mark.parametrize("name", sorted(OF_IMAGES))
def test_a_recipe_of_images_refuses_points(name, elsewhere, capsys):
    assert main(["train", name, "--data", "ring", *TINY]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "needs images" in said and "vectors of 2 numbers" in said and "r3" in said
    assert not (elsewhere / "runs").exists()


@pytest.mark.parametrize(("name", "words", "made"), WORDS, ids=lambda v: v if isinstance(v, str) else "")
def test_every_word_of_a_flag_makes_what_it_says_and_trains(name, words, made, digits):
    training = trained(name, digits, **words)
    objective = training.game.objective
    assert made(getattr(objective, "objective", objective))
    assert training.step == 2 and all(torch.isfinite(p).all() for p in training.game.parameters())


@pytest.mark.parametrize("name", HEADS)
def test_every_head_of_an_ogan(name, digits):
    game = trained("ogan", digits, head=name).game
    assert HEADS[name](game.head) and game.reconstruct(digits.values(digits.held_out[:3])).isfinite().all()


@pytest.mark.parametrize(("centered", "dual"), BOTH)
def test_centered_covariances_bound_the_critic_and_others_its_slope(centered, dual, digits):
    for name in ("mcgan", "mcgan-cov"):
        game = trained(name, digits, centered=centered, dual=dual, penalty=0.7).game
        normed = sum(spectral_norms(m) for m in game.critic.modules())
        weights = [term.weight for term in getattr(game.objective, "terms", [])]
        assert (normed > 0, weights) == ((True, []) if centered else (False, [0.7]))


def optimizers(name, data, **arguments):
    stage = getattr(recipes, name)(data, 2, width=16, **arguments).stages[0]
    return stage, {player: several[0] for player, several in stage.dynamics.optimizers.items()}


def test_the_first_wgan_clips_and_moves_its_critic_often(digits):
    stage, made = optimizers("wgan", digits, rate=0.01, clip=0.02, moves=3)
    assert all(type(o) is RMSprop and o.param_groups[0]["lr"] == 0.01 for o in made.values())
    assert [stage.dynamics.moves_in(step) for step in (0, 24, 25, 500)] == [61, 61, 4, 61]
    game = train(Training(Experiment([stage]), device="cpu", precision="float32")).game
    assert max(float(p.detach().abs().max()) for p in game.critic.parameters()) == pytest.approx(0.02)
    assert any(isinstance(m, nn.BatchNorm2d) for m in game.critic.modules())


@pytest.mark.parametrize(
    ("name", "arguments", "betas"),
    [
        ("dcgan", {}, (0.5, 0.999)),
        ("sngan", {}, (0.0, 0.99)),
        ("sngan", {"network": "tutorial"}, (0.5, 0.999)),
        ("r3", {}, (0.0, 0.99)),
        ("gan_qp", {}, (0.5, 0.9)),
    ],
)
def test_the_momenta_of_adam(name, arguments, betas):
    _, made = optimizers(name, mnist_like(), **arguments)
    assert {o.param_groups[0]["betas"] for o in made.values()} == {betas}


def test_wgan_divs_weight_and_power_and_the_critics_moves(digits):
    stage, _ = optimizers("wgan_div", digits, penalty=3.0, power=4.0, moves=2)
    [term] = stage.game.objective.terms
    assert (term.k, term.p, stage.dynamics.moves_in(0)) == (3.0, 4.0, 3)


@pytest.mark.parametrize(
    ("name", "arguments", "drawn"),
    [
        ("gan", {}, True),
        ("mcgan", {}, True),
        ("mcgan_cov", {"dual": True}, True),
        ("mcgan_cov", {"centered": True}, False),
        ("mmd", {}, True),
    ],
)
def test_a_picture_of_the_plane_shows_the_witness(name, arguments, drawn):
    game = getattr(recipes, name)(load("ring"), 2, width=16, **arguments).stages[0].game
    real, points = torch.randn(30, 2), torch.randn(5, 2)
    torch.manual_seed(0)
    level = level_of(game, Batch(real, None, torch.arange(30)))
    assert (level is not None) == drawn
    if level is not None:
        torch.manual_seed(0)
        with game.looking():
            duel = game.duel(Batch(real, None, torch.arange(30)))
            expected = score(game.objective.witness(*duel), points)
        torch.testing.assert_close(level(points), expected)


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("fgan", {"divergence": "kull"}, "--divergence is one of kl, reverse-kl, js, .* but got 'kull'"),
        ("mcgan", {"p": "3"}, "--p is one of 1, 2, inf, but got '3'"),
        ("ogan", {"head": "max"}, "--head is one of mean, linear, mlp, polar, log-polar, but got 'max'"),
        ("mmd", {"kernel": "cosine"}, "--kernel is one of distance, rational-quadratic, rbf, but got 'cosine'"),
        ("sngan", {"loss": "least"}, "--loss is one of hinge, non-saturating, but got 'least'"),
        ("sngan", {"network": "resnet"}, "--network is one of dcgan, tutorial, but got 'resnet'"),
        ("sngan", {"network": "tutorial"}, "needs? images of 28x28 pixels, .* has 8x8"),
        ("sngan", {"network": "tutorial", "data": "ring"}, "tutorial's network needs images, .* vectors of 2 numbers"),
        ("mcgan-cov", {"k": 40}, "k=40 and 32 features: lower k"),
        ("mcgan-cov", {"k": 40, "dual": True}, "k=40 and 32 features: lower k"),
        ("ogan", {"rate": 0.0}, "needs a learning rate above 0, but got 0.0"),
        ("ogan", {"rate": 0.0, "original": True}, "needs a learning rate above 0, but got 0.0"),
    ],
)
def test_words_that_a_recipe_does_not_know(name, words, said, digits):
    data = load(words["data"]) if "data" in words else digits
    flags = {word: value for word, value in words.items() if word != "data"}
    with pytest.raises(ValueError, match=said):
        getattr(recipes, name.replace("-", "_"))(data, 2, **flags)


# the tutorial's pair


def sides(net, x):
    """The pictures' side after each convolution."""
    found = [x.shape[-1]]
    for layer in net.body:
        x = layer(x)
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            found.append(x.shape[-1])
    return found


def test_the_tutorials_sides():
    assert sides(TutorialGenerator(64), torch.zeros(2, 64, 1, 1)) == [1, 3, 6, 13, 28]
    assert sides(TutorialCritic(), torch.zeros(2, 1, 28, 28)) == [28, 13, 5, 1]


def test_the_tutorials_networks_start_as_they_should():
    torch.manual_seed(0)
    for net in (TutorialGenerator(64), TutorialCritic()):
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                assert abs(m.weight.mean() - 1) < 0.03 and m.bias.abs().max() == 0  # the notebook: around 0
            elif isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
                torch.testing.assert_close(m.weight.std(), torch.tensor(0.02), atol=0.003, rtol=0)


@pytest.mark.filterwarnings("ignore:BatchNorm in a critic with spectral")
def test_the_tutorials_networks_live_inside_the_padding():
    torch.manual_seed(0)
    training = trained("sngan", mnist_like(), network="tutorial")
    game = training.game.eval()
    inner, cut = game.generator[0], game.critic[1]
    z = torch.randn(4, 64)
    with torch.no_grad():
        fake = game.generator(z)
        assert fake.shape == (4, 1, 32, 32) and torch.equal(fake[:, :, 2:-2, 2:-2], inner(z))
        assert torch.equal(fake[:, :, 0], fake[:, :, 2])  # the edges repeated, as in the data
        assert torch.equal(game.critic(fake), cut(inner(z)))
    assert sum(spectral_norms(m) for m in game.critic.modules()) == 3


def test_the_tutorials_batch_norm_is_warned_of():
    [said] = conflicts(recipes.sngan(mnist_like(), network="tutorial").stages[0].game.players())
    assert said.startswith("BatchNorm in a critic with spectral normalization")
    with pytest.warns(UserWarning, match="BatchNorm in a critic with spectral normalization"):
        trained("sngan", mnist_like(), network="tutorial")


def test_the_tutorials_networks_need_28_pixels():
    with pytest.raises(ValueError, match="has 20x20"):
        trained("sngan", mnist_like(20), network="tutorial")


# the original O-GAN


def test_the_original_ogan_is_one_optimizer_on_one_loss(digits):
    """Both players' moves are those of one RMSprop on the paper's single loss, formula by formula."""
    torch.manual_seed(0)
    stage = recipes.ogan(digits, 3, batch=16, width=16, original=True).stages[0]
    game = stage.game
    assert isinstance(stage.dynamics, Simultaneous) and game.weight == 0.5
    options = [o.param_groups[0] for several in stage.dynamics.optimizers.values() for o in several]
    assert all((o["lr"], o["alpha"], o["eps"]) == (1e-4, 0.99, 1e-7) for o in options)
    training = Training(recipes.ogan(digits, 3, batch=16, width=16, original=True), device="cpu", precision="float32")
    game = training.game
    drawn = {}
    keep = game.latent.__class__.__call__

    def remembered(self, n, like):
        drawn["z"] = keep(self, n, like)
        return drawn["z"]

    twin = recipes.ogan(digits, 3, batch=16, width=16, original=True).stages[0].game
    twin.load_state_dict(game.state_dict())
    twin.to(memory_format=torch.channels_last)  # as a training has its pictures: sums in the same order
    optimizer = RMSprop(twin.parameters(), 1e-4, alpha=0.99, eps=1e-7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(game.latent), "__call__", remembered)
        for draw in range(2):
            batch = training.batch(draw)
            training.advance()
            optimizer.zero_grad()
            single_loss(twin, batch.x, drawn["z"]).backward()
            optimizer.step()
    for mine, plain in zip(game.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, plain, atol=2e-6, rtol=1e-4)


def test_the_originals_losses_have_the_single_losss_gradient(digits):
    """RMSprop forgets a factor on a whole loss: the gradients themselves, in double precision."""
    torch.manual_seed(0)
    game = recipes.ogan(digits, 3, batch=16, width=16, original=True).stages[0].game.double()
    x, z = digits.values(digits.train[:16]).double(), torch.randn(16, game.latent.size).double()
    owners = [list(player.parameters()) for player in game.players().values()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(game.latent), "__call__", lambda self, n, like: z)
        losses = [player.loss(Batch(x, None, torch.arange(16))) for player in game.players().values()]
    found = [g for loss, mine in zip(losses, owners, strict=True) for g in torch.autograd.grad(loss, mine)]
    whole = torch.autograd.grad(single_loss(game, x, z), [p for mine in owners for p in mine])
    for mine, plain in zip(found, whole, strict=True):
        torch.testing.assert_close(mine, plain)


def single_loss(game, x, z):
    """t1 + t2 - corr / 2 + t1^2 / (4 mean (x - sg G)^2), with t1 = a(x) - a(sg G) low for real, t2 = a(G) - a(sg G)."""

    def standard(v):
        centered = v - v.mean(1, keepdim=True)
        return centered / centered.square().mean(1, keepdim=True).sqrt()

    fake = game.generator(z)
    still = fake.detach()
    real_code, fake_code, still_code = game.critic(x), game.critic(fake), game.critic(still)
    a = lambda code: -code.mean(1)  # noqa: E731 (low for real, as the paper has it)
    t1, t2 = a(real_code) - a(still_code), a(fake_code) - a(still_code)
    agreement = (standard(z) * standard(fake_code)).mean(1)
    pull = t1.square() / (4 * (x - still).square().flatten(1).mean(1))
    return (t1 + t2 - agreement / 2 + pull).mean()
