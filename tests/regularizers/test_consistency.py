"""Consistency: changed pictures are scored as before."""

import itertools

import pytest
import torch
from torch.nn.functional import pad
from toys import X, Y, first, half

from gansmith.chance import Part, keyed
from gansmith.duel.slopes import track
from gansmith.regularizers import Consistency
from gansmith.regularizers.consistency import flip_and_shift


def test_consistency_by_hand():
    x, y = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])
    term = Consistency(10.0, 7.0, lambda s: 2 * s)  # scores double: differences 1, 2 and 3
    assert term(first, x, y).item() == pytest.approx(10 * (1 + 4) / 2 + 7 * 9)
    assert Consistency(10.0, 0.0, lambda s: 2 * s)(first, x, y).item() == pytest.approx(25)
    assert Consistency(0.0, 7.0, lambda s: 2 * s)(first, x, y).item() == pytest.approx(63)
    assert Consistency(transform=lambda s: s)(half, X, Y).item() == 0
    with pytest.raises(ValueError, match="one of them above 0"):
        Consistency(0.0, 0.0)


def test_consistency_moves_both_scores_and_no_sample():
    w = torch.tensor([2.0], requires_grad=True)
    x = track(torch.ones(4, 1))
    penalty = Consistency(1.0, 0.0, lambda s: s + 3)(lambda s: s @ w, x, x)  # (3w)^2
    in_w, in_x = torch.autograd.grad(penalty, [w, x], allow_unused=True)
    assert in_w.item() == pytest.approx(36)  # 2 * 3w * 3: of the difference, in both places
    torch.testing.assert_close(in_x, torch.full((4, 1), -6.0))  # 2 (D(x) - D(Tx)) w / 4: T(x) is a constant


def test_consistency_needs_as_many_samples_as_before():
    with pytest.raises(ValueError, match="2 samples it made 1"):
        Consistency(transform=lambda s: s[:1])(first, X, Y)


def test_pictures_are_flipped_and_shifted_with_reflected_borders():
    x = torch.arange(400 * 2 * 16 * 8.0).view(400, 2, 16, 8).remainder(997)
    with keyed(Part((0,), 0, 400, 400)):
        changed = flip_and_shift(x)
    # 16 rows move by up to 2, 8 columns by up to 1
    seen = set()
    for before, after in zip(x, changed, strict=True):
        padded = pad(before[None], (1, 1, 2, 2), mode="reflect")[0]
        crops = {
            (up, left, flipped): (c.flip(2) if flipped else c)
            for up, left, flipped in itertools.product(range(5), range(3), (False, True))
            for c in (padded[:, up : up + 16, left : left + 8],)
        }
        (how,) = [k for k, c in crops.items() if torch.equal(c, after)]
        seen.add(how)
    assert len(seen) == 30  # every shift, flipped and not: each with probability 1/30
    rows = [flip_and_shift(x[:0])]
    with keyed(Part((0,), 200, 200, 400)):
        rows.append(flip_and_shift(x[200:]))
    torch.testing.assert_close(rows[1], changed[200:])


def test_real_and_fake_pictures_are_changed_by_draws_of_their_own():
    seen = []
    x = torch.rand(64, 1, 8, 8)

    def watched(s):
        seen.append(flip_and_shift(s))
        return seen[-1]

    with keyed(Part((0,), 0, 64, 64)):
        Consistency(transform=watched)(lambda s: s.sum((1, 2, 3)), x, x.clone())
    assert not torch.equal(*seen)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match=r"\(n, c, h, w\) to flip and shift, but got \(2, 2\)"):
        Consistency()(half, X, Y)
    with pytest.raises(ValueError, match="but got tuple"):
        flip_and_shift((X, Y))
