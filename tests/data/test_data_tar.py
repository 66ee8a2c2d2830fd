"""A .tar is read in place like its folder; what is unsafe in it is refused, and none of it is read into memory."""

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.data import load, tar


def png(value):
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def pack(path, entries, form=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=form) as packed:
        for name, data in entries:
            if isinstance(data, tarfile.TarInfo):
                packed.addfile(data, io.BytesIO(b"x" * data.size))
                continue
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return str(path)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_is_its_folder(tmp_path, form):
    names = ["./pets/dogs/1.png", "pets/cats/2.png", "pets/.hidden.png", "__MACOSX/3.png"]
    link = tarfile.TarInfo("pets/link.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    data = load(pack(tmp_path / "a.tar", [*((n, png(90 + k)) for k, n in enumerate(names)), ("", link)], form))
    assert data.names == ("pets/cats/2.png", "pets/dogs/1.png") and data.name == "a"
    assert data.class_names == ("cats", "dogs") and data.x[:, 0, 0, 0].tolist() == [91, 90]


@pytest.mark.parametrize("name", ["../up.png", "/root.png", "C:/x.png", "a/../../b.png"])
def test_paths_that_lead_outside(tmp_path, name):
    with pytest.raises(ValueError, match="would be written outside of its folder"):
        load(pack(tmp_path / "a.tar", [("a.png", png(90)), (name, png(90))]))


def test_a_name_twice(tmp_path):
    with pytest.raises(ValueError, match=r"holds a\.png twice: pack it again"):
        load(pack(tmp_path / "a.tar", [("a.png", png(90)), ("a.png", png(90))]))


def test_sizes_that_lie(tmp_path):
    path = tmp_path / "a.tar"
    pack(path, [("a.png", png(90))])
    entry = tarfile.TarInfo("huge.png")
    entry.size = 10**12
    content = path.read_bytes()
    path.write_bytes(content[:1024] + entry.tobuf() + bytes(1024))
    with pytest.raises(ValueError, match=r"holds huge\.png, which states 1,000,000,000,000 bytes"):
        load(str(path))


def test_a_header_without_measure_is_not_read(tmp_path):
    """A pax header may state any size; Python's reader would read it whole."""
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 3 << 30
    with (tmp_path / "a.tar").open("wb") as file:
        file.write(header.tobuf())
        file.truncate(4 << 30)
    with pytest.raises(ValueError, match=r"a header of 3,221,225,472 bytes: pack it again"):
        load(str(tmp_path / "a.tar"))


def test_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(tar, "FILES", 2)
    with pytest.raises(ValueError, match="holds more than 2 files"):
        load(pack(tmp_path / "a.tar", [(f"{k}.png", png(90)) for k in range(3)]))


def test_a_cut_tar(tmp_path):
    path = tmp_path / "a.tar"
    pack(path, [(f"{k}.png", png(100 + k)) for k in range(4)])
    whole = load(str(path))
    path.write_bytes(path.read_bytes()[: 512 * 3 + 100])
    with pytest.raises(ValueError, match=r"a\.tar"):
        load(str(path))
    assert torch.equal(whole.x[:, 0, 0, 0], torch.tensor([100, 101, 102, 103], dtype=torch.uint8))
