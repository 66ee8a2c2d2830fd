from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from gansmith.drawing.codes import COLORS, Codes, draw_codes, frequent_classes, project
from gansmith.drawing.figures import drawn


def axes_of(codes: Codes) -> Any:
    axes = Figure().add_subplot()
    draw_codes(axes, codes)
    return axes


def test_groups_that_are_apart_are_apart_on_the_map() -> None:
    x = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(80) % 2
    for n, words in ((80, "t-SNE"), (20, "their two principal components")):
        places, how = project((x + 20 * labels[:, None])[:n])
        a, b = places[labels[:n] == 0], places[labels[:n] == 1]
        assert how == words
        assert float(torch.cdist(a, b).min()) > float(torch.cdist(a, a).median())


def test_more_classes_than_marks() -> None:
    labels = torch.cat([torch.arange(25), torch.arange(20), torch.full((15,), -1)])
    kept = frequent_classes(labels)
    assert kept == list(range(20))
    axes = axes_of(Codes(torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), labels, ["cats", "$x_1^{"]))
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["other classes, or none", "cats", "\\$x_1^{", *map(str, range(2, 20))]
    points = [len(group.get_offsets()) for group in axes.collections]
    assert points == [20] + [2] * 20
    rings = [len(group.get_facecolor()) == 0 for group in axes.collections[1:]]
    assert rings == [False] * len(COLORS) + [True] * len(COLORS)


def test_a_map_without_labels_and_one_of_equal_codes() -> None:
    axes = axes_of(Codes(torch.randn(12, 4, generator=torch.Generator().manual_seed(0))))
    assert axes.get_legend() is None
    assert axes.get_xlabel() == "12 codes, by their two principal components"
    assert drawn(lambda axes: draw_codes(axes, Codes(torch.zeros(60, 3))), 3, 2).shape == (200, 300, 3)


def test_codes_that_are_not_finite_are_left_out() -> None:
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(0))
    x[4] = torch.nan
    axes = axes_of(Codes(x, torch.arange(9) % 2))
    assert [len(group.get_offsets()) for group in axes.collections] == [4, 4]


def test_what_is_no_code_is_refused() -> None:
    for codes, words in (
        (Codes(torch.zeros(4)), r"shape \(n, d\)"),
        (Codes(torch.zeros(4, 1)), r"d at least 2"),
        (Codes(torch.zeros(4, 2), torch.zeros(3)), "a label for each of 4 codes"),
        (Codes(torch.full((4, 2), torch.nan)), "at least 3 finite codes"),
        (Codes(torch.zeros(0, 2)), "at least 3 finite codes"),
    ):
        with pytest.raises(ValueError, match=words):
            axes_of(codes)
