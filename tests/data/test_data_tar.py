"""A .tar is read in place like its folder; what is unsafe in it is refused, and none of it is read into memory."""

import io
import tarfile

import numpy as np
import pytest
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
    with pytest.raises(ValueError, match=r"a\.tar has a header of 3,221,225,472 bytes: pack it again"):
        load(str(tmp_path / "a.tar"))


def test_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(tar, "FILES", 2)
    with pytest.raises(ValueError, match="holds more than 2 files"):
        load(pack(tmp_path / "a.tar", [(f"{k}.png", png(90)) for k in range(3)]))


TWELVE = [(f"{k}.png", png(100 + k)) for k in range(12)]  # each takes two blocks: a header, and its bytes
END = 24 * 512  # where their .tar ends by zeros


def test_a_sound_end(tmp_path):
    """One block of zeros is the least; writers fill up their last record with zeros, of any length."""
    path = tmp_path / "a.tar"
    pack(path, TWELVE)
    content = path.read_bytes()
    assert len(content) == 10_240 * 2 and content[END - 512] and not any(content[END:])
    for end in (512, 700, 1024, tar.ZEROS):
        path.write_bytes(content[:END] + bytes(end))
        whole = load(str(path))
        assert sorted(whole.x[:, 0, 0, 0].tolist()) == list(range(100, 112)) and not whole.skipped


@pytest.mark.parametrize("place", [0, 124, 148, 511])
def test_a_byte_of_a_later_header(tmp_path, place):
    """Python's reader takes a header of a wrong checksum for the end of the archive."""
    path = tmp_path / "a.tar"
    pack(path, TWELVE)
    content = bytearray(path.read_bytes())
    content[4 * 512 + place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.tar is a damaged \.tar \(no header at byte 2,048\): fetch it again$"):
        load(str(path))


@pytest.mark.parametrize("blocks", [(8, 12), (8, 9), (0, 4), (22, 23)])
def test_zeros_in_the_middle(tmp_path, blocks):
    path = tmp_path / "a.tar"
    pack(path, TWELVE)
    start, stop = (512 * block for block in blocks)
    content = path.read_bytes()
    path.write_bytes(content[:start] + bytes(stop - start) + content[stop:])
    if start:
        with pytest.raises(
            ValueError, match=rf"damaged \.tar \(more follows its end at byte {start:,}\): fetch it again"
        ):
            load(str(path))
    with pytest.raises(ValueError, match=r"a\.tar is a damaged \.tar"):
        tar.open_tar(path)


def test_what_was_not_fetched_is_zeros(tmp_path):
    """A downloader may make the file as long as it will be, before it has fetched it."""
    path = tmp_path / "a.tar"
    pack(path, TWELVE)
    content = path.read_bytes()
    path.write_bytes(content[: 8 * 512] + bytes(tar.ZEROS + 1))
    with pytest.raises(ValueError, match=r"damaged \.tar \(only zeros from byte 4,096 on, .*\): fetch it again"):
        load(str(path))


def test_a_cut_tar(tmp_path):
    path = tmp_path / "a.tar"
    pack(path, TWELVE)
    content = path.read_bytes()
    for byte in range(512 * 2, END + 512, 100):
        path.write_bytes(content[:byte])
        with pytest.raises(ValueError, match=r"a\.tar is a damaged \.tar \(.*\): fetch it again"):
            tar.open_tar(path)
    for byte in (1024 * 5, 1024 * 5 + 100, 1024 * 5 + 512, 1024 * 5 + 600):
        path.write_bytes(content[:byte])
        with pytest.raises(ValueError, match=r"a\.tar is a damaged \.tar \(.*\): fetch it again"):
            load(str(path))


def test_rubbish_behind_the_zeros(tmp_path):
    path = tmp_path / "a.tar"
    pack(path, TWELVE)
    for rubbish in (bytes(3 << 20) + b"x", path.read_bytes()):
        with path.open("ab") as file:
            file.write(rubbish)
        with pytest.raises(ValueError, match=r"a\.tar is a damaged \.tar \(more follows its end at byte 12,288\)"):
            load(str(path))


@pytest.mark.parametrize("size", [-1, -512, -1024, -(10**6)])
def test_a_size_that_leads_back(tmp_path, size):
    """An entry of an unknown kind and a negative size would be read again and again."""
    path = tmp_path / "a.tar"
    pack(path, TWELVE)
    entry = tarfile.TarInfo("back.png")
    entry.type, entry.size = b"Z", size
    content = path.read_bytes()
    path.write_bytes(content[: 4 * 512] + entry.tobuf(tarfile.GNU_FORMAT) + content[4 * 512 :])
    with pytest.raises(ValueError, match=rf"a\.tar holds back\.png, which states {size:,} bytes: pack it again"):
        load(str(path))
