"""Files that are whole or not there, whatever lies in the folder."""

import os
from pathlib import Path

import pytest

from gansmith.disk.atomic import atomic


def write(path: Path, content: bytes, **options: bool) -> None:
    with atomic(path, **options) as file:
        file.write(content)


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "one"
    for content in (b"first", b"second"):
        write(path, content)
        assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["one"]


def test_until_the_end_the_old_content_is_there(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write(path, b"old")
    with atomic(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("new", [False, True])
def test_a_failure_leaves_what_was_there(new: bool, tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic(path, new=new) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and [file.name for file in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("there", ["file", "link to nowhere", "folder"])
def test_a_new_file_never_takes_a_place(
    there: str, links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise PermissionError("no hard links here")

    if not links:
        monkeypatch.setattr(os, "link", none)
    path, elsewhere = tmp_path / "one", tmp_path / "elsewhere"
    if there == "file":
        path.write_bytes(b"mine")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(elsewhere)
    with pytest.raises(FileExistsError):
        write(path, b"other", new=True)
    assert [file.name for file in tmp_path.iterdir()] == ["one"] and not elsewhere.exists()
    assert there != "file" or path.read_bytes() == b"mine"
    write(tmp_path / "two", b"new", new=True)
    assert (tmp_path / "two").read_bytes() == b"new"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one", "two"]


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path: Path) -> None:
    mine, path = tmp_path / "mine", tmp_path / "one"
    mine.write_bytes(b"mine")
    path.symlink_to(mine)
    write(path, b"new")
    assert mine.read_bytes() == b"mine" and path.read_bytes() == b"new" and not path.is_symlink()
