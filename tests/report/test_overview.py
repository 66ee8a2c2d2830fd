import math
import os
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
from gansmith.report import grid, overview, pairs
from gansmith.report.panels import fit


def page(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def images(n: int, c: int = 1, side: int = 8) -> Tensor:
    return torch.rand(n, c, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


CURVES = {
    "critic": ([1, 2, 3], [3.0, 2.0, 1.0]),
    "generator": ([1, 2, 3], [-1.0, 0.0, 1.0]),
    "critic/R1": ([1, 2, 3], [0.1, 0.1, 0.1]),
}


def test_a_whole_page_twice_is_the_same_page(tmp_path: Path) -> None:
    x = images(64)
    shown = [("samples", grid(x, 8)), ("pairs", pairs(x[:20], -x[:20]))]
    before = [picture.copy() for _, picture in shown]
    for name in ("a.png", "b.png"):
        overview(tmp_path / name, title="ogan on digits", pictures=shown, curves=CURVES, facts=["twelve steps"])
    assert all(np.array_equal(picture, copy) for (_, picture), copy in zip(shown, before, strict=True))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert page(tmp_path / "a.png").shape[1] == 1600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("pictures", "side", "factor", "left"),
    [(1, 77, 9, 48), (1, 730, 1, 48), (2, 77, 9, 820), (2, 351, 2, 820), (2, 702, 1, 820)],
)
def test_a_picture_is_on_the_page_pixel_for_pixel_as_large_as_it_can_be(
    pictures: int, side: int, factor: int, left: int, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 200, (side, side - 3, 3), dtype=np.uint8)
    for picture in (noise, noise[..., 0]):
        overview(tmp_path / "o.png", title="t", pictures=[("samples", picture)] * pictures)
        large = picture.repeat(factor, 0).repeat(factor, 1)
        colors = large if large.ndim == 3 else np.repeat(large[..., None], 3, axis=2)
        h, w = large.shape[:2]
        place = page(tmp_path / "o.png")[114 : 114 + h + 1, left : left + w + 1]
        assert np.array_equal(place[:h, :w], colors)
        assert (place[h:] == 255).all() and (place[:, w:] == 255).all()


def test_a_larger_picture_is_reduced_by_averaging(tmp_path: Path) -> None:
    rows = np.arange(1460, dtype=np.uint8)[:, None].repeat(2920, 1) // 2 * 2
    overview(tmp_path / "o.png", title="t", pictures=[("samples", rows)])
    reduced = fit(rows, 760, 730)
    assert reduced.shape == (380, 760)
    place = page(tmp_path / "o.png")[114 : 114 + 380, 48 : 48 + 760]
    assert np.array_equal(place, np.repeat(reduced[..., None], 3, axis=2))
    expected = rows.reshape(365, 4, 730, 4).mean((1, 3), dtype=float)
    assert np.abs(fit(rows, 730, 730) - expected).max() <= 0.5
    assert np.array_equal(fit(rows[..., None].repeat(3, 2), 760, 730)[..., 1], reduced)


@pytest.mark.parametrize("size", [(1, 1), (9, 5000), (5000, 9), (731, 731), (3000, 2000)])
def test_pictures_of_any_size_stay_on_the_page(size: tuple[int, int], tmp_path: Path) -> None:
    for shape in (size, (*size, 3)):
        black = np.zeros(shape, np.uint8)
        overview(tmp_path / "o.png", title="t", pictures=[("one", black), ("two", black)])
        picture = page(tmp_path / "o.png")
        assert (picture[114:116, 48] == 0).any() and (picture[114:116, 820] == 0).any()
        for edge in (picture[:, :20], picture[:, -20:], picture[-20:], picture[:, 785:815]):
            assert (edge == 255).all()


def test_words_are_shown_as_they_are(tmp_path: Path) -> None:
    words = ["$x_1^{", "$\\frac{$", "\\frac{", "<b>&", "a\nb", "漢字", "\x00", "%", ""]
    curves = {f"critic/{word}": ([1, 2], [1.0, 2.0]) for word in words}
    shown = [(word, grid(images(1))) for word in words[:2]]
    overview(tmp_path / "o.png", title=" ".join(words), pictures=shown, curves=curves, facts=[*words, "long " * 400])
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
    page(tmp_path / "o.png")


def test_a_hundred_thousand_steps_and_more_curves_than_places(tmp_path: Path) -> None:
    steps = list(range(100_000))
    curves = {f"note {i}": (steps, [float(s % 7) for s in steps]) for i in range(3)}
    few = {f"note {i}": ([1], [1.0]) for i in range(3, 30)}
    overview(
        tmp_path / "o.png",
        title="t",
        pictures=[("samples", grid(images(4)))],
        curves={**curves, **few},
        facts=["f"] * 30,
    )
    assert page(tmp_path / "o.png").shape[0] < 1200


def test_what_cannot_be_drawn_is_refused_and_leaves_the_old_page(tmp_path: Path) -> None:
    path = tmp_path / "o.png"
    overview(path, title="old")
    old = path.read_bytes()
    picture = grid(images(2))
    with pytest.raises(ValueError, match="at most 2 pictures, but got 3"):
        overview(path, title="t", pictures=[("a", picture)] * 3)
    for wrong in (np.zeros((3, 3)), np.zeros((3, 3, 4), np.uint8), np.zeros(3, np.uint8), np.zeros((0, 3), np.uint8)):
        with pytest.raises(ValueError, match="needs a picture of uint8"):
            overview(path, title="t", pictures=[("a", wrong)])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="1 steps and 2 values"):
        overview(path, title="t", curves={"critic": ([1], [1.0, 2.0])})
    assert path.read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1


def test_importing_loads_no_drawing_library_and_drawing_no_global_state(tmp_path: Path) -> None:
    code = """
import sys, gansmith.evaluate, gansmith.report
heavy = {"matplotlib", "PIL", "sklearn", "scipy", "jinja2", "markupsafe", "rich"} & set(sys.modules)
assert not heavy, heavy
gansmith.report.overview(sys.argv[1], title="t")
assert "matplotlib.pyplot" not in sys.modules
"""
    command = [sys.executable, "-c", code, str(tmp_path / "o.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_style_that_lies_in_the_working_folder_is_not_obeyed(tmp_path: Path) -> None:
    """A matplotlibrc in a folder from anywhere once started latex."""
    code = """
from gansmith.drawing.figures import drawn
from gansmith.report import overview
import hashlib
overview("here.png", title="a run", curves={"critic/loss": ([1, 2], [1.0, 2.0])}, facts=["a fact"])
shown = drawn(lambda axes: axes.plot([0, 1], [0, 1]), 2, 1)
print(hashlib.sha256(open("here.png", "rb").read() + shown.tobytes()).hexdigest())
"""
    digests = []
    for style in ("", "text.usetex: True\nfont.size: 40\naxes.facecolor: red\nsavefig.dpi: 300\n"):
        folder = tmp_path / str(len(style))
        folder.mkdir()
        (folder / "matplotlibrc").write_text(style)
        run = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        digests.append(run.stdout)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("kind", ["bytes", "pipe", "code"])
def test_settings_in_the_working_folder_are_not_even_read(kind: str, tmp_path: Path) -> None:
    """Matplotlib's import reads them; older ones evaluated a cycle of properties."""
    if kind == "pipe":
        os.mkfifo(tmp_path / "matplotlibrc")
    else:
        cycle = "axes.prop_cycle: cycler('color', [open('run', 'w').name])\n"
        (tmp_path / "matplotlibrc").write_bytes(
            "font.family: ü\n".encode("latin-1") if kind == "bytes" else cycle.encode()
        )
    code = """
import os
from gansmith.drawing.figures import drawn
assert drawn(lambda axes: axes.plot([0, 1], [0, 1]), 2, 1).shape == (100, 200, 3)
assert os.path.exists("matplotlibrc")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not done.stderr and not (tmp_path / "run").exists()
