"""Folders of any depth: what is listed, what the sub-folders say, and names of any kind."""

import os
import tracemalloc

import pytest
import torch
from PIL import Image

from gansmith.data import listing, load, sources
from gansmith.data.classes import classes_of
from gansmith.data.label_values import Labels
from gansmith.data.listing import walk
from gansmith.data.raw_data import RawData


def picture(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), value).save(path, "PNG")


def test_any_depth_sorted_and_without_what_is_hidden(tmp_path):
    for name in ("b/2.png", "b/1.png", "a/x/y/z/3.png", "top.png", ".hidden.png", ".cache/4.png", "b/.git/5.png"):
        picture(tmp_path / name)
    assert walk(str(tmp_path)).names == ["a/x/y/z/3.png", "b/1.png", "b/2.png", "top.png"]


def test_links_are_followed_once_and_loops_end(tmp_path):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    picture(data / "z" / "1.png")
    picture(elsewhere / "2.png")
    for name in ("loop", "z/up"):
        (data / name).symlink_to(data)
    for k in range(20):
        (data / f"a{k}").symlink_to(data / "z")  # what lies below by its own name is listed by that
    (data / "b").symlink_to(elsewhere)
    (data / "c").symlink_to(elsewhere)
    (data / "file.png").symlink_to(elsewhere / "2.png")
    (data / "nowhere.png").symlink_to(data / "absent")
    (data / "itself.png").symlink_to(data / "itself.png")
    (elsewhere / "back").symlink_to(data)
    assert walk(str(data)).names == ["b/2.png", "file.png", "z/1.png"]


def test_pipes_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    picture(tmp_path / "a.png")
    assert load(str(tmp_path)).names == ("a.png",)


def test_what_cannot_be_listed_or_read_is_named(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")
    picture(tmp_path / "closed" / "b.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(listing.os, "scandir", refuse)
    data = load(str(tmp_path))
    assert data.names == ("a.png",) and data.notes == ("skipped 1 of 2 files: closed (Permission denied)",)
    with pytest.raises(ValueError, match="skipped 1 of 2 files: closed"):
        load(str(tmp_path), strict=True)
    with pytest.raises(ValueError, match=r"cannot load .*closed: Permission denied"):
        load(str(tmp_path / "closed"))


def test_many_entries_take_little_memory(monkeypatch):
    """Names are all that is kept, so that a million take 120 MB at most: here a fifth of them."""

    class Entry:
        def __init__(self, number):
            self.name = f"picture-{number:08d}.png"

        def is_dir(self):
            return False

        def is_file(self):
            return True

    class Entries:
        def __enter__(self):
            return (Entry(number) for number in range(200_000))

        def __exit__(self, *rest):
            pass

    monkeypatch.setattr(listing.os, "scandir", lambda path: Entries())
    monkeypatch.setattr(listing.os, "stat", lambda path: os.stat_result(range(10)))
    tracemalloc.start()
    folder = walk("/somewhere")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(folder.names) == 200_000 and folder.names[1] == "picture-00000001.png"
    assert peak < 24e6


def test_sub_folders_are_classes(tmp_path):
    for value, name in enumerate(("dogs/b.png", "cats/old/a.png", "cats/c.png", "loose.png")):
        picture(tmp_path / "archive" / name, value)
    data = load(str(tmp_path))
    assert data.names == ("archive/cats/c.png", "archive/cats/old/a.png", "archive/dogs/b.png", "archive/loose.png")
    assert data.class_names == ("cats", "dogs") and data.y is not None and data.y.tolist() == [0, 0, 1, -1]
    assert data.x[:, 0, 0, 0].tolist() == [2, 1, 0, 3]
    assert data.notes == ("2 classes from sub-folders: cats, dogs",)


@pytest.mark.parametrize(
    ("names", "labels", "classes", "held_out"),
    [
        (["a.png", "b.png"], None, (), None),
        (["x/a.png", "x/b.png"], None, (), None),
        (["x/a.png", "b.png"], None, (), None),
        (["x/p/a.png", "x/q/b.png"], [0, 1], ("p", "q"), None),
        (["q/a.png", "p/b.png"], [1, 0], ("p", "q"), None),
        (["cat/a.png", "category/b.png"], [0, 1], ("cat", "category"), None),
        (["train/a.png", "test/b.png"], None, (), [1]),
        (["Training/p/a.png", "VALID/q/b.png", "test/p/c.png"], [0, 1, 0], ("p", "q"), [1, 2]),
        (["s/train/d/p/a.png", "s/val/d/q/b.png"], [0, 1], ("p", "q"), [1]),
        (["train/a.png", "test/b.png", "c.png"], [1, 0, -1], ("test", "train"), None),
        (["test/a.png", "val/b.png"], [0, 1], ("test", "val"), None),
        ([], None, (), None),
    ],
)
def test_what_folders_say(names, labels, classes, held_out):
    result = classes_of(names)
    assert (result.labels, result.names, result.held_out) == (labels, classes, held_out)


def test_the_split_of_folders(tmp_path):
    for name in ("train/a/1.png", "train/b/2.png", "val/a/3.png", "test/b/4.png"):
        picture(tmp_path / name)
    data = load(str(tmp_path))
    assert [data.names[k] for k in data.held_out] == ["test/b/4.png", "val/a/3.png"]
    assert data.notes == ("2 held out by sub-folders: test, val", "2 classes from sub-folders: a, b")


def test_names_of_any_kind_are_shown_on_one_line(tmp_path):
    names = ["<b>&\"'.png", "two\nlines.png", "ünï 図.png", "[red]x[/red].png", os.fsdecode(b"\xff\xfe.png")]
    for folder in ("kind\none", "kind <i>two"):
        for name in names:
            picture(tmp_path / folder / name, 200)
    (tmp_path / "broken\n.png").write_text("hello")
    data = load(str(tmp_path))
    assert len(data) == 10 and all(name.encode("utf-8") for name in (*data.names, *data.class_names))
    assert "kind\none/two\nlines.png" in data.names and "kind\none/??.png" in data.names
    assert data.notes == (
        "skipped 1 of 11 files: broken?.png (no image)",
        "2 classes from sub-folders: kind?one, kind <i>two",
    )


def test_class_names_of_no_encoding_can_be_written(tmp_path):
    for folder in (b"\xff", b"ok"):
        picture(tmp_path / os.fsdecode(folder) / "1.png")
    assert load(str(tmp_path)).class_names == ("ok", "?")


def test_a_folder_around_one_archive(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(ValueError, match=r"holds one file, photos\.zip: name the file itself"):
        load(str(tmp_path))


def test_limit_is_a_fixed_choice_made_before_decoding(tmp_path):
    for k in range(30):
        picture(tmp_path / f"{k:02d}.png", 100 + k)
    first, repeated = load(str(tmp_path), limit=10), load(str(tmp_path), limit=10)
    assert len(first) == 10 and first.names == repeated.names == tuple(sorted(first.names))
    assert first.names != tuple(f"{k:02d}.png" for k in range(10))
    assert [100 + int(name[:2]) for name in first.names] == first.x[:, 0, 0, 0].tolist()
    assert first.notes == ("10 of 30 samples, a fixed choice",)
    assert len(load(str(tmp_path), limit=99)) == 30 and load(str(tmp_path), limit=30).notes == ()
    with pytest.raises(ValueError, match="needs a limit of at least 1 sample, but got 0"):
        load(str(tmp_path), limit=0)


def test_limit_of_arrays_keeps_labels_and_split(monkeypatch):
    whole, part = load("digits"), load("digits", limit=100)
    assert len(part) == 100 and part.y is not None and whole.y is not None
    rows = [int((whole.x == x).flatten(1).all(1).nonzero()[0]) for x in part.x]
    assert rows == sorted(rows) and torch.equal(part.y, whole.y[rows])
    assert len(load("ring", limit=500)) == 500
    x = torch.arange(40, dtype=torch.uint8)[:, None, None, None].expand(40, 1, 8, 8).contiguous()
    monkeypatch.setitem(sources.NAMED, "tiny", lambda: RawData(x, held_out=torch.arange(30, 40)))
    data = load("tiny", limit=20)
    values = data.x[:, 0, 0, 0]
    assert 0 < len(data.held_out) < 20 and (values[data.held_out] >= 30).all() and (values[data.train] < 30).all()


def test_labels_of_a_file_belong_to_what_was_listed(tmp_path, monkeypatch):
    """Each sample has the label of its own file, whatever was skipped or left out; the file itself is no picture."""
    folder = tmp_path / "photos"
    for k in range(20):
        picture(folder / "ab"[k % 2] / f"{k:02d}.png", k)
    (folder / "a" / "00.png").write_text("hello")
    (folder / "labels.csv").write_text("")
    calls = []

    def read(file, names, n, **how):
        calls.append((file.path, list(names), n))
        return Labels(torch.arange(n), tuple(map(str, range(n))), ("labels from labels.csv",))

    monkeypatch.setattr(sources, "read_labels", read)
    for limit in (None, 10):
        data = load(str(folder), labels=str(folder / "labels.csv"), limit=limit)
        path, names, n = calls.pop()
        assert path == folder / "labels.csv" and n == len(names) == 20 and "labels.csv" not in names
        assert data.y is not None and data.y.tolist() == [names.index(name) for name in data.names]
        assert data.x[:, 0, 0, 0].tolist() == [int(name[2:4]) for name in data.names]
        assert data.notes[-1] == "labels from labels.csv" and not any("classes from" in note for note in data.notes)
    part = load("digits", labels=str(folder / "labels.csv"), limit=100)
    assert calls.pop()[1:] == ([], 1797) and part.y is not None
    assert part.y.tolist() == sorted(part.y.tolist()) and torch.equal(part.x, load("digits").x[part.y])


def test_labels_that_cannot_be_read(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"needs a file of labels, but there is none named 'no\.csv'"):
        load(str(tmp_path), labels="no.csv")

    def refuse(file, names, n, **how):
        raise PermissionError(13, "Permission denied", file.path)

    monkeypatch.setattr(sources, "read_labels", refuse)
    with pytest.raises(ValueError, match=r"cannot read .*a\.png: Permission denied"):
        load("digits", labels=str(tmp_path / "a.png"))


def test_classes_are_those_of_the_whole_listing(tmp_path):
    for k in range(12):
        picture(tmp_path / "photos" / "abcdef"[k // 2] / f"{k:02d}.png", k)
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "photos" / "a" / "00.png").write_text("hello")
    (tmp_path / "photos" / "a" / "01.png").write_text("hello")
    for limit in (None, 4):
        data = load(str(tmp_path), limit=limit)
        assert data.class_names == tuple("abcdef") and data.notes[-1].startswith("6 classes")
        assert data.y is not None and data.y.tolist() == [int(x[0, 0, 0]) // 2 for x in data.x]


def test_a_limit_that_leaves_nothing_held_out_says_so(tmp_path):
    for k in range(40):
        picture(tmp_path / "train" / f"{k:02d}.png", k)
    picture(tmp_path / "test" / "40.png")
    data = load(str(tmp_path), limit=3)
    assert len(data.held_out) == 1 and data.held_out.dtype == torch.int64
    assert data.notes[-1] == "none of these is within the limit: a tenth of the samples is held out instead"


def test_nothing_but_labels(tmp_path):
    (tmp_path / "labels.csv").write_text("file,label")
    with pytest.raises(ValueError, match="holds no images: name a folder"):
        load(str(tmp_path), labels=str(tmp_path / "labels.csv"))
    picture(tmp_path / "one.png")
    with pytest.raises(ValueError, match="holds no images: name a folder"):
        load(str(tmp_path / "one.png"), labels=str(tmp_path / "one.png"))


def test_a_dataset_without_labels_is_no_picture(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    (tmp_path / "dataset.json").write_text('{"labels": null}')
    data = load(str(tmp_path), strict=True)
    assert len(data) == 2
    assert data.y is None and len(data.notes) == 1
    assert data.notes[0].startswith('not used as labels: dataset.json needs {"labels"')
