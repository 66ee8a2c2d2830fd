"""Differentiable augmentation: each change by its formula, both sides and both players, and exact as everything is."""

import pytest
import torch
from torch import nn

from gansmith import chance
from gansmith.batch import Batch
from gansmith.chance import Part, keyed
from gansmith.data import load
from gansmith.dynamics import Pull
from gansmith.games import GAN, DifferentiableAugmentation, Normal
from gansmith.objectives import Relativistic
from gansmith.recipes import photos
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


def test_few_photographs_are_augmented_unless_told_otherwise():
    many, few = load("digits"), load("digits", limit=900)
    assert photos(many).stages[0].game.augment is None
    assert isinstance(photos(few).stages[0].game.augment, DifferentiableAugmentation)
    assert photos(few, augment=False).stages[0].game.augment is None
    assert photos(many, augment=True).stages[0].game.augment is not None


def test_a_resumed_training_that_augments_gives_the_same_bits():
    def begun():
        torch.manual_seed(0)
        return Training(
            photos(load("digits", limit=60), 4, batch=4, width=2, critic_width=2, augment=True), device="cpu"
        )

    whole, first, second = begun(), begun(), begun()
    for training in (whole, first, first, whole, whole, whole):
        training.advance()
    second.load_state_dict(first.state_dict())
    second.advance()
    second.advance()
    for a, b in zip(whole.game.parameters(), second.game.parameters(), strict=True):
        assert torch.equal(a, b)
