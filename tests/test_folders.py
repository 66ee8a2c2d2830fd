"""Folders and files of a run that may come from anywhere."""

import os
from pathlib import Path

import pytest

from gansmith.disk.folders import LARGEST, read_file, sub_folder
from gansmith.refusal import Refusal


def test_a_sub_folder_is_made_once(tmp_path: Path) -> None:
    for _ in range(2):
        assert sub_folder(tmp_path, "samples") == tmp_path / "samples"
        assert (tmp_path / "samples").is_dir()


@pytest.mark.parametrize("kind", ["link", "link to nowhere", "file"])
def test_a_sub_folder_is_no_link(kind: str, tmp_path: Path) -> None:
    mine, path = tmp_path / "mine", tmp_path / "samples"
    if kind == "link":
        mine.mkdir()
    if kind == "file":
        path.write_text("x")
    else:
        path.symlink_to(mine)
    with pytest.raises(Refusal, match="needs to be a folder, but is a link or a file"):
        sub_folder(tmp_path, "samples")
    assert mine.exists() == (kind == "link")


def test_a_sub_folder_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot make the folder"):
        sub_folder(tmp_path / "nothing", "samples")


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1234")
    assert read_file(path, 4) == b"1234"
    with pytest.raises(Refusal, match="at most 3 bytes"):
        read_file(path, 3)
    os.truncate(path, LARGEST + 1)
    with pytest.raises(Refusal, match="at most 20,000,000 bytes"):
        read_file(path)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "b")


@pytest.mark.parametrize("kind", ["link", "device", "pipe", "folder"])
def test_what_is_no_file_is_not_read(kind: str, tmp_path: Path) -> None:
    path, mine = tmp_path / "a", tmp_path / "mine"
    mine.write_text("mine")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(mine if kind == "link" else "/dev/zero")
    with pytest.raises(Refusal, match="needs to be a file"):
        read_file(path)
