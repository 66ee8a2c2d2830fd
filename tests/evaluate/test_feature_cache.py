import errno
import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gansmith.evaluate.cache import cached_features
from gansmith.evaluate.features import Features

X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
INDEX = torch.tensor([3, 1, 4, 0, 2])


def features(**other: object) -> Features:
    return Features(**({"name": "a", "size": 4, "why": "", "embed": lambda x: x} | other))


class Made:
    """Makes features, and counts how often."""

    times = 0

    def __call__(self) -> Tensor:
        self.times += 1
        return X + self.times


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path))
    return tmp_path / "features"


def only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


@pytest.mark.usefixtures("folder")
def test_made_once() -> None:
    made = Made()
    first, second = (cached_features(features(), "f", INDEX, made) for _ in range(2))
    assert made.times == 1
    assert_close(second, first, rtol=0, atol=0)
    second += 1  # what is returned is the caller's own
    assert_close(cached_features(features(), "f", INDEX, made), first, rtol=0, atol=0)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("other", "fingerprint", "index"),
    [
        ({"name": "b"}, "f", INDEX),
        ({"version": "2"}, "f", INDEX),
        ({}, "g", INDEX),
        ({}, "f", INDEX.flip(0)),
    ],
)
def test_whatever_they_depend_on_makes_them_anew(other: dict[str, str], fingerprint: str, index: Tensor) -> None:
    made = Made()
    cached_features(features(), "f", INDEX, made)
    cached_features(features(**other), fingerprint, index, made)
    assert made.times == 2


def test_without_a_version_nothing_is_kept(folder: Path) -> None:
    made = Made()
    for _ in range(2):
        cached_features(features(version=None), "f", INDEX, made)
    assert made.times == 2 and not folder.exists()


@pytest.mark.parametrize("damage", ["flipped", "short", "long", "empty", "other"])
def test_a_damaged_file_is_made_again(folder: Path, damage: str) -> None:
    made = Made()
    cached_features(features(), "f", INDEX, made)
    file = only(folder)
    content = bytearray(file.read_bytes())
    content[150] ^= 1
    file.write_bytes(
        {
            "flipped": bytes(content),
            "short": file.read_bytes()[:-1],
            "long": file.read_bytes() + b"x",
            "empty": b"",
            "other": b"\x93NUMPY" + bytes(len(content) - 6),
        }[damage]
    )
    assert_close(cached_features(features(), "f", INDEX, made), X + 2)
    assert_close(cached_features(features(), "f", INDEX, made), X + 2)
    assert made.times == 2 and only(folder) == file


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("unpickled",))


def test_a_file_is_never_unpickled(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = Made()
    x = cached_features(features(size=40), "f", INDEX, lambda: torch.zeros(5, 40))
    file, buffer = only(folder), io.BytesIO()
    np.save(buffer, np.array([[Evil()]], dtype=object), allow_pickle=True)
    array = buffer.getvalue().ljust(128 + 4 * x.numel(), b"\0")
    file.write_bytes(array + hashlib.sha256(array).digest())
    assert_close(cached_features(features(size=40), "f", INDEX, lambda: x + 1), x + 1)
    assert made.times == 0 and not Path("unpickled").exists()


def test_another_shape_behind_a_true_hash_is_made_again(folder: Path) -> None:
    made = Made()
    cached_features(features(), "f", INDEX, made)
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((4, 5), np.float32))
    only(folder).write_bytes(buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest())
    assert_close(cached_features(features(), "f", INDEX, made), X + 2)


def test_a_full_disk_costs_only_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert_close(cached_features(features(), "f", INDEX, Made()), X + 1)
    assert list(folder.iterdir()) == []


def test_without_a_home_only_the_cache_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("GANSMITH_CACHE")
    monkeypatch.setattr(Path, "home", homeless)
    assert_close(cached_features(features(), "f", INDEX, Made()), X + 1)


def test_a_folder_that_cannot_be_made_costs_only_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "file"))
    assert_close(cached_features(features(), "f", INDEX, Made()), X + 1)
