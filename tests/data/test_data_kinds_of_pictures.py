"""Files whose numbers the decoder would read as others are refused with the cure; what is cut or left out is said."""

import struct

import numpy as np
import pytest
from PIL import Image

from gansmith.data import load

RNG = np.random.default_rng(0)


def tiff(path, array, *, photometric=1, sample=1, channels=1, extra=None):
    """One strip of raw numbers."""
    height, width = array.shape[:2]
    bits = array.dtype.itemsize * 8
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, photometric)]
    tags += [(273, 4, 1, 0), (277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, array.nbytes), (339, 3, 1, sample)]
    tags += [] if extra is None else [(338, 3, 1, extra)]
    tags.sort()
    start = 8 + 2 + 12 * len(tags) + 4
    tags[5] = (273, 4, 1, start)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + array.tobytes())
    return str(path)


CASES = {
    "white is zero": (np.arange(64, dtype="<u2").reshape(8, 8), {"photometric": 0}, "whose 0 is white"),
    "signed bytes": (np.arange(-32, 32, dtype=np.int8).reshape(8, 8), {"sample": 2}, "a TIFF of signed bytes"),
    "above 2^31": (np.full((8, 8), 2**31 + 5, "<u4"), {}, r"above 2\^31"),
}


@pytest.mark.parametrize("case", CASES)
def test_numbers_that_would_be_others_are_refused(tmp_path, case):
    array, options, words = CASES[case]
    with pytest.raises(ValueError, match=words):
        load(tiff(tmp_path / "a.tif", array, **options))


def test_plain_ones_of_the_same_making_are_read(tmp_path):
    array = RNG.integers(0, 4096, (8, 8)).astype("<u2")
    expected = np.rint(array / 4095 * 255).astype(np.uint8)
    assert (load(tiff(tmp_path / "a.tif", array)).x[0, 0].numpy() == expected).all()


def test_a_transparent_value_of_16_bits_is_white(tmp_path):
    pixels = np.full((8, 8), 65535 // 3, np.uint16)
    pixels[0] = 700
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=700)
    x = load(str(tmp_path / "a.png")).x[0, 0]
    assert x[0].unique().tolist() == [255] and x[1:].unique().tolist() == [170]  # of 15 bits


def test_colors_of_16_bits_say_that_they_are_cut(tmp_path):
    import zlib

    rows = b"".join(b"\0" + struct.pack(">24H", *([4095] * 24)) for _ in range(8))
    head = struct.pack(">2I5B", 8, 8, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + packed)
    assert "of 16 bits a value the upper 8 are taken, in 1 picture with colors" in load(str(tmp_path / "a.png")).notes


@pytest.mark.parametrize("name", ["a.bmp", "a.png", "a.tif", "a.jpg"])
def test_bytes_are_not_taken_for_cut_whatever_the_length_of_a_row(tmp_path, name):
    """A row of 54 pixels in colors has 164 bytes in a BMP."""
    Image.fromarray(RNG.integers(0, 256, (54, 54, 3), dtype=np.uint8)).save(tmp_path / name)
    assert not any("16 bits" in note for note in load(str(tmp_path / name)).notes)


@pytest.mark.parametrize("channels", [2, 4])
def test_a_channel_of_no_known_meaning_is_said(tmp_path, channels):
    image = RNG.integers(0, 256, (8, 8, channels), dtype=np.uint8)
    note = "left out: the channel beyond gray or color, in 1 picture"
    for extra, said in ((0, True), (2, False)):  # 2 is transparency
        data = load(
            tiff(tmp_path / "a.tif", image, photometric=1 if channels == 2 else 2, channels=channels, extra=extra)
        )
        assert (note in data.notes) == said
        if said:
            assert (data.x[0].numpy() == image[..., :-1].transpose(2, 0, 1)).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_a_fits_is_refused(tmp_path, bits):
    cards = ["SIMPLE  =                    T", f"BITPIX  = {bits:20d}", "NAXIS   =                    2"]
    cards += ["NAXIS1  =                    8", "NAXIS2  =                    8", "END"]
    (tmp_path / "a.fits").write_bytes("".join(card.ljust(80) for card in cards).ljust(2880).encode() + bytes(2880))
    with pytest.raises(ValueError, match=r"a FITS, whose numbers may have a scale of their own: save it as \.npy"):
        load(str(tmp_path / "a.fits"))


STREAMS = {
    "bits": b"P4\n12 8\n" + bytes(16),
    "bytes": b"P5\n8 8\n255\n" + bytes(64),
    "7 bits": b"P5\n8 8\n100\n" + bytes(64),
    "12 bits": b"P5\n8 8\n4095\n" + bytes(128),
    "16 bits": b"P5\n8 8\n65535\n" + bytes(128),
    "colors": b"P6\n8 8\n255\n" + bytes(192),
    "colors of 12 bits": b"P6\n8 8\n4095\n" + bytes(384),
    "floats": b"Pf\n8 8\n-1.0\n" + bytes(256),
}


@pytest.mark.parametrize("case", STREAMS)
def test_the_first_of_a_stream_is_said(tmp_path, case):
    note = "the first picture is taken of files with several, 1 of them"
    for content, said in ((STREAMS[case], False), (STREAMS[case] + b"\n", False), (STREAMS[case] * 3, True)):
        (tmp_path / "a.pnm").write_bytes(content)
        assert (note in load(str(tmp_path / "a.pnm")).notes) == said


@pytest.mark.parametrize("name", ["a.avif", "a.dcx", "a.webp"])
def test_the_first_of_several_is_said(tmp_path, name):
    first, second = (Image.fromarray(np.full((16, 16, 3), value, np.uint8)) for value in (90, 200))
    if name == "a.dcx":
        pages = []
        for k, image in enumerate((first, second)):
            image.save(tmp_path / f"{k}.pcx")
            pages.append((tmp_path / f"{k}.pcx").read_bytes())
            (tmp_path / f"{k}.pcx").unlink()
        start = 4 + 4 * 3
        places = struct.pack("<4I", 987654321, start, start + len(pages[0]), 0)
        (tmp_path / name).write_bytes(places + b"".join(pages))
    else:
        first.save(tmp_path / name, save_all=True, append_images=[second])
    assert "the first picture is taken of files with several, 1 of them" in load(str(tmp_path / name)).notes
