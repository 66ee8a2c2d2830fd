"""Pictures of the hub's library: columns by type, bytes undecoded, the split, and the revision that was asked for."""

import io
import os
import sys

import numpy as np
import pytest
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the libraries are imported
datasets = pytest.importorskip("datasets", reason="the extra hub is not installed")

from gansmith.data import hub, load  # noqa: E402
from gansmith.data.hub import pictures_of, read_hub  # noqa: E402
from gansmith.data.selection import Selection  # noqa: E402

COMMIT = "ab" * 20
NAMES = ["zebra", "ant"]


def png(shade: int, side: int = 8) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((side, side + shade, 3), shade, np.uint8)).save(file, "PNG")
    return file.getvalue()


def part(shades: list[int], labels: list[int | None] | None = None, label: object = None, **more: object):
    columns = {"text": ["t"] * len(shades), "image": [{"bytes": png(shade), "path": None} for shade in shades]}
    features = {"text": datasets.Value("string"), "image": datasets.Image()}
    if labels is not None:
        columns["label"], features["label"] = labels, label or datasets.ClassLabel(names=NAMES)
    return datasets.Dataset.from_dict(columns | more, features=datasets.Features(features))


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    # Another test may have imported the libraries before this file asked them to stay at home.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A dataset in the library's cache, as if it had been loaded from the hub at COMMIT."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    paths = {}
    for name, rows in {"train": part([0, 1, 2], [0, 1, 1]), "test": part([3, 4], [1, 0])}.items():
        paths[name] = [str(tmp_path / f"{name}.parquet")]
        rows.to_parquet(paths[name][0])
    from datasets.packaged_modules.parquet.parquet import Parquet

    Parquet(cache_dir=str(tmp_path / "cache"), dataset_name="toy", hash=COMMIT, data_files=paths).download_and_prepare()
    (config,) = (tmp_path / "cache" / "toy").iterdir()
    config.rename(config.parent / "default")
    config.parent.rename(tmp_path / "cache" / "me___toy")


@pytest.mark.parametrize("source", ["hf:me/toy", "hf:me/toy@main", f"hf:me/toy@{COMMIT}"])
def test_pinned(stored, monkeypatch, source):
    monkeypatch.setattr(hub, "_commit", lambda name, revision: COMMIT)
    pictures, classes = read_hub(source)
    assert [pictures.read(k) for k in range(5)] == [png(k) for k in range(5)]
    assert list(pictures.names) == ["train/000000", "train/000001", "train/000002", "test/000000", "test/000001"]
    assert (classes.labels, classes.names, classes.held_out) == ([0, 1, 1, 1, 0], ("zebra", "ant"), [3, 4])
    assert classes.split_note == (f"hf:me/toy@{COMMIT}, column image, of train, test", "2 held out")
    assert classes.note == ("2 classes: zebra, ant",)


def test_another_revision_is_not_taken_for_it(stored, monkeypatch):
    with pytest.raises(ValueError, match=rf"cannot load hf:me/toy@{'cd' * 20} \(got {COMMIT} instead of commit"):
        read_hub(f"hf:me/toy@{'cd' * 20}")
    monkeypatch.setattr(hub, "_commit", lambda name, revision: "cd" * 20)
    with pytest.raises(ValueError, match="instead of commit"):
        read_hub("hf:me/toy")


def test_a_folder_of_that_name_is_not_taken_for_it(tmp_path, monkeypatch):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "a.png").write_bytes(png(0))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(ValueError, match="instead of commit"):
        read_hub(f"hf:toy@{COMMIT}")


def test_offline(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    for source in ("hf:me/toy", f"hf:me/toy@{COMMIT}"):
        with pytest.raises(ValueError, match=rf"cannot load {source} \(.*(offline|Offline).*\): look at") as caught:
            read_hub(source)
        assert "\n" not in str(caught.value)


def test_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"hf:a@\w+ needs the library datasets: pip install 'gansmith\[hub\]'"):
        read_hub(f"hf:a@{COMMIT}")


@pytest.mark.parametrize("source", ["hf:", "hf:a b", "hf:../a", "hf:a/b/c", "hf:a@", "hf:a@b c", "hf:\nx"])
def test_names(source):
    with pytest.raises(ValueError, match="needs hf:NAME or hf:NAME@REVISION") as caught:
        read_hub(source)
    assert "\n" not in str(caught.value)


def test_no_code_of_a_dataset(monkeypatch):
    arguments = {}

    def of_version_3(path, revision=None, trust_remote_code=None):
        arguments.update(path=path, revision=revision, trust_remote_code=trust_remote_code)

    monkeypatch.setattr(datasets, "load_dataset_builder", of_version_3)
    hub._builder("a", COMMIT)
    assert arguments == {"path": "a", "revision": COMMIT, "trust_remote_code": False}


def test_parts():
    def held(**parts):
        pictures, classes = pictures_of(datasets.DatasetDict(parts), "hf:a")
        return [pictures.read(k) for k in range(len(pictures.names))], classes.held_out, classes.labels

    one, two, three = part([1]), part([2]), part([3])
    assert held(test=two, train=one, validation=three) == ([png(1), png(2), png(3)], [1, 2], None)
    assert held(train=one, unsupervised=two) == ([png(1)], None, None)
    assert held(test=one) == ([png(1)], None, None)
    assert held(a=one, b=two) == ([png(1), png(2)], None, None)


def test_columns():
    def labels(rows):
        classes = pictures_of(datasets.DatasetDict(train=rows), "hf:a")[1]
        return classes.labels, classes.names

    assert labels(part([1, 2], [1, None])) == ([1, -1], ("zebra", "ant"))
    assert labels(part([1, 2], [7, 0], datasets.Value("int64"))) == ([7, 0], ())
    assert labels(part([1, 2], ["a", "b"], datasets.Value("string"))) == (None, ())
    renamed = part([1, 2], [1, 0]).rename_column("label", "kind").rename_column("image", "picture")
    assert labels(renamed) == ([1, 0], ("zebra", "ant"))
    with pytest.raises(ValueError, match="hf:a has no column of images, but text, label"):
        labels(part([1], [1]).remove_columns("image"))


def test_a_row_cannot_name_any_file(tmp_path, monkeypatch):
    (tmp_path / "secret.png").write_bytes(png(1))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "a.png").write_bytes(png(2))
    (tmp_path / "cache" / "link.png").symlink_to(tmp_path / "secret.png")
    monkeypatch.setattr(datasets.config, "HF_CACHE_HOME", str(tmp_path / "cache"))
    paths = ["secret.png", "cache/a.png", "cache/../secret.png", "cache/link.png", "cache", "cache/none.png"]
    cells = [{"bytes": None, "path": str(tmp_path / path)} for path in paths] + [None]
    rows = datasets.Dataset.from_dict({"image": cells}, features=datasets.Features({"image": datasets.Image()}))
    pictures, _ = pictures_of(datasets.DatasetDict(train=rows), "hf:a")
    assert [pictures.read(k) for k in range(7)] == [b"", png(2), b"", b"", b"", b"", b""]


def test_loaded_labeled_split_and_pinned(stored, monkeypatch):
    monkeypatch.setattr(hub, "_commit", lambda name, revision: COMMIT)
    data = load("hf:me/toy")
    assert data.source == f"hf:me/toy@{COMMIT}" and data.is_images and data.y is not None
    reloaded = Selection.of(Selection("hf:me/toy").record(data))
    assert reloaded.source == data.source and reloaded.load().fingerprint == data.fingerprint
    part = load("hf:me/toy", limit=max(2, len(data) - 1))
    indices = [data.names.index(name) for name in part.names]
    assert part.y.tolist() == data.y[indices].tolist()
    assert [part.names[i] for i in part.held_out] == [data.names[i] for i in data.held_out if i in indices]


@pytest.mark.parametrize("label", [2**63 - 1, 2**40])
def test_impossible_labels(label):
    rows = part([1, 2], [0, label], datasets.Value("int64"))
    with pytest.raises(ValueError, match="hf:a needs labels of 0 and up"):
        pictures_of(datasets.DatasetDict(train=rows), "hf:a")


def test_a_limit_without_anything_held_out(monkeypatch):
    parts = datasets.DatasetDict(train=part([1] * 30), test=part([2]))
    monkeypatch.setattr("gansmith.data.sources.read_hub", lambda source: pictures_of(parts, source))
    assert len(load("hf:a", limit=3).held_out) == 1
    parts = datasets.DatasetDict(train=part([]))
    with pytest.raises(ValueError, match="hf:a holds no images"):
        load("hf:a")
