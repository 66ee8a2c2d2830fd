"""IDX files: recognized by content, refused unless they hold exactly what they state."""

import gzip
import struct
from pathlib import Path

import pytest
import torch

from gansmith.data import load, unpacked
from gansmith.data.channels import channels_first
from gansmith.data.idx import read_idx


def idx(array: torch.Tensor, kind: int = 8, shape: tuple[int, ...] | None = None) -> bytes:
    shape = tuple(array.shape) if shape is None else shape
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.numpy().tobytes()


def ramp(*shape: int) -> torch.Tensor:
    n = int(torch.tensor(shape).prod())
    return torch.arange(n).mul(7).remainder(251).to(torch.uint8).reshape(shape)


IMAGES = ramp(20, 28, 28)
LABELS = torch.arange(20).remainder(4).to(torch.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", ["images-idx3-ubyte.gz", "photo.png", "data"])
def test_recognized_under_any_name(tmp_path, pack, name):
    (tmp_path / name).write_bytes(pack(idx(IMAGES)))
    data = load(str(tmp_path / name))
    assert data.shape == (1, 32, 32) and data.content == (28, 28) and data.y is None
    assert torch.equal(data.crop(data.x)[:, 0], IMAGES)
    assert data.notes == ("28x28 padded to 32x32",)


def test_padding_repeats_the_edges(tmp_path):
    (tmp_path / "a").write_bytes(idx(IMAGES))
    x = load(str(tmp_path / "a")).x[:, 0]
    assert torch.equal(x[:, 0, 2:30], IMAGES[:, 0]) and torch.equal(x[:, 31, 2:30], IMAGES[:, 27])
    assert torch.equal(x[:, 2:30, 1], IMAGES[:, :, 0]) and torch.equal(x[:, 0, 0], IMAGES[:, 0, 0])


@pytest.mark.parametrize("shape", [(5, 16, 16, 3), (5, 3, 16, 16)])
def test_color(tmp_path, shape):
    x = ramp(*shape)
    (tmp_path / "a").write_bytes(idx(x))
    data = load(str(tmp_path / "a"))
    assert torch.equal(data.x, x if shape[1] == 3 else x.permute(0, 3, 1, 2))
    assert data.content is None and data.x.is_contiguous()


def test_labels_beside_a_file(tmp_path):
    (tmp_path / "images").write_bytes(idx(IMAGES))
    (tmp_path / "labels").write_bytes(gzip.compress(idx(LABELS)))
    (tmp_path / "other").write_bytes(idx(LABELS[:7]))
    data = load(str(tmp_path / "images"))
    assert data.y is not None and torch.equal(data.y, LABELS.long()) and data.classes == 4
    (tmp_path / "more-labels").write_bytes(idx(LABELS))
    (tmp_path / "labels").rename(tmp_path / "other-labels")
    with pytest.raises(ValueError, match="2 label files of length 20"):
        load(str(tmp_path / "images"))


def test_two_files_of_images_are_training_and_held_out(tmp_path):
    for name, part in {"z": slice(0, 14), "a": slice(14, 20)}.items():
        (tmp_path / name).write_bytes(idx(IMAGES[part].clone()))
        (tmp_path / f"{name}-labels").write_bytes(idx(LABELS[part].clone()))
    data = load(str(tmp_path))
    assert data.train.tolist() == list(range(14)) and data.held_out.tolist() == list(range(14, 20))
    assert torch.equal(data.crop(data.x)[:, 0], IMAGES)
    assert data.y is not None and torch.equal(data.y, LABELS.long())


def test_images_without_labels_beside_labeled_ones(tmp_path):
    (tmp_path / "a").write_bytes(idx(IMAGES))
    (tmp_path / "b").write_bytes(idx(IMAGES[:5].clone()))
    (tmp_path / "c").write_bytes(idx(LABELS))
    y = load(str(tmp_path)).y
    assert y is not None and y[20:].tolist() == [-1] * 5 and torch.equal(y[:20], LABELS.long())


GOOD = idx(IMAGES)
PACKED = gzip.compress(GOOD)
EMPTY = "damaged gzip"
BAD = {
    "truncated": (GOOD[:-1], "but holds 15,679"),
    "over-long": (GOOD + b"\0", "but holds 15,681"),
    "truncated header": (GOOD[:9], "truncated within its header"),
    "header that claims 2^31 images": (idx(IMAGES, shape=(2**31, 28, 28)), "states 1,683,627,180,032 bytes"),
    "packed header that claims 2^31 images": (
        gzip.compress(idx(IMAGES, shape=(2**31, 28, 28))),
        "states 1,683,627,180,032 bytes of data in its header, but holds at most",
    ),
    "packed header that claims a few more": (gzip.compress(idx(IMAGES, shape=(40, 28, 28))), "but holds 15,680"),
    "packed payload that goes on": (gzip.compress(GOOD + bytes(10**6)), "but holds more"),
    "no images": (idx(IMAGES[:0]), "is empty"),
    "images without pixels": (idx(IMAGES[:, :0]), "is empty"),
    "float type": (idx(IMAGES, kind=0x0D), "needs IDX type 0x08"),
    "labels in place of images": (idx(LABELS), "but holds labels"),
    "two dimensions": (idx(IMAGES[0]), "an array of 2 dimensions"),
    "two channels": (idx(ramp(4, 16, 16, 2)), "needs 1 or 3 channels"),
    "four channels": (idx(ramp(4, 16, 16, 4)), "drop the alpha channel"),
    "gzip cut short": (PACKED[:-12], "damaged gzip"),
    "gzip without its checksum": (PACKED[:-8], "damaged gzip"),
    "gzip with a wrong checksum": (PACKED[:-8] + bytes(4) + PACKED[-4:], "damaged gzip"),
    "gzip with a wrong byte": (PACKED[:200] + bytes([PACKED[200] ^ 0xFF]) + PACKED[201:], "damaged gzip"),
    "gzip cut at once": (PACKED[:6], "damaged gzip"),
    "gzip and rubbish": (PACKED + b"rubbish", "damaged gzip"),
    "gzip with a name that hardly ends": (
        PACKED[:3] + b"\x08" + PACKED[4:10] + b"x" * 2**21 + b"\0" + PACKED[10:],
        EMPTY,
    ),
    "gzip of empty members": (gzip.compress(b"") * 2**17 + PACKED, EMPTY),
    "gzip of empty members behind it": (PACKED + gzip.compress(b"") * 2**17, EMPTY),
    "gzip of text": (gzip.compress(b"hello"), "gzip without IDX inside"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_not_salvaged(tmp_path, case):
    content, message = BAD[case]
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)
    if case != "labels in place of images":
        with pytest.raises(ValueError):
            load(str(tmp_path))


def test_a_gzip_file_of_many_members_is_read_and_of_too_many_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"".join(gzip.compress(GOOD[i : i + 100]) for i in range(0, len(GOOD), 100)))
    assert torch.equal(read_idx(tmp_path / "a"), IMAGES)
    monkeypatch.setattr(unpacked, "MOST_MEMBERS", 100)
    with pytest.raises(ValueError, match="more than 100 members"):
        read_idx(tmp_path / "a")


def test_little_is_read_of_a_gzip_file_without_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(PACKED[:3] + b"\x08" + PACKED[4:10] + b"x" * 2**22)
    with unpacked.open_gzip(path) as file:
        with pytest.raises(unpacked.DamagedGzip):
            file.read(4)
        assert file.raw.packed.tell() < 2**21


def test_nothing_is_allocated_on_a_liars_word(tmp_path, monkeypatch):
    def refuse(*size: object, **kwargs: object) -> None:
        raise AssertionError(f"asked for memory: {size}")

    monkeypatch.setattr(torch, "empty", refuse)
    for content in (idx(IMAGES, shape=(2**31, 28, 28)), gzip.compress(idx(IMAGES, shape=(2**31, 28, 28)))):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(ValueError, match="fetch it again"):
            read_idx(tmp_path / "a")


def test_headers_that_are_none(tmp_path):
    (tmp_path / "a").write_bytes(b"hello, world")
    with pytest.raises(ValueError, match="is no IDX file: it starts with 0x68656c6c"):
        read_idx(tmp_path / "a")
    # Compressed without effect, so that the cut falls within the header.
    (tmp_path / "a").write_bytes(gzip.compress(GOOD, compresslevel=0)[:22])
    with pytest.raises(ValueError, match="damaged gzip"):
        load(str(tmp_path / "a"))


def test_damaged_neighbors_are_no_labels(tmp_path, monkeypatch):
    (tmp_path / "images").write_bytes(GOOD)
    (tmp_path / "cut").write_bytes(idx(LABELS)[:6])
    assert load(str(tmp_path / "images")).y is None

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("gansmith.data.idx_images.kind_of", refuse)
    assert load(str(tmp_path / "images")).y is None


def test_dimensions_of_images():
    with pytest.raises(ValueError, match=r"here needs images .* but has \(3, 2\)"):
        channels_first(torch.zeros(3, 2), "here")


def test_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("gansmith.data.idx.LIMIT", 15_680)
    (tmp_path / "a").write_bytes(PACKED)
    assert read_idx(tmp_path / "a").shape == (20, 28, 28)
    monkeypatch.setattr("gansmith.data.idx.LIMIT", 15_679)
    with pytest.raises(ValueError, match="more than the limit"):
        read_idx(tmp_path / "a")


def test_little_that_unpacks_to_much(tmp_path, monkeypatch):
    """Zeros pack to a thousandth: a few megabytes would fill the memory."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.write_bytes(content := gzip.compress(idx(torch.zeros(40, 28, 28, dtype=torch.uint8))))
    labels.write_bytes(gzip.compress(idx(torch.zeros(20_000, dtype=torch.uint8))))
    for size, ratio in ((40 * 28 * 28, 0), (10_000, (40 * 28 * 28 - 10_000) // len(content) + 1)):
        monkeypatch.setattr("gansmith.data.packing.SIZE", size)
        monkeypatch.setattr("gansmith.data.packing.RATIO", ratio)
        assert read_idx(images).shape == (40, 28, 28)
    monkeypatch.setattr("gansmith.data.packing.RATIO", 10)
    for path, size in ((images, "31,360"), (labels, "20,000")):
        packed = path.stat().st_size
        with pytest.raises(ValueError) as caught:
            read_idx(path)
        assert str(caught.value) == (
            f"{path} has {packed:,} bytes, but unpacks to {size}, more than 10,000 beyond 10 times as many: "
            "unpack it with gunzip"
        )
        path.write_bytes(gzip.decompress(path.read_bytes()))
        assert len(read_idx(path)) == int(size.replace(",", "")) // (784 if path == images else 1)


def pair(dataset, part, rows):
    """Files of images and labels, named as MNIST's."""
    names = (f"{dataset}{part}-images-idx3-ubyte", f"{dataset}{part}-labels-idx1-ubyte")
    return dict(zip(names, (idx(IMAGES[rows].clone()), idx(LABELS[rows].clone())), strict=True))


def write(folder, files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return str(folder)


def test_names_tell_parts_of_one_size_apart(tmp_path):
    # By length alone, each file of labels would fit both files of images.
    data = load(write(tmp_path, pair("", "test", slice(0, 10)) | pair("", "train", slice(10, 20))))
    assert torch.equal(data.crop(data.x)[:, 0], IMAGES.roll(10, 0)) and data.held_out.tolist() == list(range(10, 20))
    assert data.y is not None and torch.equal(data.y, LABELS.roll(10).long())
    assert data.notes[0] == "held out by their names: test-images-idx3-ubyte"


def test_a_train_a_validation_and_a_test_part(tmp_path):
    files = pair("", "valid", slice(0, 6)) | pair("", "train", slice(6, 14)) | pair("", "t10k", slice(14, 20))
    data = load(write(tmp_path, files))
    assert data.train.tolist() == list(range(8)) and data.held_out.tolist() == list(range(8, 20))
    assert data.y is not None and data.y[:8].tolist() == LABELS[6:14].tolist()


def test_two_datasets_in_one_folder(tmp_path):
    letters, digits = pair("letters-", "train", slice(0, 10)), pair("digits-", "train", slice(10, 20))
    folder = write(tmp_path, letters | digits)
    with pytest.raises(ValueError, match=r"2 datasets \(.*\): put each dataset into a folder of its own, or name one"):
        load(folder)
    data = load(folder + "/digits-train-images-idx3-ubyte")  # its labels are those of its own name
    assert data.y is not None and data.y.tolist() == LABELS[10:].tolist()


def test_idx_in_sub_folders(tmp_path):
    write(tmp_path / "mnist", pair("", "train", slice(0, 14)) | pair("", "t10k", slice(14, 20)))
    data = load(str(tmp_path))
    assert len(data.train) == 14 and data.notes[-1] == "read from its sub-folder mnist"
    write(tmp_path / "fashion", pair("", "train", slice(0, 14)))
    with pytest.raises(ValueError, match="IDX files in sub-folders fashion, mnist: name one of them"):
        load(str(tmp_path))


FOLDERS: dict[str, tuple[dict[str, bytes], str]] = {
    "wrong label count": ({"images": GOOD, "labels": idx(LABELS[:19])}, "19 labels, but the images number 20"),
    "two label files": ({"images": GOOD, "l1": idx(LABELS), "l2": idx(LABELS)}, "both have 20 labels"),
    "labels only": ({"labels": idx(LABELS)}, "needs one or two IDX files of images, but has none"),
    "three files of images": ({"a": GOOD, "b": idx(IMAGES[:3]), "c": idx(IMAGES[:2])}, "but has a, b, c"),
    "two of one size": ({"a": GOOD, "b": GOOD}, "unclear which to hold out"),
    "labels that fit both parts": (
        {"train-images": GOOD, "test-images": GOOD, "labels": idx(LABELS)},
        "as many labels as train-images, test-images have images: name it as its images",
    ),
    "different shapes": ({"a": GOOD, "b": idx(IMAGES[:4, :20])}, "different shapes"),
    "a damaged half": ({"a": GOOD, "b.gz": PACKED[:6]}, "damaged gzip"),
    "an empty half": ({"a": GOOD, "t10k-images-idx3-ubyte": b""}, "named like an IDX file, but is none"),
    "a table": ({"a": GOOD, "b": idx(IMAGES[0])}, "neither images nor labels"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_ambiguous_or_mislabeled_folders(tmp_path, case):
    files, message = FOLDERS[case]
    for name, content in files.items():
        Path(tmp_path, name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load(str(tmp_path))


def test_sub_folders_of_a_folder_of_idx_are_named(tmp_path):
    (tmp_path / "images").write_bytes(b"\0\0\x08\x03" + (2).to_bytes(4) + (8).to_bytes(4) * 2 + bytes(128))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    assert load(str(tmp_path)).notes[-1] == "ignored, as IDX files lie above them: 1 file in sub-folders"
