"""Labels that lie among the pictures: dataset.json, tables, blocks; in a folder and in an archive alike."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from gansmith.data import load, sources
from gansmith.data.classes import Classes, classes_of
from gansmith.data.listing import ImageBytes


def png(k):
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8), 100 + k, np.uint8)).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture(params=["folder", "zip"])
def source(request, tmp_path):
    """Writes files as a folder or as an archive, and returns its path."""

    def make(files):
        contents = {name: content.encode() if isinstance(content, str) else content for name, content in files.items()}
        if request.param == "zip":
            path = tmp_path / "faces.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in contents.items():
                    archive.writestr(name, content)
            return str(path)
        for name, content in contents.items():
            (tmp_path / "faces" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "faces" / name).write_bytes(content)
        return str(tmp_path / "faces")

    return make


def stylegan(names):
    return json.dumps({"labels": [[name, k % 2] for k, name in enumerate(names)]})


NAMES = [f"{k // 4:05d}/img{k:08d}.png" for k in range(12)]
PICTURES = {name: png(k) for k, name in enumerate(NAMES)}
FLAT = {f"{k:02d}.png": png(k) for k in range(12)}
FOLDERS = {f"{'ab'[k % 2]}/{k:02d}.png": png(k) for k in range(12)}
TABLE = "file,label\n" + "".join(f"{k:02d}.png,{k // 6}\n" for k in range(12))


@pytest.mark.parametrize("top", ["", "set/"])
def test_stylegans_labels(source, top):
    files = {top + name: content for name, content in PICTURES.items()} | {top + "dataset.json": stylegan(NAMES)}
    path = source(files | {"README.txt": "hello"} if top else files)
    data = load(path)
    assert data.y is not None and data.y.tolist() == [0, 1] * 6
    assert "labels from dataset.json for" in " ".join(data.notes) and not any("blocks" in note for note in data.notes)
    named = load(path, labels=f"{path}/{top}dataset.json")
    assert named.y is not None and named.y.tolist() == [0, 1] * 6 and named.fingerprint == data.fingerprint
    some = load(path, limit=5)
    assert some.y is not None and some.y.tolist() == [int(name[-5]) % 2 for name in some.names]


def test_stylegans_labels_come_before_folders(source):
    data = load(source(FOLDERS | {"dataset.json": stylegan(sorted(FOLDERS))}))
    assert data.y is not None and data.y.tolist() == [0, 1] * 6 and data.class_names == ()


def test_a_table_beside_the_pictures(source):
    path = source(FLAT | {"labels.csv": TABLE})
    data = load(path, strict=True)  # the table is no picture that cannot be decoded
    assert len(data) == 12 and data.y is not None and data.y.tolist() == [0] * 6 + [1] * 6
    assert data.notes == ("labels from labels.csv for 12 of 12 samples",)
    named = load(path, labels=path + "/labels.csv")
    assert named.y is not None and named.y.tolist() == data.y.tolist()


def test_a_table_does_not_replace_folders_by_itself(source):
    path = source(FOLDERS | {"labels.csv": TABLE})
    data = load(path)
    assert data.class_names == ("a", "b")
    assert any(note.startswith("not used: labels from labels.csv") for note in data.notes)
    named = load(path, labels=path + "/labels.csv")
    assert named.y is not None and named.y.tolist() == [0] * 3 + [1] * 3 + [0] * 3 + [1] * 3


UNUSED = {
    "two tables": ({"a.csv": TABLE, "b.csv": TABLE}, "a.csv and b.csv, which all label the pictures; pass one"),
    "captions": (
        {"a.csv": "".join(f"{k:02d}.png,picture {k}\n" for k in range(12))},
        "too many to be taken",
    ),
    "sizes": ({"a.csv": "".join(f"{k:02d}.png,640\n" for k in range(12))}, "641 classes of 12 pictures"),
    "several columns": ({"a.tsv": "file\tx\ty1\n00.png\t1\t2\n"}, "choose one by --label-column, of file, x, y1"),
    "damaged JSON": ({"dataset.json": "{"}, "dataset.json is damaged JSON"),
    "vectors": ({"dataset.json": '{"labels": [["00.png", [0.5, 1]]]}'}, "an integer or a word, but has"),
}


@pytest.mark.parametrize("case", UNUSED)
def test_what_is_not_clear_is_not_used_and_said(source, case):
    files, reason = UNUSED[case]
    data = load(source(FLAT | files))
    assert data.y is None and len(data) == 12
    notes = [note for note in data.notes if note.startswith("not used as labels: ")]
    assert len(notes) == 1 and reason in notes[0]


def test_a_table_of_something_else_needs_no_word(source):
    data = load(source(FLAT | {"a.csv": "unknown.png,1\n"}))
    assert data.y is None and not any("labels" in note for note in data.notes)


def test_a_column_of_the_table_beside_the_pictures(source):
    rows = "".join(f"{k:02d}.png,{k % 3},{k % 2}\n" for k in range(12))
    path = source(FLAT | {"a.csv": "file,breed,sex\n" + rows})
    data = load(path, label_column="sex")
    assert data.y is not None and data.y.tolist() == [0, 1] * 6
    with pytest.raises(ValueError, match=r"needs a table for the column age: name it by --labels \(.*called age"):
        load(path, label_column="age")
    with pytest.raises(ValueError, match="needs a table of labels for --label-column"):
        load("digits", label_column="age")


def test_a_column_of_data_with_labels_of_their_own(monkeypatch):
    images = ImageBytes(["a.png", "b.png"], png, base="hf:a/b")
    monkeypatch.setattr(sources, "read_hub", lambda name: (images, Classes([0, 1], ("a", "b"), None)))
    assert load("hf:a/b").class_names == ("a", "b")
    with pytest.raises(ValueError, match="hf:a/b has labels of its own: leave --label-column out"):
        load("hf:a/b", label_column="sex")


def test_limits_hold_for_entries(source, monkeypatch):
    path = source(FLAT | {"dataset.json": stylegan(FLAT), "a.csv": TABLE})
    monkeypatch.setattr("gansmith.data.label_tables.LIMIT", 20)
    monkeypatch.setattr("gansmith.data.label_tables.JSON_LIMIT", 10)
    data = load(path)
    assert data.y is None and sum("for labels: split it" in note for note in data.notes) == 2
    with pytest.raises(ValueError, match="more than the limit of 10 for labels"):
        load(path, labels=path + "/dataset.json")


TOO_WIDE = {
    "long rows": ("t.csv", ("ab," * 30_000 + "ab\n") * 3, "at most 65,536 characters, but has a longer one"),
    "many columns": ("t.csv", ("ab," * 2000 + "ab\n") * 3, "t.csv needs at most 1,000 columns, but has 2,001"),
    "much JSON": ("dataset.json", '{"labels": [' + "[]," * 3_000_000 + "[]]}", "too many for labels of 12 samples"),
}


@pytest.mark.parametrize("case", TOO_WIDE)
def test_what_is_too_wide_for_labels_is_not_used_and_said(source, case, monkeypatch):
    monkeypatch.setattr("gansmith.data.packing.TEXT", 1 << 30)
    name, content, reason = TOO_WIDE[case]
    path = source(FLAT | {name: content})
    data = load(path)
    assert data.y is None and len(data) == 12
    assert [reason in note for note in data.notes if note.startswith("not used as labels: ")] == [True]
    with pytest.raises(ValueError, match=reason):
        load(path, labels=f"{path}/{name}")


def test_entries_that_are_packed_too_well(tmp_path, monkeypatch):
    """Before they are unpacked: text takes many times its size, and an archive of kilobytes may hold a gigabyte."""
    for name in ("a.csv", "dataset.json"):
        with zipfile.ZipFile(path := tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for picture, content in FLAT.items():
                archive.writestr(picture, content)
            archive.writestr(name, "ab," * (2 << 20))
        words = f"{name} has .* bytes, but unpacks to 6,291,456, more than 4,194,304 beyond 100 times as many: unpack"
        with monkeypatch.context() as context:
            context.setattr("gansmith.data.archive.Archive.read", lambda *_: pytest.fail("is unpacked"))
            (note,) = [note for note in load(str(path)).notes if note.startswith("not used")]
            assert re.fullmatch(f"not used as labels: {words}.*", note)
            with pytest.raises(ValueError, match=words):
                load(str(path), labels=f"{path}/{name}")


def test_tables_that_are_large_for_so_few_pictures_are_read_only_if_named(source, monkeypatch):
    monkeypatch.setattr("gansmith.data.found_labels.FREE", len(TABLE) + 50)
    monkeypatch.setattr("gansmith.data.found_labels.OF_ONE", 1)
    path = source(FLAT | {"a.csv": TABLE, "b.csv": TABLE})
    data = load(path)
    assert data.y is not None and "labels from a.csv for 12 of" in str(data.notes)
    assert "not used as labels: b.csv is too large to be read by itself: pass it by --labels if it holds labels" in str(
        data.notes
    )
    assert load(path, labels=f"{path}/b.csv").y is not None


@pytest.mark.parametrize("name", ["dataset.json", "labels.csv"])
def test_of_many_files_of_labels_none_is_read(source, name, monkeypatch):
    monkeypatch.setattr("gansmith.data.found_labels.in_source", lambda *_: pytest.fail("is read"))
    assert load(source(FLAT | {f"{k}/{name}": "{" for k in range(21)})).y is None


def test_entries_that_are_no_labels(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.png", png(1))
        archive.writestr("b/labels.csv", "1.png,2\n")
        archive.writestr("y.npy", b"\x93NUMPY")
    for name, reason in {
        "labels.csv": "a.zip holds no labels.csv: it holds b/labels.csv",
        "y.npy": "an array inside an archive: unpack it",
    }.items():
        with pytest.raises(ValueError, match=reason):
            load("digits", labels=str(tmp_path / "a.zip" / name))
    with pytest.raises(ValueError, match=r"is zip: name the file in it, as in .*a\.zip/dataset\.json"):
        load("digits", labels=str(tmp_path / "a.zip"))
    (tmp_path / "b").write_text("text")
    with pytest.raises(ValueError, match=r"there is none named '.*b/labels\.csv'"):
        load("digits", labels=str(tmp_path / "b" / "labels.csv"))


def test_an_entry_whose_bytes_are_not_those_it_states(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("dataset.json", '{"labels": [["1.png", 1]]}')
        archive.writestr("1.png", png(1))
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b'[["1.png", 1]]', b'[["1.png", 2]]'))
    data = load(str(tmp_path / "a.zip"))
    assert data.y is None and any(
        "dataset.json" in note and "damaged archive entry): pack" in note for note in data.notes
    )


BLOCKS = {
    "StyleGAN's": [f"{k // 1000:05d}/img{k:08d}.png" for k in range(0, 3000, 100)],
    "FFHQ's": [f"faces/{k - k % 1000:05d}/{k:05d}.png" for k in range(1000, 4000, 100)],
    "of any length": [f"{k // 7:06d}/{k}.png" for k in range(30)],
    "in two parts, each from 0": [f"{part}/{k // 5:05d}/{k}.png" for part in ("train", "test") for k in range(10)],
}
NO_BLOCKS = {
    "digits as classes": [f"{k % 10}/{k}.png" for k in range(30)],
    "digits that run on": [f"{k // 10}/{k}.png" for k in range(30)],
    "signs that begin anew": [f"{c:05d}/{t:05d}_{f:05d}.ppm" for c in range(3) for t in range(2) for f in range(3)],
    "numbers that go across": [f"{k % 3:05d}/{k:08d}.png" for k in range(30)],
    "names without numbers": ["00000/a.png", "00001/b.png"],
    "a file beside them": ["00000/1.png", "00001/2.png", "3.png"],
    "years": [f"{1998 + k // 10}/{k}.png" for k in range(30)],
}


@pytest.mark.parametrize("case", [*BLOCKS, *NO_BLOCKS])
def test_blocks_are_no_classes(case):
    classes = classes_of((BLOCKS | NO_BLOCKS)[case])
    assert (classes.labels is None) == (case in BLOCKS)
    assert classes.note[0].startswith("no classes: sub-folders" if case in BLOCKS else f"{len(classes.names)} classes")
