"""The built-in sources, real data where they lie beside the checkout, and sources that do not exist."""

import gzip
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from gansmith.data import grid_modes, load, ring_modes

DATA = Path(os.environ.get("GANSMITH_DATA", Path(__file__).parents[2] / "../shared/data"))


def shared(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"{DATA / name} is absent: set GANSMITH_DATA to the folder that holds {name}/")
    return DATA / name


def test_digits():
    from sklearn.datasets import load_digits

    scans, labels = load_digits(return_X_y=True)
    data = load("digits")
    assert data.x.shape == (1797, 1, 8, 8) and data.x.dtype == torch.uint8
    assert data.x.min() == 0 and data.x.max() == 255 and len(data.x.unique()) == 17
    assert_close(data.x.flatten(1).double(), torch.from_numpy(scans) * 255 / 16, rtol=0, atol=0.5)
    assert data.y is not None and torch.equal(data.y, torch.from_numpy(labels)) and data.classes == 10
    assert data.content is None and data.name == "digits" and data.notes == ()
    assert load("digits").fingerprint == data.fingerprint


@pytest.mark.parametrize(("name", "modes"), [("ring", ring_modes), ("grid", grid_modes)])
def test_mixtures(name, modes):
    centers, sd = modes()
    data = load(name)
    assert data.x.shape == (100_000, 2) and data.x.dtype == torch.float32
    assert data.y is not None and data.classes == len(centers)
    # Equal priors: five standard deviations of a binomial count.
    counts = torch.bincount(data.y).double()
    expected = 100_000 / len(centers)
    assert (counts - expected).abs().max() < 5 * (expected * (1 - 1 / len(centers))) ** 0.5
    noise = ((data.x - centers[data.y]) / sd).double()
    assert noise.mean(0).abs().max() < 5 / 100_000**0.5
    assert_close(noise.T.cov(), torch.eye(2, dtype=torch.float64), rtol=0, atol=0.03)
    # Within 3 standard deviations lies 1 - exp(-4.5) of a plane's normal distribution.
    assert abs((noise.norm(dim=1) < 3).double().mean().item() - 0.98889) < 0.002
    assert torch.equal(load(name).x, data.x)


def test_modes():
    centers, sd = ring_modes()
    assert sd == 0.01 and len({tuple(c.tolist()) for c in centers}) == 8
    assert_close(centers.norm(dim=1), torch.ones(8))
    assert_close(centers[1], torch.tensor([0.5**0.5, 0.5**0.5]))
    centers, sd = grid_modes()
    assert sd == 0.05 and len({tuple(c.tolist()) for c in centers}) == 25
    assert sorted(centers[:, 0].unique().tolist()) == [-4, -2, 0, 2, 4]


@pytest.mark.parametrize("arguments", [{"size": 32}, {"channels": 1}])
def test_vectors_have_neither_size_nor_channels(arguments):
    with pytest.raises(ValueError, match="ring holds vectors"):
        load("ring", **arguments)


def test_mnist():
    folder = shared("mnist")
    data = load(str(folder))
    assert data.name == "mnist" and data.shape == (1, 32, 32) and data.content == (28, 28)
    assert len(data.train) == 60_000 and len(data.held_out) == 10_000 and data.classes == 10
    assert data.y is not None
    assert torch.bincount(data.y[data.held_out]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.y[:5].tolist() == [5, 0, 4, 1, 9]
    for name, part in (("train", data.train), ("t10k", data.held_out)):
        raw = gzip.decompress((folder / f"{name}-images-idx3-ubyte.gz").read_bytes())[16:]
        expected = torch.frombuffer(bytearray(raw), dtype=torch.uint8).reshape(-1, 1, 28, 28)
        assert torch.equal(data.crop(data.x)[part], expected)
    one = load(str(folder / "t10k-images-idx3-ubyte.gz"))
    assert torch.equal(one.x, data.x[data.held_out]) and one.y is not None and len(one) == 10_000


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("digit", "did you mean digits"),
        ("Grid", "did you mean grid"),
        ("no/such/folder", "use digits, ring, grid, .*, or the path"),
        ("", "no data named ''"),
        ("a\0b", "no data named"),
        ("~no-such-user", "no data named"),
        ("x" * 5000, "cannot load|no data named"),
        ("two\nlines", "no data named 'two.lines'"),
        ("/dev/null", "neither a regular file nor a folder"),
    ],
)
def test_no_such_source(source, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(source)
    assert "\n" not in str(caught.value)


def test_empty_folder_and_text_file(tmp_path):
    with pytest.raises(ValueError, match="holds no files"):
        load(str(tmp_path))
    (tmp_path / "sub").mkdir()
    with pytest.raises(ValueError, match="holds no files"):
        load(str(tmp_path))
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(ValueError, match="as a picture"):
        load(str(tmp_path / "a.txt"))
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ValueError, match="as a picture"):
        load(str(tmp_path / "empty"))


def test_unreadable_file(tmp_path, monkeypatch):
    """In a folder such a file is skipped; see the tests of workers."""
    (tmp_path / "a.png").write_text("hello")

    def refuse(self: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ValueError, match=r"cannot load .*: Permission denied"):
        load(str(tmp_path / "a.png"))


def test_a_socket_in_a_folder_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(ValueError, match="neither a regular file"):
            load("s")
        with pytest.raises(ValueError, match="holds no files"):
            load(".")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("My photos (2)", "My-photos-2"), ("a.b.npz", "a-b"), ("ünï", "n"), ("--", "data"), ("x" * 90, "x" * 40)],
)
def test_names_are_safe_in_a_folder_name(tmp_path, name, expected, monkeypatch):
    from PIL import Image

    (tmp_path / name).mkdir()
    Image.new("L", (8, 8)).save(tmp_path / name / "a.png")
    assert load(str(tmp_path / name)).name == expected
    monkeypatch.chdir(tmp_path / name)
    assert load(".").name == expected


def test_import_is_cheap():
    code = (
        "import sys, torch; before = set(sys.modules); import gansmith.data;"
        "print([m for m in set(sys.modules) - before if m in {'PIL', 'sklearn', 'scipy', 'pandas'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
