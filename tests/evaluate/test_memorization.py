import math

import pytest
import torch
from torch import Tensor

from gansmith.evaluate.memorization import _z, memorization


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def nearest_of(x: Tensor, y: Tensor) -> Tensor:
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").amin(1)


def test_copies_of_training_samples() -> None:
    train, held_out = normal(300, 5, 1), normal(80, 5, 2)
    result = memorization(train[:200], train, held_out)
    assert result.nearest_ratio == 0
    assert result.authenticity == 0
    assert result.c_t < -5
    near = memorization(train[:200] + 1e-2 * normal(200, 5, 3), train, held_out)
    assert near.nearest_ratio < 0.05 * near.floor
    assert near.authenticity < 0.05 < near.authenticity_of_real


@pytest.mark.parametrize(("train", "held_out"), [(400, 400), (800, 100)])
def test_samples_of_the_same_distribution_are_as_real_ones(train: int, held_out: int) -> None:
    results = [
        memorization(normal(300, 4, 3 * s), normal(train, 4, 3 * s + 1), normal(held_out, 4, 3 * s + 2))
        for s in range(30)
    ]
    ratios = torch.tensor([math.log(one.nearest_ratio / one.floor) for one in results])
    c_t = torch.tensor([one.c_t for one in results])
    authentic = torch.tensor([one.authenticity - one.authenticity_of_real for one in results])
    for gap in (ratios, c_t, authentic):
        assert abs(float(gap.mean())) < 4 * float(gap.std()) / 30**0.5
    assert float(c_t.std()) < 1


def test_equal_sizes_have_a_floor_of_one() -> None:
    # Half of the held-out samples are one side: as many as the training samples.
    results = [
        memorization(normal(50, 4, 3 * s), normal(200, 4, 3 * s + 1), normal(400, 4, 3 * s + 2)) for s in range(20)
    ]
    assert sum(one.floor for one in results) / 20 == pytest.approx(1.0, abs=0.05)


def test_samples_far_from_all_data_underfit() -> None:
    result = memorization(normal(200, 4, 1) + 3, normal(300, 4, 2), normal(200, 4, 3))
    assert result.c_t > 3
    assert result.authenticity > result.authenticity_of_real


def test_authenticity_of_one_dimension_is_a_third() -> None:
    # The share of points that are no mutual nearest neighbors: 1 - 2/3.
    results = [
        memorization(normal(300, 1, 3 * s), normal(300, 1, 3 * s + 1), normal(300, 1, 3 * s + 2)) for s in range(20)
    ]
    assert sum(one.authenticity for one in results) / 20 == pytest.approx(1 / 3, abs=0.02)


def test_authenticity_equals_loops() -> None:
    fake, train, held_out = normal(40, 3, 1), normal(30, 3, 2), normal(20, 3, 3)
    train[3] = train[4]  # a copy's own nearest is at 0
    authentic = []
    for g in fake:
        i = int((train - g).norm(dim=1).argmin())
        others = torch.cat([train[:i], train[i + 1 :]])
        authentic.append(float((others - train[i]).norm(dim=1).min()) < float((train[i] - g).norm()))
    assert memorization(fake, train, held_out).authenticity == sum(authentic) / 40


@pytest.mark.parametrize("levels", [None, 3])
def test_a_cell_equals_scipys_mann_and_whitney(levels: int | None) -> None:
    from scipy.stats import mannwhitneyu

    g, h = normal(30, 1, 1)[:, 0], normal(50, 1, 2)[:, 0]
    if levels:  # ties
        g, h = g.mul(levels).round(), h.mul(levels).round()
    u = float(mannwhitneyu(g.numpy(), h.numpy()).statistic)
    expected = (u - (30 * 50 / 2 - 0.5)) / math.sqrt(30 * 50 * 81 / 12)
    assert _z(g, h) == pytest.approx(expected, rel=1e-12)


def test_cells_are_weighed_by_held_out_samples_and_small_ones_left_out() -> None:
    from scipy.stats import mannwhitneyu

    # Three knots, so that k-means can only find them; samples hardly reach the third.
    centers = torch.tensor([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]], dtype=torch.float64)
    train = torch.cat([c + normal(50, 2, i) for i, c in enumerate(centers)])
    sizes = [(60, 30), (40, 90), (20, 40)]
    fakes = [c + 0.7 * normal(m, 2, 10 + i) for i, (c, (m, _)) in enumerate(zip(centers, sizes, strict=True))]
    reals = [c + normal(n, 2, 20 + i) for i, (c, (_, n)) in enumerate(zip(centers, sizes, strict=True))]
    expected = 0.0
    for g, h, (m, n) in list(zip(fakes, reals, sizes, strict=True))[:2]:
        u = float(mannwhitneyu(nearest_of(g, train).numpy(), nearest_of(h, train).numpy()).statistic)
        expected += n / 120 * (u - (n * m / 2 - 0.5)) / math.sqrt(n * m * (n + m + 1) / 12)
    assert memorization(torch.cat(fakes), train, torch.cat(reals)).c_t == pytest.approx(expected, rel=1e-9)


def test_too_few_samples_have_no_score() -> None:
    assert math.isnan(memorization(normal(20, 2, 1), normal(30, 2, 2), normal(30, 2, 3)).c_t)


def test_data_of_copies_only() -> None:
    result = memorization(torch.ones(50, 2), torch.ones(30, 2), torch.ones(30, 2))
    assert (result.nearest_ratio, result.floor, result.authenticity) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("fake", "train", "held_out", "words"),
    [
        (torch.ones(5, 2), torch.ones(1, 2), torch.ones(5, 2), "at least 2 samples, but got 1"),
        (torch.ones(5, 2), torch.ones(5, 2), torch.ones(1, 2), "at least 2 samples, but got 1"),
        (torch.ones(5, 3), torch.ones(5, 2), torch.ones(5, 2), "one dimension"),
        (torch.full((5, 2), torch.nan), torch.ones(5, 2), torch.ones(5, 2), "finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(fake: Tensor, train: Tensor, held_out: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        memorization(fake, train, held_out)


def test_the_floor_of_memorization_pairs_each_held_out_sample_with_its_own_distances():
    """Held-out samples near to training samples, and far from them: rows that are shifted would mix the two."""
    generator = torch.Generator().manual_seed(1)
    train = torch.randn(400, 2, generator=generator)
    near, far = train[:40] + 1e-3, 50 + torch.randn(40, 2, generator=generator)
    held_out = torch.cat([near, far])
    order = torch.randperm(80, generator=torch.Generator().manual_seed(0))
    first, second = held_out[order][:40], held_out[order][40:]
    to_train = torch.cdist(first.double(), train.double()).min(1).values
    to_second = torch.cdist(first.double(), second.double()).min(1).values
    expected = (to_train / to_second).quantile(0.5)
    found = memorization(torch.randn(80, 2, generator=generator), train, held_out, seed=0)
    torch.testing.assert_close(torch.tensor(found.floor).double(), expected, rtol=1e-3, atol=1e-6)
