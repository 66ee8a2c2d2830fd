"""Labels from a table, a dataset.json or an array: each finds its sample, or is counted, or is refused in one line."""

import json
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image

from gansmith.data import load
from gansmith.data.label_file import find_label_file
from gansmith.data.labels import read_labels as read_label_file

NAMES = ("cat/1.png", "dog/1.png", "dog/2.png", "é 3.png")


def read_labels(path, names, n, **how):
    return read_label_file(find_label_file(path), names, n, **how)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


TABLES = {
    "plain": "cat/1.png,cat\ndog/1.png,dog\ndog/2.png,dog\né 3.png,\n",
    "a header": "file_name,label\ncat/1.png,cat\ndog/1.png,dog\ndog/2.png,dog\né 3.png,\n",
    "a header of any words": "which one,what\ncat/1.png,cat\ndog/1.png,dog\ndog/2.png,dog\n",
    "columns the other way round": "Class,Path\ncat,cat/1.png\ndog,dog/1.png\ndog,dog/2.png\n",
    "many columns": "id,sender,label,file\n1,9,cat,cat/1.png\n2,9,dog,dog/1.png\n3,9,dog,dog/2.png\n",
    "tabs": "cat/1.png\tcat\ndog/1.png\tdog\ndog/2.png\tdog\n",
    "semicolons": "cat/1.png;cat\ndog/1.png;dog\ndog/2.png;dog\n",
    "BOM, CRLF and blank lines": "\ufefffile,label\r\n\r\ncat/1.png,cat\r\ndog/1.png,dog\r\n , \r\ndog/2.png,dog\r\n",
    "BOM and no header": "\ufeffcat/1.png,cat\ndog/1.png,dog\ndog/2.png,dog\n",
    "quotes": '"cat/1.png","cat"\n"dog/1.png"," dog "\ndog/2.png,dog',
    "other separators in paths": "./cat/1.png,cat\ndog\\1.png,dog\n.\\dog\\2.png,dog\n",
    "a row twice": "cat/1.png,cat\ndog/1.png,dog\ndog/2.png,dog\ndog/2.png,dog\n",
    "base names where unique": "cat/1.png,cat\ndog/1.png,dog\nelsewhere/2.png,dog\n",
    "spaces": "cat/1.png  cat\ndog/1.png dog\ndog/2.png   dog\n",
    "without endings": "id,breed\ncat/1,cat\ndog/1.jpg,dog\n2,dog\n",
    "a header the other way round": "breed,id\ncat,cat/1.png\ndog,dog/1.png\ndog,dog/2.png\n",
    "JSON": '\ufeff {"labels": [["cat/1.png", "cat"], ["dog/1.png", "dog"], ["dog\\\\2.png", "dog"]]}',
}


@pytest.mark.parametrize("case", TABLES)
def test_words(tmp_path, case):
    y, class_names, notes = read_labels(write(tmp_path / "a", TABLES[case]), NAMES, 4)
    assert (y.tolist(), class_names) == ([0, 1, 1, -1], ("cat", "dog"))
    assert len(notes) == 1 + (case == "without endings")
    assert notes[0].startswith("labels from a for ") and notes[0].endswith(" of 4 samples")


def test_integers(tmp_path):
    y, class_names, _ = read_labels(
        write(tmp_path / "a", "image,label\ncat/1.png,7\ndog/1.png,-1\n2.png,0\n"), NAMES, 4
    )
    assert (y.tolist(), class_names) == ([7, -1, 0, -1], ())
    y, class_names, _ = read_labels(write(tmp_path / "a", "cat/1.png,7\ndog/1.png,no\n"), NAMES, 4)
    assert (y.tolist(), class_names) == ([0, 1, -1, -1], ("7", "no"))


def test_one_number_written_in_two_ways_is_said(tmp_path):
    y, _, notes = read_labels(write(tmp_path / "a", "cat/1.png,1\ndog/1.png,01\n2.png,0\n"), NAMES, 4)
    assert y.tolist() == [1, 1, 0, -1] and "'01' and '1' are one number and one class" in notes[-1]
    y, _, notes = read_labels(write(tmp_path / "a", "cat/1.png,1\ndog/1.png,1.0\n2.png,+1\n"), NAMES, 4)
    assert y.tolist() == [1, 1, 1, -1] and len(notes) == 1
    words = read_labels(write(tmp_path / "a", "cat/1.png,1\ndog/1.png,01\n2.png,x1\n"), NAMES, 4)
    assert words.class_names == ("01", "1", "x1") and len(words.notes) == 1


def test_stylegan(tmp_path):
    rows = [[name, k] for k, name in enumerate(NAMES)]
    y, class_names, _ = read_labels(write(tmp_path / "dataset.json", json.dumps({"labels": rows})), NAMES, 4)
    assert (y.tolist(), class_names) == ([0, 1, 2, 3], ())


def test_rows_without_a_sample_are_counted(tmp_path):
    rows = "".join(f"{name},{label}\n" for name, label in [("cat/1.png", 5), ("x.png", 9), ("1.png", 9), ("y.png", 3)])
    y, _, notes = read_labels(write(tmp_path / "a", rows), NAMES, 4)
    assert y.tolist() == [5, -1, -1, -1]  # 1.png is the base name of two
    assert notes == ("labels from a for 1 of 4 samples", "3 of its rows belong to no sample")


def test_a_base_name_of_two_rows_belongs_to_neither(tmp_path):
    # As with a limit: the second row's sample was not chosen, and its label is not the first one's.
    y, _, notes = read_labels(write(tmp_path / "a", "r/2.png,1\ns/2.png,2\ncat/1.png,0\n"), NAMES, 4)
    assert y.tolist() == [0, -1, -1, -1] and notes[1].startswith("2 of its rows")
    y, _, notes = read_labels(write(tmp_path / "a", "s/2.png,2\ndog/2.png,1\n"), NAMES, 4)
    assert y.tolist() == [-1, -1, 1, -1] and notes[1].startswith("1 of its rows")


def test_commas_in_words(tmp_path):
    words = {name: f"{word}, {word} of another kind" for name, word in zip(NAMES, "abab", strict=True)}
    tsv = "".join(f"{name}\t{word}\n" for name, word in words.items())
    quoted = "".join(f'{name},"{word}"\n' for name, word in words.items())
    for text in (tsv, quoted, "file\tlabel\n" + tsv):
        y, class_names, _ = read_labels(write(tmp_path / "a", text), NAMES, 4)
        assert y.tolist() == [0, 1, 0, 1] and class_names == ("a, a of another kind", "b, b of another kind")
    with pytest.raises(ValueError, match=r"needs two columns.*a word that holds a comma needs quotes"):
        read_labels(write(tmp_path / "a", quoted.replace('"', "")), NAMES, 4)


def test_the_separator_is_that_by_which_rows_name_samples(tmp_path):
    names = ("my cat.png", "my dog.png")
    assert read_labels(write(tmp_path / "a", "my cat.png;a,1\nmy dog.png;b,1\n"), names, 2)[1] == ("a,1", "b,1")
    assert read_labels(write(tmp_path / "a", "my cat.png,1\nmy dog.png,0\n"), names, 2)[0].tolist() == [1, 0]


def test_a_name_without_its_ending_comes_last(tmp_path):
    # 1.png is the base name of two samples, and so is 1; the row with a path decides for its own sample.
    y, _, notes = read_labels(write(tmp_path / "a", "2.jpg,5\ndog/2.png,7\n1,9\nx/é 3,3\n"), NAMES, 4)
    assert y.tolist() == [-1, -1, 7, 3]
    assert notes[1:] == (
        "found by their names without the ending: 1 sample",
        "2 of its rows belong to no sample",
    )
    y, _, _ = read_labels(write(tmp_path / "a", "a.v2,4\n"), ("a.v2.png", "a.v1.png"), 2)
    assert y.tolist() == [4, -1]  # only the ending of a picture is left out


def test_rows_relative_to_the_folder_of_the_table(tmp_path):
    names = ("faces/1.png", "faces/a/1.png")
    file = write(tmp_path / "a", "1.png,1\na/1.png,0\n")
    assert read_labels(file, names, 2, folder="faces/")[0].tolist() == [1, 0]
    with pytest.raises(ValueError, match="no row that names a sample"):
        read_labels(file, names, 2)


CELEBA = "3\nBald  Smiling Young\ncat/1.png -1  1  1\ndog/1.png  1 -1  1\ndog/2.png  1  1  1\n"


def test_a_column_of_several(tmp_path):
    path = write(tmp_path / "a", CELEBA)
    y, class_names, notes = read_labels(path, NAMES, 4, column="smiling")
    assert (y.tolist(), class_names) == ([1, 0, 1, -1], ("-1", "1"))
    assert notes == ("labels from a, column smiling, for 3 of 4 samples", "-1 and 1 are two classes, 0 and 1")
    assert read_labels(path, NAMES, 4, column="Young")[0].tolist() == [1, 1, 1, -1]
    with pytest.raises(ValueError, match=r"4 columns.* none is called label: choose one by --label-column, of file"):
        read_labels(path, NAMES, 4)
    with pytest.raises(ValueError, match="one column called Bold in its first row, but that is file, Bald, Smiling"):
        read_labels(path, NAMES, 4, column="Bold")
    csv = write(tmp_path / "b", "width,picture,breed\n3,cat/1.png,x\n3,2,y\n")
    assert read_labels(csv, NAMES, 4, column="breed")[0].tolist() == [0, -1, 1, -1]


def test_columns_are_those_of_tables(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(4))
    for path in (tmp_path / "a.npy", write(tmp_path / "b", '{"labels": [["2.png", 1]]}')):
        with pytest.raises(ValueError, match="which has no columns: leave --label-column out"):
            read_labels(path, NAMES, 4, column="breed")


def test_whole_numbers_that_a_table_writes_as_fractions(tmp_path):
    y, class_names, _ = read_labels(write(tmp_path / "a", "cat/1.png,10.0\ndog/1.png,2.0\ndog/2.png,\n"), NAMES, 4)
    assert (y.tolist(), class_names) == ([10, 2, -1, -1], ())


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i8"])
def test_arrays(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.array([3, 0, 1, 1], dtype))
    for names in (NAMES, ()):
        y, class_names, notes = read_labels(tmp_path / "a.npy", names, 4)
        assert (y.tolist(), class_names) == ([3, 0, 1, 1], ())
        assert len(notes) == bool(names) and all("in the order of the names: cat/1.png, " in note for note in notes)
    path = write(tmp_path / "a.idx", struct.pack(">BBBBI", 0, 0, 8, 1, 4) + bytes([3, 0, 1, 1]))
    assert read_labels(path, (), 4)[0].tolist() == [3, 0, 1, 1]


BAD = {
    "no match": ("x.png,1\ny.png,2\n", "no row that names a sample such as cat/1.png"),
    "nothing": ("", "needs two columns.* but has none"),
    "one column": ("cat/1.png\n", "needs two columns.* but has cat/1.png"),
    "three columns": ("cat/1.png,a,b\n", "needs two columns.* but has cat/1.png, a, b"),
    "another number of columns": (
        "cat/1.png,a\ndog/1.png,b,c\n",
        "2 columns in each row, but has 3 in that of dog/1.png",
    ),
    "rows that disagree": ("cat/1.png,a\ncat/1.png,b\n", "labels cat/1.png both 'a' and 'b'"),
    "rows that disagree by base name": ("x/2.png,a\nx/2.png,b\n", "labels x/2.png both 'a' and 'b'"),
    "no labels": ("cat/1.png,\n", "names samples, but no labels"),
    "too small": ("cat/1.png,-2\n", "0 and up, -1 for unlabeled, but has -2 to -2"),
    "too large": ("cat/1.png,2147483648\n", "but has 2147483648"),
    "UTF-16": ("cat/1.png,1\n".encode("utf-16"), "needs text in UTF-8"),
    "a quote that is never closed": ('cat/1.png,"' + "x\n" * 200_000, "characters, but has .* a quote that is never"),
    "a long row": (
        "cat/1.png" + "," * 70_000 + "cat\n",
        "needs rows of at most 65,536 characters, but has a longer one",
    ),
    "a row over many lines": ('cat/1.png,"' + '\n","' * 20_000 + '"\n', "needs rows of at most 65,536 characters"),
    "many columns": (
        "cat/1.png" + ",a" * 1000 + "\n",
        "at most 1,000 columns, but has 1,001: keep those of file names",
    ),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "UTF-8"),
    "a zip": (b"PK\x03\x04" + bytes(30), "needs to be CSV, .* but is zip"),
    "damaged JSON": ('{"labels": [', "damaged JSON"),
    "deep JSON": ("[" * 100_000, "damaged JSON"),
    "no list": ('{"labels": null}', "no such list"),
    "only a list": ('[["cat/1.png", 1]]', "no such list"),
    "vectors": ('{"labels": [["cat/1.png", [0, 1]]]}', "an integer or a word, but has"),
    "truth values": ('{"labels": [["cat/1.png", true]]}', "an integer or a word"),
    "fractions": ('{"labels": [["cat/1.png", 1.5]]}', "an integer or a word"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(tmp_path, case):
    content, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        read_labels(write(tmp_path / "a\nb", content), NAMES, 4)
    assert "\n" not in str(caught.value) and "a?b" in str(caught.value) and len(str(caught.value)) < 400


ARRAYS = {
    "another length": (np.arange(5), "needs 4 labels, one for each sample, but has shape .5,"),
    "a matrix": (np.zeros((4, 2), int), "needs one 1 and else zeros in each row, but row 0"),
    "a cube": (np.zeros((4, 1, 1), int), "one integer or word for each sample, but has int64.4, 1, 1."),
    "fractions": (np.arange(4) / 2, "needs whole numbers as labels, but has 0.5"),
    "objects": (np.array([{}] * 4), "pickled"),
    "too small": (np.array([0, 0, 0, -2]), "but has -2 to 0"),
    "too large": (np.array([0, 0, 0, 2**63], np.uint64), "but has 0 to 9223372036854775808"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_refused(tmp_path, case):
    array, message = ARRAYS[case]
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / "a.npy", NAMES, 4)


@pytest.mark.parametrize("descr", ["|S0", "<U0", "|V0"])
def test_words_of_no_bytes_are_refused_before_they_take_memory(tmp_path, descr):
    """A file of a hundred bytes may state as many of them as it likes."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({10**9},)}}\n".encode()
    write(tmp_path / "a.npy", content := b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("y.npy", content)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ValueError, match=r"states values of 0 bytes \(.*\), which no file holds: save numbers"):
            read_labels(tmp_path / name, NAMES, 4)


@pytest.mark.parametrize("dtype", ["S1", "i1"])
def test_labels_that_are_too_many_take_no_memory_of_their_own(tmp_path, dtype):
    np.savez_compressed(tmp_path / "a.npz", np.full(2_000_000, 1).astype(dtype))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"needs 4 labels, one for each sample, but has shape .2000000,"):
            read_labels(tmp_path / "a.npz", NAMES, 4)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_words_of_an_array_are_taken_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("gansmith.data.label_values.BLOCK", 2)
    np.save(tmp_path / "a.npy", np.array(["b ", "a", "", "b", "c"]))
    y, class_names, _ = read_labels(tmp_path / "a.npy", (), 5)
    assert (y.tolist(), class_names) == ([1, 0, -1, 1, 2], ("a", "b", "c"))


def test_samples_that_are_no_files(tmp_path):
    with pytest.raises(ValueError, match=r"the samples are no files: save an \.npy of 4 labels"):
        read_labels(write(tmp_path / "a", "cat/1.png,1\n"), (), 4)


def test_limits(tmp_path, monkeypatch):
    for module in ("labels", "label_tables"):
        monkeypatch.setattr(f"gansmith.data.{module}.LIMIT", 10)
    monkeypatch.setattr("gansmith.data.label_tables.JSON_LIMIT", 5)
    np.save(tmp_path / "a.npy", np.arange(4))
    for path in (tmp_path / "a.npy", write(tmp_path / "a", "cat/1.png,1\n"), write(tmp_path / "b", '{"a": 1}')):
        with pytest.raises(ValueError, match=r"more than the limit of (10|5) for labels: split it"):
            read_labels(path, NAMES, 4)


def test_json_is_limited_by_the_number_of_samples(tmp_path, monkeypatch):
    """Each list in it takes thirty times its bytes, so that much that is of no sample is not parsed."""
    path = write(tmp_path / "dataset.json", json.dumps({"labels": [[name, 1] for name in NAMES]}))
    size = path.stat().st_size
    monkeypatch.setattr("gansmith.data.label_tables.JSON_FREE", size - 40)
    monkeypatch.setattr("gansmith.data.label_tables.JSON_OF_ONE", 10)
    assert read_labels(path, NAMES, 4).y.tolist() == [1] * 4
    with pytest.raises(ValueError, match=rf"has {size} bytes, too many for labels of 3 samples: leave out what is not"):
        read_labels(path, NAMES[:3], 3)


def test_a_column_that_names_pictures_comes_before_numbers_that_do_by_chance(tmp_path):
    for k in range(1, 5):
        Image.fromarray(np.full((8, 8), 90 + k, np.uint8)).save(tmp_path / f"{k}.png")
    rows = "".join(f"{k},{5 - k}.png,{k}\n" for k in range(1, 5))
    table = tmp_path / "table"
    table.write_text("id,photo,label\n" + rows)
    data = load(str(tmp_path), labels=str(table))
    assert data.y is not None and data.y.tolist() == [4, 3, 2, 1]
    table.write_text("file,x,y\n" + "".join(f"{k}.png,{k},{k}\n" for k in range(1, 5)))
    with pytest.raises(ValueError, match="none is called label: choose one by --label-column, of file, x, y"):
        load(str(tmp_path), labels=str(table))


def test_the_order_of_an_array_of_labels_is_said(tmp_path):
    (tmp_path / "pictures").mkdir()
    for k in (1, 2, 10):
        Image.fromarray(np.full((8, 8), 90 + k, np.uint8)).save(tmp_path / "pictures" / f"{k}.png")
    np.save(tmp_path / "y.npy", np.arange(3))
    data = load(str(tmp_path / "pictures"), labels=str(tmp_path / "y.npy"))
    assert "labels in the order of the names: 1.png, 10.png, 2.png, ..." in data.notes


@pytest.mark.parametrize("dtype", ["int64", "int8", "float32"])
def test_minus_one_and_one_are_two_classes(tmp_path, dtype):
    """As of a support-vector machine; beside other numbers -1 is no label."""
    y = np.array([-1, 1, 1, -1, -1, 1], dtype)
    np.savez(tmp_path / "two.npz", x=np.zeros((6, 4, 4), np.uint8), y=y)
    data = load(str(tmp_path / "two.npz"))
    assert data.y.tolist() == [0, 1, 1, 0, 0, 1] and data.class_names == ("-1", "1")
    assert "labels -1 and 1 are two classes" in data.notes
    np.savez(tmp_path / "some.npz", x=np.zeros((6, 4, 4), np.uint8), y=np.abs(y) * [-1, 1, 0, -1, -1, 1])
    assert load(str(tmp_path / "some.npz")).y.tolist() == [-1, 1, 0, -1, -1, 1]
