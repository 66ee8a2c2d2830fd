"""Public datasets: downloaded once, checked against their published SHA-256, and cached."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from gansmith.data.cache import cache_folder
from gansmith.data.file_download import RemoteFile, download_files
from gansmith.data.files import one_line
from gansmith.data.idx import read_idx
from gansmith.data.raw_data import RawData

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCH = 10_000  # images in each of the six files of CIFAR-10


@dataclass(frozen=True)
class PublicDataset:
    """A dataset that is published on the web.

    Attributes:
        files: its files.
        mirrors: addresses to download each file from; the first that works is used.
        read: reads the files from a folder.
    """

    files: tuple[RemoteFile, ...]
    mirrors: tuple[str, ...]
    read: Callable[[Path], RawData]


def read_public_dataset(name: str) -> RawData:
    """Reads one of `PUBLIC_DATASETS` with its published split. Files that are not in the cache are downloaded.

    Files lie in ``downloads/NAME`` below ``GANSMITH_CACHE``, or below ``~/.cache/gansmith``. You may put them there
    yourself. Their SHA-256 is checked whenever they are read, and nothing is ever unpickled.

    Arguments:
        name: ``mnist`` (70,000 digits, 28x28, gray), ``fashion-mnist`` (as many pieces of clothing) or ``cifar10``
            (60,000 photographs, 32x32, color).

    Raises:
        ValueError: an unknown name; a file cannot be downloaded, or is not the published one.
        OSError: the cache cannot be read or written.

    References:
        Gradient-based learning applied to document recognition, LeCun et al., 1998.
        Fashion-MNIST, Xiao et al., 2017, https://github.com/zalandoresearch/fashion-mnist.
        Learning multiple layers of features from tiny images, Krizhevsky, 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    if name not in PUBLIC_DATASETS:
        raise ValueError(f"needs one of {', '.join(PUBLIC_DATASETS)}, but got '{one_line(name)}'")
    collection = PUBLIC_DATASETS[name]
    folder = cache_folder("downloads") / name
    download_files(collection.files, collection.mirrors, folder)
    return collection.read(folder)


def _mnist(folder: Path, class_names: tuple[str, ...] = ()) -> RawData:
    x, y = (
        torch.cat([read_idx(folder / f"{part}-{kind}-ubyte.gz") for part in ("train", "t10k")])
        for kind in ("images-idx3", "labels-idx1")
    )
    held_out = torch.arange(60_000, len(x))
    return RawData(x.unsqueeze(1), y.long(), held_out, notes=(_split_note(held_out),), class_names=class_names)


def _fashion(folder: Path) -> RawData:
    return _mnist(folder, FASHION_CLASSES)


def _cifar(folder: Path) -> RawData:
    """Reads the binary version: each record is a label and 3 x 32 x 32 bytes."""
    path = folder / "cifar-10-binary.tar.gz"
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    rows = torch.empty(len(names) * BATCH, 1 + 3 * 32 * 32, dtype=torch.uint8)
    parts = set()
    with tarfile.open(path, "r:gz") as archive:
        for entry in archive:
            name = entry.name.rpartition("/")[2]
            if name not in names:
                continue
            place = names.index(name) * BATCH
            view = rows[place : place + BATCH].numpy().data.cast("B")
            file = archive.extractfile(entry)
            if file is None or entry.size != len(view):
                raise ValueError(f"{one_line(path)} needs {len(view):,} bytes in {name}, but has {entry.size:,}")
            view[:] = file.read(len(view))
            parts.add(name)
    if len(parts) < len(names):
        raise ValueError(
            f"{one_line(path)} lacks {', '.join(sorted(set(names) - parts))}: remove it, to fetch it again"
        )
    held_out = torch.arange(5 * BATCH, 6 * BATCH)
    x, y = rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].long()
    return RawData(x, y, held_out, notes=(_split_note(held_out),), class_names=CIFAR_CLASSES)


def _split_note(held_out: torch.Tensor) -> str:
    return f"the published test part of {len(held_out):,} is held out"


PUBLIC_DATASETS = {
    "mnist": PublicDataset(
        # SHA-256 of the content, since mirrors may compress it differently. The packed files have the digests in
        # TensorFlow Datasets (url_checksums/mnist.txt) and torchvision (prototype/datasets/_builtin/mnist.py).
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                47_040_016,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                unpacked=True,
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                60_008,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                unpacked=True,
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                7_840_016,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                unpacked=True,
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                10_008,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                unpacked=True,
            ),
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        _mnist,
    ),
    "fashion-mnist": PublicDataset(
        # As published in TensorFlow Datasets (url_checksums/fashion_mnist.txt) and torchvision (as above).
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            RemoteFile(
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
    "cifar10": PublicDataset(
        # As published in TensorFlow Datasets (url_checksums/cifar10.txt) and Ruby's torchvision (cifar10.rb).
        (
            RemoteFile(
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
