import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gansmith.drawing.words import legible, wrapped
from gansmith.report import overview, to_uint8


def picture(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def images(n: int, c: int = 1, side: int = 8) -> Tensor:
    return torch.rand(n, c, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def center(score: Tensor) -> Tensor:
    return -score.norm(dim=1)


CURVES = {
    "critic": ([1, 2, 3], [3.0, 2.0, 1.0]),
    "generator": ([1, 2, 3], [-1.0, 0.0, 1.0]),
    "critic/R1": ([1, 2, 3], [0.1, 0.1, 0.1]),
}


def test_a_whole_page_twice_is_the_same_page(tmp_path: Path) -> None:
    x = images(70)
    before = x.clone()
    for name in ("a.png", "b.png"):
        overview(
            tmp_path / name,
            title="ogan on digits",
            samples=x,
            originals=x[:20],
            reconstructions=-x[:20],
            curves=CURVES,
            points=(torch.randn(50, 2, generator=torch.Generator().manual_seed(0)), torch.ones(9, 2), center),
            facts=["twelve steps"],
        )
    assert torch.equal(x, before)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    page = picture(tmp_path / "a.png")
    assert page.shape[1] == 1600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_samples_are_on_the_page_pixel_for_pixel(tmp_path: Path) -> None:
    x = images(64)
    overview(tmp_path / "o.png", title="t", samples=x)
    page = picture(tmp_path / "o.png")
    scale = (730 - 2 * 9) // (8 * 8)
    top, left = 84 + 30 + 2, 48 + 2
    tile = to_uint8(x[0, 0]).repeat_interleave(scale, 0).repeat_interleave(scale, 1).numpy()
    shown = page[top : top + 8 * scale, left : left + 8 * scale]
    assert np.array_equal(shown, np.repeat(tile[..., None], 3, axis=2))


def test_real_pictures_stand_beside_the_samples(tmp_path: Path) -> None:
    x, real = images(64), images(64).flip(0)
    overview(tmp_path / "o.png", title="t", samples=x, real=real)
    page = picture(tmp_path / "o.png")
    scale = (732 - 30 - 2 * 9) // (8 * 8)
    for left, shown in ((48, x), (820, real)):
        tile = to_uint8(shown[0, 0]).repeat_interleave(scale, 0).repeat_interleave(scale, 1).numpy()
        place = page[116 : 116 + 8 * scale, left + 2 : left + 2 + 8 * scale]
        assert np.array_equal(place, np.repeat(tile[..., None], 3, axis=2))


def test_originals_take_the_place_of_real_pictures(tmp_path: Path) -> None:
    x = images(8)
    for name, real in (("a", None), ("b", x)):
        overview(tmp_path / f"{name}.png", title="t", samples=x, real=real, originals=x, reconstructions=x)
    assert np.array_equal(picture(tmp_path / "a.png"), picture(tmp_path / "b.png"))


@pytest.mark.parametrize(
    ("n", "c", "h", "w"), [(1, 1, 8, 8), (3, 3, 32, 32), (64, 3, 128, 128), (5, 1, 900, 600), (40, 1, 2, 50)]
)
def test_images_of_any_number_and_size_stay_on_the_page(n: int, c: int, h: int, w: int, tmp_path: Path) -> None:
    x = -torch.ones(n, c, h, w)
    overview(tmp_path / "o.png", title="t", samples=x, originals=x, reconstructions=x)
    page = picture(tmp_path / "o.png")
    black = (page == 0).all(2)
    assert black.any()
    for edge in (page[:, :20], page[:, -20:], page[-20:], page[:, 785:815]):
        assert (edge == 255).all()


def test_words_are_shown_as_they_are(tmp_path: Path) -> None:
    words = ["$x_1^{", "$\\frac{$", "\\frac{", "<b>&", "a\nb", "漢字", "\x00", "%", ""]
    curves = {f"critic/{word}": ([1, 2], [1.0, 2.0]) for word in words}
    overview(tmp_path / "o.png", title=" ".join(words), curves=curves, facts=[*words, "long " * 400])
    assert legible("漢$\n<") == "\ufffd$ <"


def test_too_many_facts_are_counted() -> None:
    assert wrapped(["a", "b", "c", "d"], width=9, most=2) == "a\n… 3 more"
    assert wrapped(["a", "", "c"], width=9, most=3) == "a\n\nc"


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0],
        [math.nan] * 3,
        [math.inf, 1.0, -math.inf],
        [0.0] * 5,
        [1e300, -1e300, 1.0],
        [1e29, -1e29, 5e-324],
        [1e-320, 2e-320],
        [1e17, 1e17 + 16],
    ],
)
def test_curves_of_every_kind_are_drawn(values: list[float], tmp_path: Path) -> None:
    overview(tmp_path / "o.png", title="t", curves={"critic": (list(range(len(values))), values)})
    picture(tmp_path / "o.png")


def test_a_hundred_thousand_steps_and_more_curves_than_places(tmp_path: Path) -> None:
    steps = list(range(100_000))
    curves = {f"note {i}": (steps, [float(s % 7) for s in steps]) for i in range(3)}
    few = {f"note {i}": ([1], [1.0]) for i in range(3, 30)}
    overview(tmp_path / "o.png", title="t", samples=images(4), curves={**curves, **few}, facts=["f"] * 30)
    assert picture(tmp_path / "o.png").shape[0] < 1200


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
def test_points_over_critics_of_every_kind(level: object, tmp_path: Path) -> None:
    real = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    fake = torch.tensor([[0.0, 0.0], [1e9, 0.0], [math.nan, 0.0]])
    overview(tmp_path / "o.png", title="t", points=(real, fake, level))  # type: ignore[arg-type]
    page = picture(tmp_path / "o.png")
    assert (page == page[0, 0]).mean() < 0.999


def test_one_real_point_over_and_over(tmp_path: Path) -> None:
    overview(tmp_path / "o.png", title="t", points=(torch.ones(5, 2), torch.zeros(0, 2), center))


def test_what_cannot_be_drawn_is_refused_and_leaves_the_old_page(tmp_path: Path) -> None:
    path = tmp_path / "o.png"
    overview(path, title="old")
    old = path.read_bytes()
    with pytest.raises(ValueError, match="both or neither"):
        overview(path, title="t", originals=images(2))
    with pytest.raises(ValueError, match="but got 1 NaN"):
        overview(path, title="t", samples=torch.full((1, 1, 1, 1), torch.nan))
    with pytest.raises(ValueError, match="c one or three"):
        overview(path, title="t", samples=torch.zeros(0, 1, 8, 8))
    with pytest.raises(ValueError, match=r"c one or three"):
        overview(path, title="t", samples=torch.zeros(8, 8))
    with pytest.raises(ValueError, match="real points of shape"):
        overview(path, title="t", points=(torch.ones(3, 3), torch.ones(3, 2), None))
    with pytest.raises(ValueError, match=r"add \.squeeze"):
        overview(path, title="t", points=(torch.ones(3, 2), torch.ones(3, 2), lambda x: x[:, :1]))
    with pytest.raises(ValueError, match="1 steps and 2 values"):
        overview(path, title="t", curves={"critic": ([1], [1.0, 2.0])})
    assert path.read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1


def test_importing_loads_no_drawing_library_and_drawing_no_global_state(tmp_path: Path) -> None:
    code = """
import sys, gansmith.evaluate, gansmith.report
heavy = {"matplotlib", "PIL", "sklearn", "scipy"} & set(sys.modules)
assert not heavy, heavy
gansmith.report.overview(sys.argv[1], title="t")
assert "matplotlib.pyplot" not in sys.modules
"""
    command = [sys.executable, "-c", code, str(tmp_path / "o.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
