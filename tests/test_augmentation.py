"""Differentiable augmentation: each change by its formula, both sides and both players, and exact as everything is."""

import pytest
import torch
from torch import nn
from trainings import resumed

from gansmith import chance
from gansmith.batch import Batch
from gansmith.chance import Part, keyed
from gansmith.data import load
from gansmith.dynamics import Pull
from gansmith.games import GAN, OGAN, AdaptiveAugmentation, DifferentiableAugmentation, Normal
from gansmith.notes import notes
from gansmith.objectives import Hinge, Relativistic
from gansmith.recipes import photos
from gansmith.regularizers import R1
from gansmith.testing import check_game
from gansmith.training import Training

KEY = (3, 1)


def drawn(n, *names):
    with keyed(Part(KEY)):
        return [chance.uniform(f"augmentation.{name}", n, 1, 1, 1, like=torch.zeros(1).double()) for name in names]


def test_color_is_brightness_saturation_and_contrast():
    x = torch.randn(5, 3, 4, 6).double()
    with keyed(Part(KEY)):
        found = DifferentiableAugmentation(translation=False)(x)
    b, s, c = drawn(5, "brightness", "saturation", "contrast")
    y = x + b - 0.5
    y = y * 2 * s + y.mean(1, keepdim=True) * (1 - 2 * s)
    y = y * (c + 0.5) + y.mean((1, 2, 3), keepdim=True) * (0.5 - c)
    torch.testing.assert_close(found, y)
    assert not torch.allclose(found, x)


def test_a_translation_is_one_of_all_shifts_by_up_to_an_eighth_and_each_is_as_frequent():
    x = torch.arange(1.0, 129.0).view(1, 1, 8, 16)
    shifts = {}
    for down in (-1, 0, 1):
        for across in (-2, -1, 0, 1, 2):
            moved = torch.zeros(12, 24)
            moved[2 + down : 10 + down, 4 + across : 20 + across] = x[0, 0]
            shifts[moved[2:10, 4:20].numpy().tobytes()] = 0
    with keyed(Part(KEY)):
        for picture in DifferentiableAugmentation(color=False)(x.expand(6000, -1, -1, -1)):
            shifts[picture.contiguous().numpy().tobytes()] += 1
    assert len(shifts) == 15 and all(abs(times - 400) < 5 * 400**0.5 for times in shifts.values())


def test_a_cutout_is_a_rectangle_of_half_the_sides_within_the_picture():
    x = torch.ones(400, 2, 8, 12)
    with keyed(Part(KEY)):
        found = DifferentiableAugmentation(color=False, translation=False, cutout=True)(x)
    assert torch.equal(found[:, 0], found[:, 1])
    sizes = set()
    for picture in found[:, 0]:
        rows, columns = (picture == 0).any(1), (picture == 0).any(0)
        assert torch.equal(picture == 0, rows[:, None] & columns)
        sizes.add((int(rows.sum()), int(columns.sum())))
    assert max(sizes) == (4, 6) and min(height for height, _ in sizes) == 2 and min(width for _, width in sizes) == 3


def test_a_gradient_goes_through():
    x = torch.randn(2, 3, 8, 8).double().requires_grad_()

    def change(x):
        with keyed(Part(KEY)):
            return DifferentiableAugmentation(cutout=True)(x)

    assert torch.autograd.gradcheck(change, x)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match=r"needs pictures \(n, c, h, w\) to augment, but got \(4, 2\)"):
        DifferentiableAugmentation()(torch.zeros(4, 2))


def build(augment):
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    generator = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
    return GAN(generator, critic, Relativistic(), Normal(4), augment)


def batch(n=8):
    return Batch(torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(0)), None, torch.arange(n))


def test_both_sides_are_changed_each_by_its_own_draws_and_samples_are_not():
    marks = []

    def mark(x):
        marks.append((x, chance.uniform("mark", len(x), 1, like=x)))
        return x + 1

    plain, game = build(None), build(mark)
    with keyed(Part(KEY)):
        _, real, fake = plain.duel(batch())
    with keyed(Part(KEY)):
        _, changed, other = game.duel(batch())
    assert torch.equal(changed, real + 1) and torch.equal(other, fake + 1)
    assert not torch.equal(marks[0][1], marks[1][1])
    with keyed(Part(KEY)):
        a = plain.sample(2)
    with keyed(Part(KEY)):
        assert torch.equal(a, game.sample(2))


def test_halves_of_a_batch_are_changed_as_in_the_whole():
    game = build(DifferentiableAugmentation(cutout=True))
    for player in game.players().values():
        (whole, _), (parts, _) = (Pull(micro=micro)(player, batch(), KEY) for micro in (1, 2))
        torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-6)


def test_a_game_that_augments_obeys_the_laws_of_games():
    check_game(build(DifferentiableAugmentation(cutout=True)), batch())


def test_photographs_are_augmented_as_the_critic_needs_it_unless_told_otherwise():
    many, few = load("digits"), load("digits", limit=900)

    def augment(data, **flags):
        return photos(data, width=2, critic_width=2, **flags).stages[0].game.augment

    assert isinstance(augment(many), AdaptiveAugmentation) and isinstance(augment(few), AdaptiveAugmentation)
    assert augment(few, augment=False) is None
    assert isinstance(augment(many, augment=True), DifferentiableAugmentation)
    assert isinstance(augment(many, augment=True, adaptive=True), AdaptiveAugmentation)
    assert isinstance(augment(few, adaptive=False), DifferentiableAugmentation)
    assert augment(many, adaptive=False) is None
    assert augment(few, cutout=True).change.cutout and augment(many, augment=True, cutout=True).cutout
    for flag in ("adaptive", "cutout"):
        with pytest.raises(ValueError, match="to adapt or to cut out, but got --no-augment"):
            photos(few, augment=False, **{flag: True})


def test_a_resumed_training_that_augments_gives_the_same_bits():
    def begun():
        torch.manual_seed(0)
        return Training(
            photos(load("digits", limit=60), 4, batch=4, width=2, critic_width=2, augment=True), device="cpu"
        )

    resumed(begun)


def told(augment, *shares):
    for share in shares:
        augment.advance_({"ahead": torch.tensor(share)})
    return float(augment.p)


def test_the_probability_rises_while_the_critic_is_too_sure_and_falls_while_it_is_not():
    augment = AdaptiveAugmentation(target=0.75, moves=10)
    assert told(augment) == 0 and told(augment, 0.5) == 0  # it never falls below 0
    assert told(augment, 1.0, 1.0, 1.0) == pytest.approx(0.3)  # the running share is 0.7525, 0.777 and 0.8
    assert told(augment, *[1.0] * 20) == 1
    assert told(augment, *[0.0] * 5) == pytest.approx(0.7)  # it is above the target for two more moves


def test_so_many_of_the_pictures_are_changed():
    augment = AdaptiveAugmentation(lambda x: x + 1)
    augment.p.fill_(0.3)
    changed = augment(torch.zeros(4000, 1, 1, 1)).flatten()
    assert set(changed.tolist()) == {0.0, 1.0} and abs(float(changed.mean()) - 0.3) < 4 * (0.21 / 4000) ** 0.5


def test_the_share_that_is_read_is_that_of_pairs_whose_real_sample_scores_higher():
    real, fake = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([[0.0], [5.0], [2.0], [4.0]])
    with notes() as values:
        Relativistic().critic_loss(lambda x: x[:, 0], real, fake)
    assert values["ahead"] == 0.5  # of equal ones neither is ahead


def test_the_critics_moves_are_followed_and_a_resumed_run_goes_on():
    def begun():
        torch.manual_seed(2)
        experiment = photos(load("digits", channels=3), 6, batch=8, width=4, critic_width=4, adaptive=True)
        return Training(experiment, seed=3, device="cpu")

    assert resumed(begun, 6).game.augment.share != 0.8


def test_an_objective_that_does_not_tell_is_refused():
    game = build(AdaptiveAugmentation())
    game.objective = Hinge()
    _, values = Pull()(game.players()["critic"], batch(), KEY)
    with pytest.raises(ValueError, match="needs an objective that notes how often real samples score above"):
        game.players()["critic"].advance_(values)


@pytest.mark.parametrize(("target", "moves"), [(0.4, 10), (1.0, 10), (0.8, 0)])
def test_settings_that_are_refused(target, moves):
    with pytest.raises(ValueError, match="needs a"):
        AdaptiveAugmentation(target=target, moves=moves)


def test_a_game_that_adapts_obeys_the_laws_of_games():
    augment = AdaptiveAugmentation()
    augment.p.fill_(0.5)
    check_game(build(augment), batch())


def test_what_excludes_each_other_is_refused():
    data = load("digits", channels=3)
    with pytest.raises(ValueError, match="needs augmentation to adapt"):
        photos(data, 2, adaptive=True, augment=False)
    for freeze in (-1, 3, 9):  # there are three convolutions at 16 pixels
        with pytest.raises(ValueError, match="convolutions to freeze"):
            photos(load("digits", channels=3, size=16), 2, freeze=freeze)


@pytest.mark.parametrize("freeze", [0, 2])
def test_frozen_layers_keep_their_weights(freeze):
    data = load("digits", channels=3, size=32)
    training = Training(photos(data, 2, batch=8, width=4, critic_width=4, freeze=freeze), device="cpu")
    layers = [m for m in training.game.critic.modules() if isinstance(m, nn.Conv2d)]
    before = [layer.weight.clone() for layer in layers]
    training.advance()
    kept = [torch.equal(layer.weight, weight) for layer, weight in zip(layers, before, strict=True)]
    assert kept == [i < freeze for i in range(len(layers))]


def encoding(augment):
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 4))
    generator = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
    return OGAN(generator, encoder, Relativistic() + R1(0.1), Normal(4), augment=augment)


def test_a_critic_that_encodes_sees_both_sides_changed_and_encodes_pictures_as_they_are():
    def mark(x):
        return x + chance.uniform("mark", len(x), 1, 8, 8, like=x)

    plain, game = encoding(None), encoding(mark)
    with keyed(Part(KEY)):
        _, real, fake = plain.duel(batch())
        _, changed, other = game.duel(batch())
    assert ((changed - real).min() >= 0) and ((other - fake).min() >= 0) and not torch.equal(changed, real)
    for loss in ("critic_loss", "generator_loss"):
        with keyed(Part(KEY)):
            found = getattr(game, loss)(batch())
        with keyed(Part(KEY)):
            assert found != getattr(plain, loss)(batch())
    assert torch.equal(game.encode(real), plain.encode(real))


def test_a_game_that_encodes_and_augments_obeys_the_laws_of_games():
    check_game(encoding(DifferentiableAugmentation(cutout=True)), batch())


def test_photographs_are_encoded_where_it_is_asked_for():
    data = load("digits", channels=3, limit=200)
    training = Training(photos(data, 2, batch=8, width=4, critic_width=4, encode=True), device="cpu")
    training.advance()
    game = training.average
    assert isinstance(game, OGAN) and isinstance(game.augment, AdaptiveAugmentation)
    assert game.reconstruct(data.values(torch.arange(5))).shape == (5, 3, 8, 8)
    with pytest.raises(ValueError, match="leave one of both out"):
        photos(data, 2, encode=True, features=0.4)
