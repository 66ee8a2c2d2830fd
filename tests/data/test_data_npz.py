"""An .npz file: one array under any name, labels at most; checked before memory is taken, never unpickled."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.data import load, packing
from gansmith.data.npz import npz_arrays, read_npz

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (12, 16, 16), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)


def save(path, compress=False, **arrays):
    (np.savez_compressed if compress else np.savez)(path, **arrays)
    return str(path)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_images_of_every_layout(tmp_path, compress, order):
    expected = torch.from_numpy(COLOR).permute(0, 3, 1, 2)
    layouts = {"last": COLOR, "first": COLOR.transpose(0, 3, 1, 2)}
    for name, array in layouts.items():
        source = save(tmp_path / f"{name}.npz", compress, whatever=np.asarray(array, order=order))
        data = load(source)
        assert torch.equal(data.x, expected) and data.x.is_contiguous()
        assert data.name == name
    for array in (GRAY, GRAY[:, None], GRAY[..., None]):
        data = load(save(tmp_path / "gray.npz", compress, x=np.asarray(array, order=order)))
        assert torch.equal(data.x[:, 0], torch.from_numpy(GRAY))


def test_where_two_axes_could_be_channels_the_last_is(tmp_path):
    data = load(save(tmp_path / "a.npz", x=RNG.integers(0, 256, (4, 3, 16, 3), dtype=np.uint8)))
    assert data.shape == (3, 8, 8)
    assert "last axis" in data.notes[0]


def test_recognized_under_any_name(tmp_path):
    Path(save(tmp_path / "a.npz", x=GRAY)).rename(tmp_path / "photo.png")
    assert load(str(tmp_path / "photo.png")).shape == (1, 16, 16)


def test_float_images(tmp_path):
    for dtype in (np.float32, np.float64):
        for array, text in ((GRAY / 255, "from 0 to 1 become"), (GRAY / 127.5 - 1, "from -1 to 1 become")):
            data = load(save(tmp_path / "a.npz", x=array.astype(dtype)))
            assert torch.equal(data.x[:, 0], torch.from_numpy(GRAY))
            assert text in data.notes[0]


def test_vectors(tmp_path):
    x = RNG.standard_normal((9, 5))
    for array in (x, x.astype(np.float32), x.astype(">f4"), (x * 100).astype(np.int64)):
        data = load(save(tmp_path / "a.npz", v=array))
        assert data.x.dtype == torch.float32 and data.shape == (5,) and not data.is_images
        assert torch.equal(data.x, torch.from_numpy(array.astype(np.float32)))


def test_labels(tmp_path):
    y = np.array([-1, 0, 1, 2] * 3, dtype=np.int16)
    data = load(save(tmp_path / "a.npz", labels=y, images=GRAY))
    assert data.y is not None and data.y.tolist() == y.tolist() and data.classes == 3


N = np.arange(12)
FORMS = {
    "one column": ((N % 3)[:, None], (N % 3).tolist(), ()),
    "floats": (N % 3 * 1.0, (N % 3).tolist(), ()),
    "one-hot": (np.eye(4, dtype=np.float32)[N % 4], (N % 4).tolist(), ()),
    "one-hot integers": (np.eye(5, dtype=np.int64)[N % 5], (N % 5).tolist(), ()),
    "truth values": (N % 2 == 0, (1 - N % 2).tolist(), ()),
    "words": (np.array(["tench", "cat", ""])[N % 3], [1, 0, -1] * 4, ("cat", "tench")),
    "bytes": (np.array([b"b", b"a"])[N % 2], [1, 0] * 6, ("a", "b")),
    "numbers as words": (np.array(["10", "9"])[N % 2], [10, 9] * 6, ()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("samples", ["images", "vectors"])
def test_labels_of_every_form(tmp_path, form, samples):
    labels, expected, class_names = FORMS[form]
    x = GRAY if samples == "images" else RNG.standard_normal((12, 3))
    data = load(save(tmp_path / "a.npz", labels=labels, x=x))
    assert data.y is not None and (data.y.tolist(), data.class_names) == (expected, class_names)
    assert "labels from array 'labels'" in data.notes
    save(tmp_path / "x.npz", arr_0=x)
    for name in ("y.npz", "y.npy"):  # a file of labels alone, as KMNIST's
        (np.save if name == "y.npy" else np.savez)(tmp_path / name, labels)
        again = load(str(tmp_path / "x.npz"), labels=str(tmp_path / name))
        assert again.y is not None and torch.equal(again.y, data.y) and again.class_names == class_names


def test_a_file_of_labels_holds_one_array(tmp_path):
    save(tmp_path / "x.npz", x=GRAY)
    labels = save(tmp_path / "y.npz", a=N, b=N)
    with pytest.raises(ValueError, match="needs one array of labels, but has a, b: save only the labels"):
        load(str(tmp_path / "x.npz"), labels=labels)
    labels = save(tmp_path / "y.npz", a=N[:5])
    with pytest.raises(ValueError, match=r"needs 12 labels, one for each sample, but has shape \(5,\)"):
        load(str(tmp_path / "x.npz"), labels=labels)


BAD = {
    "pickled objects": ({"x": np.array([{}, {}], dtype=object)}, "pickled Python objects"),
    "two arrays": ({"a": GRAY, "b": GRAY}, r"has 'a' uint8\(12, 16, 16\), 'b' uint8"),
    "three arrays": ({"a": GRAY, "b": np.arange(12), "c": np.arange(12)}, "save only these"),
    "labels of another length": ({"x": GRAY, "y": np.arange(11)}, "of as many labels"),
    "labels that are floats": (
        {"x": GRAY, "y": np.arange(12) / 2},
        "needs whole numbers as labels, but has 0.5",
    ),
    "labels that are not finite": ({"x": GRAY, "y": np.full(12, np.nan)}, "needs whole numbers as labels, but has nan"),
    "rows that are not one-hot": (
        {"x": GRAY, "y": np.vstack([np.eye(4)[[0] * 11], np.ones((1, 4))])},
        r"one 1 and else zeros in each row, but row 11 is \[1.0, 1.0, 1.0, 1.0\]: save one label",
    ),
    "rows of another number than 1": ({"x": GRAY, "y": 2 * np.eye(12)}, "but row 0 is"),
    "words in two columns": ({"x": GRAY, "y": np.full((12, 2), "a")}, "one word for each sample"),
    "words that are no text": ({"x": GRAY, "y": np.array([b"\xff"] * 12)}, "needs words in UTF-8"),
    "two matrices": ({"a": np.zeros((12, 2)), "b": np.ones((12, 3))}, "call it labels"),
    "labels out of range": ({"x": GRAY, "y": np.arange(12) - 3}, "0 and up, -1 for unlabeled, but has -3"),
    "labels only": ({"y": np.arange(11)}, "needs one array"),
    "five dimensions": ({"x": np.zeros((2, 2, 2, 2, 2))}, "needs one array"),
    "nothing": ({}, "no .npz file of arrays"),
    "no images": ({"x": GRAY[:0]}, "is empty"),
    "no columns": ({"x": np.zeros((4, 0))}, "is empty"),
    "NaN in images": ({"x": np.where(GRAY == 7, np.nan, 0.5)}, "are NaN or infinite"),
    "NaN in vectors": ({"x": np.array([[1.0, np.nan], [np.inf, 0.0]])}, "but 2 are NaN"),
    "too large for float32": ({"x": np.array([[1e300, 0.0]])}, "but 1 are NaN or infinite"),
    "images of words": ({"x": np.full((3, 8, 8), "a")}, "needs numbers"),
    "words": ({"x": np.array([["a", "b"]])}, "needs numbers"),
    "complex vectors": ({"x": np.ones((3, 2), complex)}, "needs numbers"),
    "four channels": ({"x": np.zeros((2, 8, 8, 4), np.uint8)}, "drop the alpha channel"),
    "two channels": ({"x": np.zeros((2, 8, 8, 2), np.uint8)}, "needs 1 or 3 channels"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(tmp_path, case):
    arrays, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        load(save(tmp_path / "a.npz", **arrays))
    assert "\n" not in str(caught.value) and "a.npz" in str(caught.value)


def test_unpickling_never_runs(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("was unpickled",))

    with pytest.raises(ValueError, match="pickled Python objects"):
        load(save(tmp_path / "a.npz", x=np.array([Trap()], dtype=object)))


def npy(shape: str, payload: bytes, descr: str = "'|u1'", version: bytes = b"\x01\x00") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + payload


HEADERS = {
    "more than is there": npy("(1000, 8, 8)", bytes(64)),
    "less than is there": npy("(1, 8, 8)", bytes(65)),
    "exabytes": npy("(2305843009213693952, 8, 8)", bytes(64)),
    "negative": npy("(-1, 8, 8)", bytes(64)),
    "objects": npy("(1, 8, 8)", bytes(512), "'|O'"),
    "a call": npy("__import__('os').getcwd()", bytes(64)),
    "an unknown type": npy("(1, 8, 8)", bytes(64), "'zzz'"),
    "a later version": npy("(1, 8, 8)", bytes(64), version=b"\x09\x00"),
    "a long header": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + bytes(500),
    "nothing": b"",
    "no magic": b"x" * 200,
    "a cut": npy("(1, 8, 8)", bytes(64))[:30],
    "deep brackets": npy("(" * 3000, bytes(64)),
}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("case", HEADERS)
def test_headers_that_lie(tmp_path, case, compression):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", compression) as archive:
        archive.writestr("x.npy", HEADERS[case])
    with pytest.raises(ValueError, match=r"array 'x' of .*a\.npz"):
        load(str(tmp_path / "a.npz"))


def test_the_version_is_checked_before_the_header(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy("(1, 8, 8)", bytes(64), version=b"\x03\x00"))
    with pytest.raises(ValueError, match=r"its \.npy version is \(3, 0\)"):
        load(str(tmp_path / "a.npz"))


def packed(array) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=array)
    return buffer.getvalue()


def in_directory(content: bytes, offset: int, new: bytes) -> bytes:
    place = content.rindex(b"PK\x01\x02") + offset
    return content[:place] + new + content[place + len(new) :]


DAMAGES = {
    "cut": lambda b: b[: len(b) // 2],
    "end cut": lambda b: b[:-5],
    "a byte of the data": lambda b: b[:300] + bytes([b[300] ^ 0xFF]) + b[301:],
    "only the magic": lambda b: b[:4],
    "the sizes in the directory": lambda b: in_directory(b, 20, b"\xf0" * 8),
    "the packed size in the directory": lambda b: in_directory(b, 20, b"\xf0" * 4),
    "encrypted": lambda b: in_directory(b, 8, b"\x01"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_archives(tmp_path, case):
    (tmp_path / "a.npz").write_bytes(DAMAGES[case](packed(GRAY)))
    with pytest.raises(ValueError, match=r"a\.npz"):
        load(str(tmp_path / "a.npz"))


def test_the_checksum_is_compared(tmp_path):
    source = save(tmp_path / "a.npz", x=GRAY)
    content = bytearray(Path(source).read_bytes())
    content[content.index(GRAY.tobytes()) + 100] ^= 1
    Path(source).write_bytes(content)
    with pytest.raises(ValueError, match=r"is damaged .Bad CRC-32"):
        load(source)


def test_two_entries_of_one_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        for _ in range(2):
            archive.writestr("x.npy", npy("(1, 8, 8)", bytes(64)))
    with pytest.raises(ValueError, match=r"array .x. .* is there twice"):
        load(str(tmp_path / "a.npz"))


def test_every_single_byte_may_be_wrong(tmp_path):
    good = packed(GRAY[:1, :8, :8])
    for place in range(len(good)):
        (tmp_path / "a.npz").write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        try:
            load(str(tmp_path / "a.npz"))
        except ValueError as error:
            assert "\n" not in str(error)


def test_other_zip_files_and_compressions(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.png", b"")
    with pytest.raises(ValueError, match=r"no \.npz file of arrays"):
        read_npz(tmp_path / "photos.zip")
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x.npy", npy("(1, 8, 8)", bytes(64)))
    with pytest.raises(ValueError, match="compression"):
        load(str(tmp_path / "a.npz"))


def test_an_array_that_the_directory_lost(tmp_path):
    """The end states another length of the directory, so that Python's reader sees the last entry alone."""
    path = Path(save(tmp_path / "a.npz", x=GRAY, labels=np.arange(12)))
    content = bytearray(path.read_bytes())
    length = len(content) - 22 - content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, len(content) - 10, length)
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["labels.npy"]
    for read in (npz_arrays, load):
        with pytest.raises(ValueError, match=r"a\.npz is a damaged zip file \(it lists 1 entry, but states 2\)"):
            read(path)


def test_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("gansmith.data.npz.LIMIT", 1000)
    with pytest.raises(ValueError, match="more than the limit of 1,000"):
        load(save(tmp_path / "a.npz", x=GRAY))


def test_a_megabyte_does_not_become_a_gigabyte():
    """Beside masks of 512 x 512 pixels, which pack to a 200th, of half a gigabyte."""
    assert packing.SIZE + packing.RATIO * 10**6 < 400 * 2**20
    assert packing.SIZE + packing.RATIO * 2_600_000 > 200 * 2_600_000


def limits(monkeypatch, size, ratio):
    monkeypatch.setattr("gansmith.data.packing.SIZE", size)
    monkeypatch.setattr("gansmith.data.packing.RATIO", ratio)


def test_little_that_unpacks_to_much(tmp_path, monkeypatch):
    """Zeros pack to a thousandth: a few megabytes would fill the memory."""
    masks = np.zeros((40, 64, 64), np.uint8)
    masks[:, 20:40, 20:40] = 1
    source = save(tmp_path / "a.npz", True, x=masks, y=np.arange(40))
    size, unpacked = Path(source).stat().st_size, masks.nbytes + 40 * 8 + 2 * 128
    for free, ratio in ((unpacked, 0), (unpacked - 5 * size, 5)):
        limits(monkeypatch, free, ratio)
        assert len(load(source)) == 40
        limits(monkeypatch, free - 1, ratio)
        with pytest.raises(ValueError) as caught:
            load(source)
        assert str(caught.value) == (
            f"{source} has {size:,} bytes, but unpacks to {unpacked:,}, more than {free - 1:,} beyond {ratio} times "
            "as many: save it uncompressed, with numpy.savez"
        )
    assert len(load(save(tmp_path / "b.npz", x=masks))) == 40


def test_little_that_unpacks_to_much_in_many_arrays(tmp_path, monkeypatch):
    """Each array alone may be small, and entries may lie one over another: the file's size counts."""
    source = save(tmp_path / "a.npz", True, **{f"x{k}": np.zeros((1, 100, 100), np.uint8) for k in range(50)})
    limits(monkeypatch, 100_000, 20)
    with pytest.raises(ValueError, match="unpacks to 506,400, more than 100,000 beyond 20 times as"):
        npz_arrays(Path(source))


def test_vectors_and_labels_count_as_what_they_become(tmp_path, monkeypatch):
    """Of 250 KB, zeros of 8 bits may be a quarter of a gigabyte, which would be one in 32 bits."""
    source = save(tmp_path / "a.npz", True, x=np.zeros((1000, 100), np.int8), y=np.zeros(1000, np.int8))
    limits(monkeypatch, 4 * 100_000 + 8 * 1000 + 2 * 128, 0)
    assert load(source).x.shape == (1000, 100)
    limits(monkeypatch, 4 * 100_000 + 8 * 1000 + 2 * 128 - 1, 0)
    with pytest.raises(ValueError, match="unpacks to 408,256, more than 408,255 beyond"):
        load(source)


def test_labels_that_unpack_to_much(tmp_path, monkeypatch):
    images = save(tmp_path / "a.npz", x=GRAY.repeat(1000, 0))
    labels = save(tmp_path / "labels.npz", True, y=np.zeros(12_000, np.int64))
    assert load(images, labels=labels).classes == 1
    limits(monkeypatch, 90_000, 10)
    with pytest.raises(
        ValueError, match=r"labels\.npz has .* but unpacks to 96,128, more than 90,000 beyond 10 times as"
    ):
        load(images, labels=labels)
