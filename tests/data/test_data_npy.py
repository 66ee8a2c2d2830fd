"""An .npy file: the same shapes, types and checks as an array in an .npz; never unpickled."""

import struct
import sys
import tracemalloc

import numpy as np
import pytest
import torch

from gansmith.data.npz import npy_array, read_npy

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (12, 16, 16), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)


def save(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize("order", ["C", "F"])
def test_images_of_every_layout(tmp_path, order):
    expected = torch.from_numpy(COLOR).permute(0, 3, 1, 2)
    for array in (COLOR, COLOR.transpose(0, 3, 1, 2)):
        assert torch.equal(read_npy(save(tmp_path / "a.npy", np.asarray(array, order=order))).x, expected)
    for array in (GRAY, GRAY[:, None], GRAY[..., None]):
        data = read_npy(save(tmp_path / "a.npy", np.asarray(array, order=order)))
        assert torch.equal(data.x[:, 0], torch.from_numpy(GRAY)) and data.y is None


def test_floats_and_vectors(tmp_path):
    data = read_npy(save(tmp_path / "a.npy", GRAY / 127.5 - 1))
    assert torch.equal(data.x[:, 0], torch.from_numpy(GRAY)) and data.deep_range == (-1, 1)
    x = RNG.standard_normal((9, 5))
    assert torch.equal(read_npy(save(tmp_path / "b.npy", x)).x, torch.from_numpy(x.astype(np.float32)))


BAD = {
    "objects": (np.array([[{}]], dtype=object), "pickled Python objects"),
    "labels": (np.arange(7), "holds 7 single numbers: name it by --labels"),
    "a number": (np.array(3.0), r"needs images \(n, h, w\).* but has \(\)"),
    "five dimensions": (np.zeros((1, 1, 1, 1, 1)), "but has .1, 1, 1, 1, 1"),
    "no images": (GRAY[:0], "is empty"),
    "NaN": (np.array([[np.nan, 0.0]]), "but 1 are NaN"),
    "times of a minute": (
        2**40 + np.arange(60).reshape(30, 2),
        "column 1 has 1099511627776 to 1099511627834, in steps",
    ),
    "words": (np.array([["a", "b"]]), "needs numbers"),
    "fields": (np.zeros((2, 2), [("a", "u1")]), "needs numbers"),
    "images of words": (np.full((3, 8, 8), "a"), "needs numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(tmp_path, case):
    array, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        read_npy(save(tmp_path / "a\nb.npy", array))
    assert "\n" not in str(caught.value) and "a?b.npy" in str(caught.value)


def test_unpickling_never_runs(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("was unpickled",))

    with pytest.raises(ValueError, match="pickled Python objects"):
        read_npy(save(tmp_path / "a.npy", np.array([[Trap()]], dtype=object)))


def npy(shape: str, payload: bytes, version: bytes = b"\x01\x00") -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + payload


HEADERS = {
    "more than is there": npy("(1000, 8, 8)", bytes(64)),
    "less than is there": npy("(1, 8, 8)", bytes(65)),
    "exabytes": npy("(2305843009213693952, 8, 8)", bytes(64)),
    "negative": npy("(-1, 8, 8)", bytes(64)),
    "a call": npy("__import__('os').getcwd()", bytes(64)),
    "a later version": npy("(1, 8, 8)", bytes(64), b"\x09\x00"),
    "a long header": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + bytes(500),
    "a cut": npy("(1, 8, 8)", bytes(64))[:30],
    "nothing": b"",
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_that_lie(tmp_path, case):
    path = tmp_path / "a.npy"
    path.write_bytes(HEADERS[case])
    with pytest.raises(ValueError, match=r"a\.npy (is damaged|states shape)"):
        read_npy(path)


def test_no_memory_is_taken_for_what_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    header = npy("(1073741824, 8, 8)", b"")
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 2**36)  # 64 GiB that take no room on disk
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"more than the limit of 8,589,934,592: split it"):
            read_npy(path)
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_a_header_is_measured_before_it_is_read(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 24) + bytes(1 << 24))
    with pytest.raises(ValueError, match="its header states 16,777,216 bytes"):
        read_npy(path)


def test_a_read_error_is_none_of_the_files_faults(tmp_path):
    with pytest.raises(FileNotFoundError):
        npy_array(tmp_path / "a.npy")
    if sys.platform == "linux":
        with pytest.raises(IsADirectoryError):
            npy_array(tmp_path)
