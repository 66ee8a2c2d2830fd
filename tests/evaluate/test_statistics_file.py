"""Statistics of real features from a file: the same distance, and what is refused."""

import json
import os
import struct

import numpy as np
import pytest
import torch

from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.evaluate import Statistics, frechet_distance, read_statistics
from gansmith.evaluate import statistics_file as file


def saved(path, mu=None, sigma=None, **more):
    np.savez(path, mu=np.zeros(3) if mu is None else mu, sigma=np.eye(3) if sigma is None else sigma, **more)
    return path


def test_the_distance_is_that_of_the_vectors_whose_statistics_they_are(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(2, 50, 3))
    path = saved(tmp_path / "a.npz", x.mean(0), np.cov(x.T))
    expected = frechet_distance(torch.from_numpy(x), torch.from_numpy(y))
    assert frechet_distance(read_statistics(path), torch.from_numpy(y)) == pytest.approx(expected, rel=1e-9)


LOPSIDED = np.eye(3) + np.eye(3, k=1)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"mu": np.zeros((3, 1))}, r"a mean \(d,\) and a covariance \(d, d\), but got \(3, 1\)"),
        ({"sigma": np.eye(4)}, r"\(3,\) and \(4, 4\)"),
        ({"mu": np.zeros(0), "sigma": np.zeros((0, 0))}, r"\(0,\) and \(0, 0\)"),
        ({"mu": np.full(3, np.nan)}, "finite mean and covariance"),
        ({"sigma": np.full((3, 3), np.inf)}, "finite mean and covariance"),
        ({"sigma": LOPSIDED}, "a symmetric covariance, but it is off by 1"),
        ({"sigma": -np.eye(3)}, "negative eigenvalues, but got -1"),
        ({"sigma": np.eye(3, dtype=complex)}, "needs numbers in sigma of a.npz, but got complex128"),
        ({"mu": np.array([None] * 3)}, "pickled Python objects, which are never loaded"),
    ],
)
def test_what_is_no_mean_and_covariance_is_refused(arrays, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        read_statistics(saved(tmp_path / "a.npz", **arrays))


def test_a_file_without_them_or_too_large_is_refused(tmp_path, monkeypatch):
    np.savez(tmp_path / "b.npz", mu=np.zeros(3))
    with pytest.raises(ValueError, match=r"needs arrays mu and sigma in b\.npz, but it has mu"):
        read_statistics(tmp_path / "b.npz")
    monkeypatch.setattr(file, "LIMIT", 200)
    with pytest.raises(ValueError, match="more than the limit of 200 bytes"):
        read_statistics(saved(tmp_path / "a.npz"))


def test_what_does_not_fit_is_refused_before_it_is_read(tmp_path, monkeypatch, refused):
    """A megabyte may hold a covariance of ten gigabytes in double precision."""
    np.savez_compressed(tmp_path / "a.npz", mu=np.zeros(2000, np.int8), sigma=np.zeros((2000, 2000), np.int8))
    monkeypatch.setattr("gansmith.data.npz.npz_arrays", lambda *_: pytest.fail("is read"))
    monkeypatch.setattr(file, "npz_arrays", lambda *_: pytest.fail("is read"))
    words = refused("evaluate", "digits", "--against", tmp_path / "a.npz", "--features", "pixels")
    assert "needs features of 2,000 numbers, as the statistics are, but 'pixels' has 64" in words
    monkeypatch.setattr(file, "LIMIT", 8 * 2000**2 - 1)
    with pytest.raises(
        ValueError, match=r"of 2,000 features, which takes more than the limit of 31,999,999 bytes: take"
    ):
        read_statistics(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"but got \(3,\) and \(4, 4\)"):
        read_statistics(saved(tmp_path / "b.npz", sigma=np.eye(4)))
    with pytest.raises(ValueError, match=r"needs numbers in mu of c\.npz, but got <U1: save float64"):
        read_statistics(saved(tmp_path / "c.npz", mu=np.array(["a"] * 3)))


def test_rounding_of_single_precision_is_taken():
    x = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    matrix = torch.cov(x.T)
    matrix[0, 1] += 1e-6
    assert torch.equal(Statistics(x.mean(0), matrix).matrix, Statistics(x.mean(0), matrix).matrix.T)


@pytest.fixture
def pixel_statistics(tmp_path):
    x = load("digits").values(torch.arange(1000)).flatten(1).double().numpy()
    return saved(tmp_path / "real.npz", x.mean(0), np.cov(x.T)), x


def test_pictures_against_statistics(pixel_statistics, capsys):
    path, x = pixel_statistics
    assert main(["evaluate", "digits", "--against", str(path), "--features", "pixels", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    y = load("digits").values(torch.arange(1797)).flatten(1)
    assert list(numbers["metrics"]) == ["frechet_distance"]
    entry = numbers["metrics"]["frechet_distance"]
    assert entry["value"] == pytest.approx(frechet_distance(torch.from_numpy(x), y), rel=1e-6)
    assert entry["n"] == {"real": None, "fake": 1797} and entry["corrected"]["value"] < entry["value"]
    assert main(["evaluate", "digits", "--against", str(path), "--features", "pixels"]) == 0
    printed = capsys.readouterr().out
    assert "no other number" in printed and "the statistics of real samples" in printed


def test_features_of_another_width_are_refused(pixel_statistics, refused):
    words = refused("evaluate", "digits", "--against", pixel_statistics[0], "--features", "random")
    assert "needs features of 64 numbers, as the statistics are, but 'random' has 256: name by --features" in words


@pytest.mark.parametrize("kind", ["version", "name", "pipe"])
def test_what_looks_like_statistics_is_refused_in_one_line(kind, tmp_path, refused):
    """A zip that asks for a version that there is not, one whose name is none, and a pipe, which has no end."""
    np.savez(tmp_path / "real.npz", mu=np.zeros(64), sigma=np.eye(64))
    raw = bytearray((tmp_path / "real.npz").read_bytes())
    place, path = raw.find(b"PK\x01\x02"), tmp_path / "other.npz"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "version":
        struct.pack_into("<H", raw, place + 6, 99)
        path.write_bytes(raw)
    else:
        struct.pack_into("<H", raw, place + 8, 0x800)
        raw[place + 46] = 0xFF
        path.write_bytes(raw)
    assert "other.npz" in refused("evaluate", "digits", "--against", path, "--features", "pixels")
