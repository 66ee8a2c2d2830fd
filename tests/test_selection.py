"""Which data a run took, and that its record finds them again."""

import json
import zipfile

import pytest
from PIL import Image

from gansmith.data import load
from gansmith.data.augment import Augment
from gansmith.data.selection import Selection
from gansmith.data.sources import is_named
from gansmith.report.repeating import command
from gansmith.runs.record import misfit


@pytest.fixture
def folder(tmp_path):
    digits = load("digits")
    for i in range(30):
        Image.fromarray(digits.x[i, 0].numpy()).resize((12, 9)).save(tmp_path / f"{i:02d}.png")
    (tmp_path / "labels.csv").write_text("".join(f"{i:02d}.png,{i % 3}\n" for i in range(30)))
    return tmp_path


@pytest.mark.parametrize(
    "more",
    [{}, {"size": 16}, {"limit": 20}, {"crop": "pad"}, {"crop": "stretch"}, {"flip": True, "shift": 2}],
    ids=str,
)
def test_the_record_of_a_selection_loads_the_same_data(folder, more, monkeypatch):
    monkeypatch.chdir(folder.parent)
    first = Selection(folder.name, labels=f"{folder.name}/labels.csv", **more)
    data = first.load()
    record = json.loads(json.dumps(first.record(data)))
    monkeypatch.chdir("/")  # paths in a record hold from everywhere
    again = Selection.of(record).load()
    assert again.fingerprint == data.fingerprint == record["fingerprint"]
    assert again.augment == data.augment == (Augment(True, 2) if "flip" in more else None)
    assert data.classes == 3 and record["n"] == len(data) == more.get("limit", 30)


def test_every_part_of_a_selection_makes_a_difference(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("labels") / "other.csv"
    other.write_text("file,label,sex\n" + "".join(f"{i:02d}.png,{i % 2},{i % 5}\n" for i in range(30)))
    plain = Selection(str(folder)).load().fingerprint
    others = [{"size": 8}, {"limit": 20}, {"crop": "pad"}, {"crop": "stretch"}, {"labels": str(other)}]
    others += [{"labels": str(other), "label_column": "sex"}]
    prints = [Selection(str(folder), **more).load().fingerprint for more in others]
    assert len({plain, *prints}) == 7


def test_a_record_of_an_older_version_has_defaults():
    assert Selection.of({"source": "digits", "size": None, "name": "digits"}) == Selection("digits")


def test_points_are_not_mirrored():
    with pytest.raises(ValueError, match="images"):
        Selection("ring", flip=True).load()


@pytest.mark.parametrize(
    ("source", "named"), [("mnist", True), ("hf:a/b@c", True), ("./mnist", False), ("a.zip", False)]
)
def test_what_cannot_be_moved(source, named):
    assert is_named(source) is named


def test_a_column_of_labels_is_part_of_the_record(folder):
    (folder / "labels.csv").unlink()
    with zipfile.ZipFile(folder / "labels.zip", "w") as archive:
        rows = "".join(f"{i:02d}.png,{i % 2},{i % 5}\n" for i in range(30))
        archive.writestr("table.csv", "file,breed,sex\n" + rows)
    first = Selection(str(folder), labels=str(folder / "labels.zip" / "table.csv"), label_column="sex")
    data = first.load()
    record = json.loads(json.dumps(first.record(data)))
    again = Selection.of(record).load()
    assert data.classes == 5 and again.fingerprint == data.fingerprint
    words = command({"recipe": "gan", "arguments": {}, "seed": 0, "data": record})
    assert "--label-column sex" in words and f"--labels {folder}/labels.zip/table.csv" in words
    assert misfit_of_data(record | {"label_column": 3}) == "label_column" and misfit_of_data(record) is None


def misfit_of_data(data):
    record = {"format": 1, "recipe": "gan", "arguments": {}, "seed": 0, "data": data, "device": "cpu"}
    return misfit(record | {"precision": "float32", "machine": {}, "status": "finished"})


def test_labels_move_with_the_data_they_lie_among(folder, tmp_path_factory):
    where = Selection(str(folder), labels=str(folder / "labels.csv"))
    moved = tmp_path_factory.mktemp("elsewhere") / "art"
    folder.rename(moved)
    again = where.moved(str(moved))
    assert again.labels == str(moved / "labels.csv") and again.load().classes == 3
    apart = Selection("photos", labels="/other/labels.csv").moved(str(moved))
    assert apart.labels == "/other/labels.csv"
