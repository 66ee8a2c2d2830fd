import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gansmith.drawing.figures import drawn
from gansmith.drawing.plane import Level, draw


def center(points: Tensor) -> Tensor:
    return -points.norm(dim=1)


@pytest.mark.parametrize(
    "level",
    [
        None,
        lambda x: x[:, 0] * 0 + 3,
        lambda x: x[:, 0] * math.nan,
        lambda x: torch.where(x[:, 0] > 0, x[:, 1], -math.inf),
        lambda x: x[:, 0] * 1e30,
    ],
)
def test_points_over_critics_of_every_kind(level: Callable[[Tensor], Tensor] | None) -> None:
    real = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    fake = torch.tensor([[0.0, 0.0], [1e9, 0.0], [math.nan, 0.0]])
    picture = drawn(lambda axes: draw(axes, real, fake, level))
    assert (picture == picture[0, 0]).mean() < 0.999


def test_one_real_point_over_and_over() -> None:
    drawn(lambda axes: draw(axes, torch.ones(5, 2), torch.zeros(0, 2), center))


def test_an_axis_of_another_size_by_far_has_a_scale_of_its_own() -> None:
    def limits(scale: float) -> tuple[float, float]:
        shown = {}

        def both(axes: Any) -> None:
            draw(axes, real * torch.tensor([1.0, scale]), torch.zeros(1, 2), center)
            shown.update(x=axes.get_xlim(), y=axes.get_ylim())

        drawn(both)
        return shown["x"][1] - shown["x"][0], shown["y"][1] - shown["y"][0]

    real = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    assert limits(5.0) == pytest.approx((13, 13)) and limits(0.0) == pytest.approx((2.6, 2.6))
    assert limits(1e4) == pytest.approx((2.6, 2.6e4))


def test_what_is_not_in_the_plane_is_refused() -> None:
    def refused(real: Tensor, level: Level | None, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            drawn(lambda axes: draw(axes, real, torch.ones(3, 2), level))

    refused(torch.ones(3, 3), None, "real points of shape")
    refused(torch.full((3, 2), math.nan), None, "needs finite real points")
    refused(torch.ones(3, 2), lambda x: x[:, :1], r"add \.squeeze")
