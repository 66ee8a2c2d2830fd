"""Archives of pictures: real ones, ones that lie, and ones that would escape."""

import io
import os
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import TINY

from gansmith.commands.cli import main
from gansmith.data import archive, load

DATA = Path(os.environ.get("GANSMITH_DATA", Path(__file__).parents[2] / "../shared/data"))
CENTRAL = b"PK\x01\x02"
# Headers of an empty file with a name of five bytes.
LOCAL_OF_NOTHING = "<4s5H3L2H", (b"PK\x03\x04", 20, 0, 0, 0, 0x21, 0, 0, 0, 5, 0)
CENTRAL_OF_NOTHING = "<4s6H3L5H2L", (CENTRAL, 20, 20, 0, 0, 0, 0x21, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0)


def png(value=0, side=8):
    file = io.BytesIO()
    Image.new("L", (side, side), value).save(file, "PNG")
    return file.getvalue()


def pack(path, entries, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as packed, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on names that are there twice
        for name, data in entries:
            packed.writestr(name, data)
    return str(path)


def restate(path, entry, offset, form, value):
    """Overwrites one number in the directory's record of an entry."""
    data = bytearray(Path(path).read_bytes())
    place = -1
    for _ in range(entry + 1):
        place = data.index(CENTRAL, place + 1)
    struct.pack_into(form, data, place + offset, value)
    Path(path).write_bytes(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_is_its_folder(tmp_path, method):
    names = ["pets/dogs/1.png", "pets/cats/2.png", "pets/cats/__MACOSX/._2.png", "pets/.DS_Store", "__MACOSX/3.png"]
    path = pack(tmp_path / "a.zip", [(name, png(7 * k)) for k, name in enumerate(names)], method)
    with zipfile.ZipFile(path, "a") as packed:
        packed.mkdir("pets/empty")
        link = zipfile.ZipInfo("pets/link.png")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("pets/nested.zip", Path(path).read_bytes())
    data = load(path)
    assert data.names == ("pets/cats/2.png", "pets/dogs/1.png") and data.name == "a"
    assert data.class_names == ("cats", "dogs") and data.y is not None and data.y.tolist() == [0, 1]
    assert data.x[:, 0, 0, 0].tolist() == [7, 0]
    assert data.notes[0] == "skipped 1 of 3 files: pets/nested.zip (no image)"
    assert list(tmp_path.iterdir()) == [Path(path)]


def test_one_damaged_entry_is_skipped(tmp_path):
    path = pack(tmp_path / "a.zip", [(f"{k}.png", png(k)) for k in range(4)], zipfile.ZIP_STORED)
    data = Path(path).read_bytes()
    Path(path).write_bytes(data.replace(png(2), png(2)[:-9] + b"x" + png(2)[-8:], 1))
    restate(path, 0, 24, "<I", len(png(0)) - 1)  # states a byte less than it has
    restate(path, 1, 16, "<I", 12345)  # another checksum
    dataset = load(path)
    assert dataset.names == ("3.png",)
    assert dataset.notes[0] == "skipped 3 of 4 files: " + ", ".join(
        f"{k}.png (damaged archive entry)" for k in range(3)
    )


@pytest.mark.parametrize(
    "name", ["../a.png", "b/../../a.png", "/a.png", "C:/a.png", "..\\a.png", "b\\..\\a.png", "c:a"]
)
def test_entries_that_would_escape(tmp_path, name):
    with pytest.raises(ValueError, match="would be written outside of its folder: do not trust") as caught:
        load(pack(tmp_path / "a.zip", [("b/ok.png", png()), (name, png())]))
    assert "\n" not in str(caught.value)


def test_names_of_windows(tmp_path):
    data = load(pack(tmp_path / "a.zip", [("x\\", b""), ("x\\1.png", png()), ("y\\2.png", png())]))
    assert data.names == ("x/1.png", "y/2.png") and data.classes == 2 and len(data.notes) == 1


def test_a_directory_in_64_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    path = pack(tmp_path / "a.zip", [("a.png", png()), ("b.png", png())])
    assert b"PK\x06\x06" in Path(path).read_bytes() and len(load(path)) == 2
    data = bytearray(Path(path).read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x05\x06") + 12, 0xFFFFFFFF)  # "see the 64 bits"
    Path(path).write_bytes(data)
    assert len(load(path)) == 2
    struct.pack_into("<Q", data, data.index(b"PK\x06\x06") + 40, 1 << 40)
    Path(path).write_bytes(data)
    with pytest.raises(ValueError, match="lists its entries in 1,099,511,627,776 bytes"):
        load(path)


def test_limits(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", [("a.png", png()), ("b.png", png())])
    monkeypatch.setattr(archive, "LIMIT", 2 * len(png()))
    assert len(load(path)) == 2
    monkeypatch.setattr(archive, "LIMIT", 2 * len(png()) - 1)
    with pytest.raises(ValueError, match="more than the limit of"):
        load(path)
    monkeypatch.undo()
    monkeypatch.setattr(archive, "ENTRY_LIMIT", len(png()) - 1)
    with pytest.raises(ValueError, match=r"a\.png, which states \d+ bytes: do not trust"):
        load(path)
    monkeypatch.undo()
    monkeypatch.setattr(archive, "DIRECTORY_LIMIT", 2 * (46 + 5) - 1)
    with pytest.raises(ValueError, match="lists its entries in 102 bytes, more than 101: split it"):
        load(path)


def test_an_entry_that_states_more_than_deflate_can_hold(tmp_path):
    path = pack(tmp_path / "a.zip", [("a.png", png()), ("b.png", png())])
    with zipfile.ZipFile(path) as packed:
        most = 1032 * packed.infolist()[1].compress_size
    restate(path, 1, 24, "<I", most)
    assert load(path).names == ("a.png",)
    restate(path, 1, 24, "<I", most + 1)
    with pytest.raises(ValueError, match=r"b\.png, which states"):
        load(path)


def test_a_bomb_is_unpacked_no_further_than_it_states(tmp_path):
    path = pack(tmp_path / "a.zip", [("a.png", png()), ("bomb.png", bytes(50 << 20))])
    restate(path, 1, 24, "<I", 1000)
    location = archive.open_archive(Path(path)).location(1)
    tracemalloc.start()
    with pytest.raises(ValueError, match="damaged archive entry"):
        archive.read_entry(path, *location)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    archive._open(path).close()
    archive._open.cache_clear()
    assert peak < 1 << 20 and load(path).names == ("a.png",)


@pytest.mark.parametrize(
    ("offset", "form", "value", "message"),
    [
        (8, "<H", 1, "is encrypted"),
        (10, "<H", 12, "packed by another method than deflate"),
        (42, "<I", 0, "overlaps what follows it"),
        (20, "<I", 100_000, "overlaps what follows it"),
    ],
)
def test_archives_that_are_refused(tmp_path, offset, form, value, message):
    path = pack(tmp_path / "a.zip", [("a.png", png()), ("b.png", png())])
    restate(path, 1, offset, form, value)
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(4))
def test_damage_of_any_kind_is_a_value_error(tmp_path, seed):
    """Archives with a few wrong bytes, most of them in the directory: each is listed and read, or refused."""
    path = tmp_path / "a.zip"
    pack(path, [(f"folder/{k}.png", png(k)) for k in range(3)])
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    outcomes = set()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            place = int(rng.triangular(0, len(data), len(data)))
            data[place] = rng.choice([0, 1, 127, 255, int(rng.integers(256))])
        path.write_bytes(data)
        try:
            entries = archive.open_archive(path)
            for k in range(len(entries.names)):
                archive.read_entry(str(path), *entries.location(k))
            outcomes.add("read")
        except ValueError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
        finally:
            archive._open(str(path)).close()
            archive._open.cache_clear()
    assert outcomes == {"read", "refused"}


def test_what_is_there_twice(tmp_path):
    with pytest.raises(ValueError, match=r"holds a\.png twice"):
        load(pack(tmp_path / "a.zip", [("a.png", png(1)), ("a.png", png(2))]))


def test_empty_and_damaged_archives(tmp_path):
    with pytest.raises(ValueError, match=r"holds no files: it is no \.npz file of arrays and no archive"):
        load(pack(tmp_path / "a.zip", []))
    path = pack(tmp_path / "b.zip", [("a.png", png())])
    os.truncate(path, 60)
    with pytest.raises(ValueError, match="is a damaged zip file"):
        load(path)


def damaged(path, length=0xFFFF):
    """Another length of the first entry's name: Python's reader takes all that follows for the name."""
    restate(path, 0, 28, "<H", length)
    with zipfile.ZipFile(path) as packed:  # without a word
        return len(packed.infolist())


def test_an_entry_that_swallows_the_others(tmp_path):
    entries = [(f"{k}.png", png(k)) for k in range(12)]
    path = pack(tmp_path / "a.zip", entries)
    assert damaged(path) == 1
    with pytest.raises(ValueError, match=r"a\.zip is a damaged zip file \(it lists 1 entry, but states 12\): fetch it"):
        load(path)
    assert damaged(pack(path, entries), 5 + 46 + 5) == 11  # just the next one
    with pytest.raises(ValueError, match=r"\(it lists 11 entries, but states 12\)"):
        load(path)


def test_an_entry_that_swallows_others_in_64_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    path = pack(tmp_path / "a.zip", [(f"{k}.png", png(k)) for k in range(12)])
    state = bytearray(Path(path).read_bytes())
    struct.pack_into("<2H", state, state.index(b"PK\x05\x06") + 8, 0xFFFF, 0xFFFF)  # "see the 64 bits"
    Path(path).write_bytes(state)
    assert len(load(path)) == 12 and damaged(path) == 1
    with pytest.raises(ValueError, match=r"it lists 1 entry, but states 12\)"):
        load(path)


def test_a_comment_is_no_damage(tmp_path):
    path = pack(tmp_path / "a.zip", [(f"{k}.png", png(k)) for k in range(3)])
    with zipfile.ZipFile(path, "a") as packed:
        packed.comment = b"by hand " * 100
    assert len(load(path)) == 3 and damaged(path) == 1
    with pytest.raises(ValueError, match=r"it lists 1 entry, but states 3\)"):
        load(path)


def test_more_entries_than_16_bits_count(tmp_path):
    """Writers without 64 bits count on from 0 behind 65,535, or stop there."""
    path, number = tmp_path / "a.zip", 66_000
    local, central = (bytearray(struct.pack(form, *fields)) for form, fields in (LOCAL_OF_NOTHING, CENTRAL_OF_NOTHING))
    entries, directory = bytearray(), bytearray()
    for k in range(number):
        struct.pack_into("<I", central, 42, len(entries))
        directory += central + b"%05d" % k
        entries += local + b"%05d" % k
    for stated, sound in ((number % 2**16, True), (0xFFFF, True), (number % 2**16 - 1, False)):
        end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, stated, stated, len(directory), len(entries), 0)
        path.write_bytes(entries + directory + end)
        if sound:
            assert len(archive.open_archive(path).names) == number
        else:
            with pytest.raises(ValueError, match=f"it lists 66,000 entries, but states {stated:,}"):
                archive.open_archive(path)


def test_arrays_in_an_archive_are_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 8, 8), np.uint8))
    assert len(load(str(tmp_path / "a.npz"))) == 3


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("clothing_cc0/clothing64_train.zip", (3068, 3, 64, 64), 10),
        ("caltech_faces/caltech_faces435_original.zip", (435, 3, 128, 128), None),
        ("cifar10_jpeg/cifar10_jpeg_train.zip", (50_000, 3, 32, 32), 10),
    ],
)
def test_real_archives(name, shape, classes):
    if not (DATA / name).is_file():
        pytest.skip(f"{DATA / name} is absent: set GANSMITH_DATA to the folder that holds it")
    data = load(str(DATA / name), limit=3000)
    count = min(3000, shape[0])
    assert data.x.shape == (count, *shape[1:]) and data.classes == classes
    with zipfile.ZipFile(DATA / name) as packed:
        for row in (0, 77, count - 1):
            image = Image.open(packed.open(data.names[row]))
            assert classes is None or data.class_names[data.y[row]] == data.names[row].split("/")[0]
            if image.size == shape[:1:-1]:
                expected = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
                assert torch.equal(data.x[row], expected)


@pytest.mark.parametrize(
    "name",
    [
        "clothing_cc0/clothing64_train.zip",
        "caltech_faces/caltech_faces435_original.zip",
        "cifar10_jpeg/cifar10_jpeg_train.zip",
    ],
)
def test_real_archives_train_as_they_are(name, tmp_path):
    if not (DATA / name).is_file():
        pytest.skip(f"{DATA / name} is absent: set GANSMITH_DATA to the folder that holds it")
    words = ["train", "gan", "--data", DATA / name, "--size", "16", "--limit", "200", *TINY, "--out", tmp_path / "run"]
    assert main([str(word) for word in words]) == 0 and any((tmp_path / "run").iterdir())
