"""Vectors from text: numbers are read whatever separates them; words and gaps are refused by column, with the cure."""

import numpy as np
import pytest
import torch

from gansmith.data import load, number_tables, tables

X = np.round(np.random.default_rng(0).normal(size=(30, 3)), 3).astype(np.float32)


def rows(separator, quote=""):
    return "".join(separator.join(f"{quote}{value:.3f}{quote}" for value in row) + "\n" for row in X)


COUNTED = "".join(f"{k},{row}\n" for k, row in enumerate(rows(",").split()))
GOOD = {
    "commas": ("a.csv", rows(",")),
    "a header": ("a.csv", "age,income,hours\n" + rows(",")),
    "a header and quotes": ("a.csv", '"age, in years","income",hours\n' + rows(",", '"')),
    "a header with a gap": ("a.csv", "age,,hours\n" + rows(",")),
    "semicolons": ("a.CSV", "age;income;hours\n" + rows(";")),
    "tabs": ("a.tsv", rows("\t")),
    "spaces": ("a.txt", rows("  ")),
    "savetxt": ("a.txt", "# age income hours\n" + rows(" ")),
    "savetxt with commas": ("a.csv", "# age,income,hours\n" + rows(",")),
    "BOM, CRLF and blank lines": ("a.csv", "\ufeffage,income,hours\n\n" + rows(",").replace("\n", "\r\n")),
    "the rows counted": (
        "a.csv",
        ",age,income,hours\n" + "".join(f"{k},{r}\n" for k, r in enumerate(rows(",").split())),
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_numbers(tmp_path, case):
    name, text = GOOD[case]
    (tmp_path / name).write_bytes(text.encode())
    data = load(str(tmp_path / name))
    assert torch.equal(data.x, torch.from_numpy(X)) and data.y is None and not data.is_images
    has_header = any(word in text for word in ("age", "hours"))
    assert has_header == any("3 columns (samples come in this order" in note and "hours" in note for note in data.notes)
    assert ("counted" in case) == any("counts the rows: left out" in note for note in data.notes)


def test_names_of_columns_that_are_numbers(tmp_path):
    """As pandas writes them above columns without names; whole numbers below them may be a row like the others."""
    (tmp_path / "a.csv").write_text("2019,2020,2021\n" + rows(","))
    data = load(str(tmp_path / "a.csv"))
    assert torch.equal(data.x, torch.from_numpy(X)) and any("2019, 2020, 2021" in note for note in data.notes)
    (tmp_path / "a.csv").write_text("0,1\n1,3\n2,5\n")
    data = load(str(tmp_path / "a.csv"))
    assert len(data.x) == 3 and data.notes == ("2 columns without names",)


def test_one_column_and_one_row(tmp_path):
    (tmp_path / "a.csv").write_text("income\n" + "".join(f"{k}\n" for k in range(9)))
    assert load(str(tmp_path / "a.csv")).x.flatten().tolist() == list(range(9))
    (tmp_path / "a.csv").write_text("1,2,3\n")
    assert load(str(tmp_path / "a.csv")).x.tolist() == [[1, 2, 3]]


def test_what_python_alone_takes_for_a_number_is_a_word(tmp_path):
    (tmp_path / "a.csv").write_text("month,sales\n" + "".join(f"2020_{k:02d},{k}\n" for k in range(1, 10)))
    with pytest.raises(ValueError, match="month"):
        load(str(tmp_path / "a.csv"))


def test_a_column_of_labels(tmp_path):
    text = "age,breed,hours\n" + "".join(f"{k},{'ab'[k % 2]},{2 * k}\n" for k in range(10))
    (tmp_path / "a.csv").write_text(text)
    data = load(str(tmp_path / "a.csv"), label_column="breed")
    assert data.y is not None and data.y.tolist() == [0, 1] * 5 and data.class_names == ("a", "b")
    assert data.x.tolist() == [[k, 2 * k] for k in range(10)]
    np.save(tmp_path / "y.npy", np.arange(10))
    (tmp_path / "b.csv").write_text(text.replace("breed", "class").replace("a,", "1,").replace("b,", "0,"))
    plain = load(str(tmp_path / "b.csv"))
    assert plain.shape == (3,) and any("class is a column of the vectors" in note for note in plain.notes)
    named = load(str(tmp_path / "b.csv"), labels=str(tmp_path / "y.npy"))
    assert named.y is not None and named.y.tolist() == list(range(10)) and named.shape == (3,)


BAD = {
    "words": (
        "age,city,sex\n1,Rome,f\n2,Bern,m\n",
        "words such as 'Rome' in city, sex: leave these columns out, write them as numbers",
    ),
    "words later": ("age,city\n" + "1,2\n" * 500 + "1,Rome\n", "words such as 'Rome' in city"),
    "words later in another column": ("age,city,sex\n1,2,3\n1,Rome,3\n1,2,f\n", "words such as 'Rome' in city, sex"),
    "a gap": ("age,income\n1,2\n3,\n", "no finite number in column income of row 2: fill it in, or leave the row out"),
    "a gap of three letters": ("age,income\n1,2\n3,4\n5,N/A\n", "column income of row 3"),
    "not a number": ("age,income\n1,2\n3,nan\n", "column income of row 2"),
    "infinite": ("1,2\n3,inf\n", "column 2 of row 2"),
    "too large": ("1,2\n3,1e39\n", "column 2 of row 2"),
    "times of a minute": (
        "time,a\n" + "".join(f"{1700000000 + k},{k}\n" for k in range(60)),
        "column time has 1700000000 to 1700000059, in steps of 128 in 32 bits: subtract its smallest number",
    ),
    "large numbers late": (
        "".join(f"{16777216 + (k > 40000)},{k}.5\n" for k in range(40010)),
        "column 1 has 16777216 to 16777217, in steps of 2 in 32 bits",
    ),
    "small numbers": ("".join(f"{k}e-46,{k}\n" for k in range(30)), "column 1 has 0 to 2.9e-45, in steps of 1.4e-45"),
    "decimal commas": ("age;income\n1,5;2,5\n3,5;4,5\n", "needs decimal points, but has 1,5: write 1.5, not 1,5"),
    "another number of columns": ("1,2\n" * 300 + "3\n", "needs 2 columns in each row, but has 1 in row 301"),
    "a header alone": ("age,income\n", "holds no numbers"),
    "nothing": ("", "holds no numbers"),
    "UTF-16": ("1,2\n3,4\n".encode("utf-16"), "needs text in UTF-8 .*: save it as UTF-8"),
    "another code": ("age,größe\n1,2\n".encode("latin-1"), "needs text in UTF-8"),
    "a quote that is never closed": ('1,2\n3,"' + "x" * 200_000, "damaged table"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused(tmp_path, case):
    content, message = BAD[case]
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as caught:
        load(str(path))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_column_that_is_not_there(tmp_path):
    (tmp_path / "a.csv").write_text("age,income\n1,2\n")
    with pytest.raises(ValueError, match="needs one column called sex in its first row, but that is age, income"):
        load(str(tmp_path / "a.csv"), label_column="sex")


def test_pictures_are_recognized_under_the_name_of_a_table(tmp_path):
    (tmp_path / "a.csv").write_text("P2\n8 8\n255\n" + "7 " * 64)
    assert load(str(tmp_path / "a.csv")).is_images


def test_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("gansmith.data.number_tables.LIMIT", 3)
    (tmp_path / "a.csv").write_text("1,2\n")
    with pytest.raises(ValueError, match=r"more than the limit of 3 for tables: save it as \.npy"):
        load(str(tmp_path / "a.csv"))


def test_a_hundred_thousand_columns(tmp_path):
    x = np.random.default_rng(0).normal(size=(3, 100_000)).astype(np.float32)
    np.savetxt(tmp_path / "a.csv", x, delimiter=",")
    data = load(str(tmp_path / "a.csv"))
    assert np.array_equal(data.x.numpy(), x)


def test_a_row_that_is_too_long_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("1,2,3\n" + "4," * 5000 + "6\n")
    monkeypatch.setattr("gansmith.data.tables.LONGEST", 1000)
    with pytest.raises(
        ValueError, match=r"a\.csv needs rows of at most 1,000 characters, but has .*: save it as \.npy"
    ):
        load(str(tmp_path / "a.csv"))


def test_wide_rows_are_not_kept_to_look_at(tmp_path, monkeypatch):
    """Neither to find the separator nor to name columns of words: Python's words take many times their bytes."""
    seen = []
    split = tables._split
    monkeypatch.setattr(tables, "_split", lambda lines, *how: seen.append(lines) or split(lines, *how))
    monkeypatch.setattr(tables, "HEAD_SIZE", 100)
    monkeypatch.setattr(number_tables, "FIRST_CELLS", 100)
    (tmp_path / "a.csv").write_text(("1.5," * 60 + "1\n") * 50)
    assert load(str(tmp_path / "a.csv")).x.shape == (50, 61)
    heads = [lines for lines in seen if isinstance(lines, list)]
    assert [len(head) for head in heads] == [2] * len(tables.SEPARATORS)
    assert len(number_tables._first(iter([["1"] * 61] * 50))) == 2
