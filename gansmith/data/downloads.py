"""Well-known collections: fetched once, checked by their published SHA-256, and kept."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from gansmith.data.cache import cache_folder
from gansmith.data.fetching import File, fetch
from gansmith.data.files import shown
from gansmith.data.found import Found
from gansmith.data.idx import read_idx

CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCH = 10_000  # images in each of CIFAR-10's six parts


@dataclass(frozen=True)
class Collection:
    """Files, the addresses that each is fetched from (the first that works), and what reads them from a folder."""

    files: tuple[File, ...]
    mirrors: tuple[str, ...]
    read: Callable[[Path], Found]


def download(name: str) -> Found:
    """Reads one of `DOWNLOADS` with its published split, fetching what is not in the cache.

    Files lie in ``downloads/NAME`` below ``GANSMITH_CACHE``, or below ``~/.cache/gansmith``. They may be put there by
    hand; they are compared with their SHA-256 whenever they are read, and never unpickled.

    Arguments:
        name: ``mnist`` (70,000 digits, 28x28, gray), ``fashion-mnist`` (as many pieces of clothing) or ``cifar10``
            (60,000 photographs, 32x32, color).

    Raises:
        ValueError: another name; a file cannot be fetched, or is not the published one.
        OSError: the cache cannot be read or written.

    References:
        Gradient-based learning applied to document recognition, LeCun et al., 1998.
        Fashion-MNIST, Xiao et al., 2017, https://github.com/zalandoresearch/fashion-mnist.
        Learning multiple layers of features from tiny images, Krizhevsky, 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    if name not in COLLECTIONS:
        raise ValueError(f"needs one of {', '.join(COLLECTIONS)}, but got '{shown(name)}'")
    collection = COLLECTIONS[name]
    folder = cache_folder("downloads") / name
    fetch(collection.files, collection.mirrors, folder)
    return collection.read(folder)


def _mnist(folder: Path, class_names: tuple[str, ...] = ()) -> Found:
    x, y = (
        torch.cat([read_idx(folder / f"{part}-{kind}-ubyte.gz") for part in ("train", "t10k")])
        for kind in ("images-idx3", "labels-idx1")
    )
    held_out = torch.arange(60_000, len(x))
    return Found(x.unsqueeze(1), y.long(), held_out, notes=(_split(held_out),), class_names=class_names)


def _fashion(folder: Path) -> Found:
    return _mnist(folder, CLOTHES)


def _cifar(folder: Path) -> Found:
    """Reads the binary version, whose records are a label and 3 x 32 x 32 bytes."""
    path = folder / "cifar-10-binary.tar.gz"
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    rows = torch.empty(len(names) * BATCH, 1 + 3 * 32 * 32, dtype=torch.uint8)
    found = set()
    with tarfile.open(path, "r:gz") as archive:
        for entry in archive:
            name = entry.name.rpartition("/")[2]
            if name not in names:
                continue
            place = names.index(name) * BATCH
            view = rows[place : place + BATCH].numpy().data.cast("B")
            file = archive.extractfile(entry)
            if file is None or entry.size != len(view):
                raise ValueError(f"{shown(path)} needs {len(view):,} bytes in {name}, but has {entry.size:,}")
            view[:] = file.read(len(view))
            found.add(name)
    if len(found) < len(names):
        raise ValueError(f"{shown(path)} lacks {', '.join(sorted(set(names) - found))}: remove it, to fetch it again")
    held_out = torch.arange(5 * BATCH, 6 * BATCH)
    x, y = rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].long()
    return Found(x, y, held_out, notes=(_split(held_out),), class_names=THINGS)


def _split(held_out: torch.Tensor) -> str:
    return f"the published test part of {len(held_out):,} is held out"


COLLECTIONS = {
    "mnist": Collection(
        # Of what is inside, so that a mirror may have packed it anew. Packed, these are the files of the digests in
        # TensorFlow Datasets (url_checksums/mnist.txt) and torchvision (prototype/datasets/_builtin/mnist.py).
        (
            File(
                "train-images-idx3-ubyte.gz",
                47_040_016,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                unpacked=True,
            ),
            File(
                "train-labels-idx1-ubyte.gz",
                60_008,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                unpacked=True,
            ),
            File(
                "t10k-images-idx3-ubyte.gz",
                7_840_016,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                unpacked=True,
            ),
            File(
                "t10k-labels-idx1-ubyte.gz",
                10_008,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                unpacked=True,
            ),
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        _mnist,
    ),
    "fashion-mnist": Collection(
        # As published in TensorFlow Datasets (url_checksums/fashion_mnist.txt) and torchvision (as above).
        (
            File(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            File(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            File(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            File(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        (
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
        _fashion,
    ),
    "cifar10": Collection(
        # As published in TensorFlow Datasets (url_checksums/cifar10.txt) and Ruby's torchvision (cifar10.rb).
        (
            File(
                "cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        (
            "https://www.cs.toronto.edu/~kriz/",
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
        ),
        _cifar,
    ),
}
DOWNLOADS = tuple(COLLECTIONS)
