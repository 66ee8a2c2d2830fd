import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gansmith.evaluate import ClassJudge


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    from sklearn.datasets import load_digits

    data = load_digits()
    x = torch.tensor(data.images, dtype=torch.float32)[:, None] / 8 - 1
    y = torch.tensor(data.target)
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    return x[rows[:1437]], y[rows[:1437]], x[rows[1437:]], y[rows[1437:]]


def test_names_held_out_digits(digits: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    x, y, other, labels = digits
    judge = ClassJudge(x, y, held_out=(other, labels))
    assert judge.accuracy is not None
    assert judge.accuracy >= 0.975
    assert judge.accuracy == float((judge.predict(other) == labels).double().mean())
    assert judge.predict(other).dtype == torch.int64
    shares = judge.shares(other)
    assert list(shares) == list(range(10))
    assert sum(shares.values()) == pytest.approx(1)


def test_the_same_seed_gives_the_same_judge(digits: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    x, y, other, _ = digits
    first, second = (ClassJudge(x, y, seed=3, limit=200).predict(other) for _ in range(2))
    assert_close(first, second, rtol=0, atol=0)


def test_a_limit_keeps_every_class_and_labels_of_any_number() -> None:
    x = torch.randn(1000, 1, 2, 2, generator=torch.Generator().manual_seed(0)) * 0.05
    y = torch.full((1000,), 7)
    x[0], y[0] = 1.0, 40  # one of a thousand
    judge = ClassJudge(x, y, limit=100)
    assert judge.classes.tolist() == [7, 40]
    assert judge.predict(torch.ones(1, 1, 2, 2)).tolist() == [40]
    assert judge.shares(x[1:]) == {7: 1.0, 40: 0.0}
    assert judge.accuracy is None


def test_unlabeled_images_are_left_out() -> None:
    x, y = torch.tensor([[-1.0], [1.0], [0.9]]), torch.tensor([0, 1, -1])
    judge = ClassJudge(x, y, held_out=(x, y))
    assert judge.classes.tolist() == [0, 1]
    assert judge.accuracy == 1.0


def test_no_image_has_no_label() -> None:
    judge = ClassJudge(torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1]))
    assert judge.predict(torch.ones(0, 1)).shape == (0,)
    with pytest.raises(ValueError, match="at least one image"):
        judge.shares(torch.ones(0, 1))


def test_what_cannot_be_judged_is_refused() -> None:
    x, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="at least two classes, but got labels"):
        ClassJudge(x, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="one label per image"):
        ClassJudge(x, y[:1])
    with pytest.raises(ValueError, match="finite images"):
        ClassJudge(x * torch.nan, y)
    with pytest.raises(ValueError, match="as those it was fitted on"):
        ClassJudge(x, y).predict(torch.ones(2, 1, 1, 1))
    with pytest.raises(ValueError, match="labeled held-out images"):
        ClassJudge(x, y, held_out=(x, torch.tensor([-1, -1])))
