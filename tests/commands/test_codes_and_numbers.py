"""Codes, ways between images, numbers and the page: what comes out, and what is refused."""

import json
import os
import shutil
from contextlib import nullcontext
from importlib import import_module

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith.commands.cli import main
from gansmith.data import load
from gansmith.disk.log import read_log
from gansmith.recipes import gan
from gansmith.report.verdict import judged
from gansmith.runs.folder import RunFolder
from gansmith.runs.run import load_run
from gansmith.training.hooks import Log
from gansmith.training.loop import Training

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def pictures(tmp_path):
    """Eight gray digits of two classes in sub-folders, and one file that is no picture."""
    digits = load("digits")
    for i in range(8):
        folder = tmp_path / "pictures" / ("low" if i < 4 else "high")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits.x[i, 0].numpy()).save(folder / f"{i}.png")
    (tmp_path / "pictures" / "low" / "notes.png").write_text("no picture")
    return tmp_path / "pictures"


def test_codes_are_those_of_the_game(ogan, pictures, capsys):
    assert main(["encode", str(ogan), str(pictures), "-o", "codes"]) == 0
    assert "8 codes of 32 numbers in codes" in capsys.readouterr().out
    with np.load("codes", allow_pickle=False) as found:
        assert sorted(found.files) == ["codes", "labels", "names"]
        names, codes, labels = (found[name] for name in ("names", "codes", "labels"))
    assert names.tolist() == [f"high/{i}.png" for i in range(4, 8)] + [f"low/{i}.png" for i in range(4)]
    assert labels.tolist() == [0] * 4 + [1] * 4
    run = load_run(ogan, device="cpu")
    x = load("digits").values(torch.tensor([4, 5, 6, 7, 0, 1, 2, 3]))
    torch.testing.assert_close(torch.from_numpy(codes), run.game.encode(x))


def test_codes_go_into_the_run_by_default_and_never_over_a_file(ogan, pictures, refused):
    for number in (1, 2):
        assert main(["encode", str(ogan), str(pictures)]) == 0
        assert (ogan / f"encoded-{number}" / "codes.npz").exists()
    (ogan.parent / "mine.npz").write_text("mine")
    assert "mine.npz exists" in refused("encode", ogan, pictures, "-o", ogan.parent / "mine.npz")
    assert (ogan.parent / "mine.npz").read_text() == "mine"


def test_a_way_between_two_images(ogan, pictures, capsys):
    a, b = pictures / "low" / "0.png", pictures / "high" / "4.png"
    assert main(["interpolate", str(ogan), str(a), str(b), "--steps", "3", "-o", "between"]) == 0
    assert "between/grid.png: first and last the images" in capsys.readouterr().out
    with Image.open("between/000000.png") as row, Image.open(a) as first:
        tile = (row.width - 2) // 5 - 2
        assert tile == 48 and row.height == 52
        shown = np.asarray(row)[2:50, 2:50][3::6, 3::6]
        np.testing.assert_array_equal(shown, np.asarray(first))


def test_a_row_for_each_pair(ogan, pictures):
    assert main(["interpolate", str(ogan), str(pictures / "low"), str(pictures / "high"), "-n", "3", "-o", "b"]) == 0
    assert sorted(f.name for f in (ogan.parent / "b").iterdir()) == [*(f"00000{i}.png" for i in range(3)), "grid.png"]


@pytest.mark.parametrize("command", [["encode", "RUN", "IMAGES"], ["interpolate", "RUN", "IMAGES", "IMAGES"]])
def test_what_only_generates_is_refused(command, ring, pictures, refused):
    words = [{"RUN": ring, "IMAGES": pictures}.get(word, word) for word in command]
    assert "needs a game that encodes, but gan only generates" in refused(*words)


def test_a_run_is_measured(ogan, capsys):
    assert main(["evaluate", str(ogan), "-n", "150", "--features", "pixels"]) == 0
    said = capsys.readouterr().out
    found = json.loads((ogan / "evaluated-1" / "metrics.json").read_text())
    assert found["features"]["name"] == "pixels" and found["n"] == 150 and found["step"] == 2
    for name, metric in found["metrics"].items():
        low, high = metric["interval"]
        assert low <= metric["value"] <= high and metric["floor"] is not None, name
    assert found["metrics"]["frechet_distance"]["value"] > 3 * found["metrics"]["frechet_distance"]["floor"]
    assert "coverage" in said and "real against real" in said


def test_the_verdict_is_that_of_the_page_in_any_features(ogan, capsys, monkeypatch):
    """Pixels would say that samples are far, and this is no matter of the run."""
    file = ogan / "metrics.json"
    numbers = json.loads(file.read_text())
    numbers["duplicates"] = {"share": 0.9, "floor": 0.0}
    file.write_text(json.dumps(numbers))
    for least in ("LEAST", "SEEN"):
        monkeypatch.setattr(import_module("gansmith.report.health"), least, 0)  # it has seen enough
    record = RunFolder.open(ogan).record
    page = judged(ogan, record, numbers).lines()
    assert main(["evaluate", str(ogan), "-n", "150", "--features", "pixels"]) == 0
    said = capsys.readouterr().out
    assert all(line in said for line in page) and any("90% of the samples are near duplicates" in line for line in page)


def test_json_stands_alone(ogan, capsys):
    assert main(["evaluate", str(ogan), "-n", "120", "--features", "pixels", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 0


def test_the_same_seed_gives_the_same_numbers(ogan, capsys):
    both = []
    for _ in range(2):
        assert main(["evaluate", str(ogan), "-n", "120", "--features", "random", "--json"]) == 0
        both.append(capsys.readouterr().out)
    assert both[0] == both[1]


def test_pictures_against_pictures(tmp_path, capsys):
    digits = load("digits")
    for name, places in (("fake", range(100)), ("real", range(100, 400))):
        (tmp_path / name).mkdir()
        for i in places:
            Image.fromarray(digits.x[i, 0].numpy()).save(tmp_path / name / f"{i}.png")
    words = ["evaluate", "fake", "--against", "real", "--features", "pixels", "--json", "-o", "numbers.json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "numbers.json").read_text())
    assert found["there_are"] == {"fake": 100, "real": 300} and found["content"] == [1, 8, 8]
    frechet = found["metrics"]["frechet_distance"]
    assert frechet["n"] == {"fake": 100, "real": 300} and frechet["floor_n"] == {"fake": 100, "real": 200}
    assert frechet["value_at_floor_n"] < 2 * frechet["floor"]
    assert main([word for word in words if word not in ("--json", "-o", "numbers.json")]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "100 samples beside 300 real ones" in printed and "at 100 against 200: " in printed
    assert "a smaller n: 100 real ones in the place of samples, beside 200 others" in printed
    assert "An interval is about the mean of a number at this n" in printed
    assert "no Frechet distance corrected for n: it needs 256 samples of each kind for 64 features" in printed
    shutil.rmtree(tmp_path / "fake")


def test_pictures_need_others_to_be_measured_by(pictures, refused):
    assert "name the real ones by --against" in refused("evaluate", pictures)


def test_a_page_can_be_written_anew(ogan, capsys):
    (ogan / "report.html").unlink()
    assert main(["report", str(ogan)]) == 0
    assert "<html" in (ogan / "report.html").read_text(encoding="utf-8")


def test_the_grid_of_samples_is_no_sample(ogan, tmp_path, capsys):
    assert main(["sample", str(ogan), "-n", "40", "-o", "drawn"]) == 0
    assert main(["evaluate", "drawn", "--against", "digits", "--features", "pixels", "--json"]) == 0
    said = capsys.readouterr()
    assert "grid.png is left out" in said.err
    assert json.loads(said.out[said.out.index("{\n") :])["there_are"]["fake"] == 40


def test_what_evaluate_refuses(ogan, pictures, refused, tmp_path):
    assert "make it first" in refused("evaluate", ogan, "-o", tmp_path / "no" / "numbers.json")
    assert "is a run: measure it without --against" in refused("evaluate", ogan, "--against", pictures)
    assert "images and vectors" in refused("evaluate", "digits", "--against", "ring")
    assert "ring holds vectors" in refused("evaluate", "ring", "--against", "digits")
    assert "go with --against" in refused("evaluate", ogan, "--size", "16")
    assert "no features 'pixel': did you mean pixels?" in refused("evaluate", ogan, "--features", "pixel")
    assert "--trust" in refused("evaluate", ogan, "--features", "json:dumps")
    assert "dinov2-small.safetensors" in refused("evaluate", "digits", "--against", "digits", "--features", "dinov2")


def test_more_than_there_are(ogan, capsys):
    assert main(["evaluate", str(ogan), "-n", "5000", "--features", "pixels"]) == 0
    assert "n is 180: that is as many as are held out, or as there are to train on" in capsys.readouterr().out


def test_a_page_measures_anew_what_trained_on(ogan):
    assert main(["resume", str(ogan), "--steps", "3"]) == 0
    numbers = json.loads((ogan / "metrics.json").read_text())
    (ogan / "metrics.json").write_text(json.dumps(numbers | {"step": 2}))
    assert main(["report", str(ogan)]) == 0
    assert json.loads((ogan / "metrics.json").read_text())["step"] == 3


def test_strict_holds_for_images_too(ogan, pictures, refused):
    for command in (
        ["encode", ogan, pictures],
        ["reconstruct", ogan, pictures],
        ["interpolate", ogan, pictures, pictures],
    ):
        assert "notes.png" in refused(*command, "--strict")


def test_a_stop_while_summing_up_is_recorded(ogan, monkeypatch):
    from gansmith.runs import summary

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(summary, "summarize", stop)
    assert main(["resume", str(ogan), "--steps", "3"]) == 130
    assert json.loads((ogan / "run.json").read_text())["status"] == "stopped"


def test_data_in_the_place_of_a_recipe(pictures, refused):
    assert f"gansmith train --data {pictures}" in refused("train", pictures)


@pytest.mark.parametrize(("steps", "right"), [("1,500", True), ("1,5", False), ("15,00", False), ("1_0", False)])
def test_numbers_as_people_write_them(steps, right):
    from gansmith.runs import flags

    if right:
        assert flags.count(steps) == 1500
    else:
        with pytest.raises(Exception, match="whole number"):
            flags.count(steps)


def test_a_recipe_of_a_run_is_no_pipe(trained, refused, tmp_path):
    run = shutil.copytree(trained / "own", tmp_path / "own")
    (run / "recipe.py").unlink()
    os.mkfifo(run / "recipe.py")  # whoever opens it for reading waits for ever
    assert "recipe.py" in refused("sample", run, "--trust")


def test_a_number_that_is_not_finite_does_not_cut_the_log(tmp_path):
    training = Training(gan(load("ring"), steps=3, batch=8, width=16), device="cpu")
    log = Log(tmp_path / "log.jsonl", every=1)
    log.start(training)
    for training.step, value in ((1, 0.5), (2, float("nan")), (3, 0.25)):
        training.notes = {"critic/ratio": torch.tensor(value)}
        log.step(training)
    log.end(training, None)
    assert [line["critic/ratio"] for line in read_log(log.path)] == [0.5, None, 0.25]


def test_the_grid_of_gray_samples_is_none_beside_pictures_in_color(ogan, tmp_path, capsys):
    assert main(["sample", str(ogan), "-n", "40", "-o", "drawn"]) == 0
    for i in range(40):
        color = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
        (tmp_path / "colors").mkdir(exist_ok=True)
        Image.fromarray(color).save(tmp_path / "colors" / f"{i}.png")
    capsys.readouterr()
    assert main(["evaluate", "drawn", "--against", "colors", "--features", "pixels", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["there_are"]["fake"] == 40


def test_a_long_name_makes_no_others_long(ogan, tmp_path):
    from zipfile import ZipFile

    digit = (tmp_path / "digit.png", tmp_path / "pictures.zip")
    Image.fromarray(load("digits").x[0, 0].numpy()).save(digit[0])
    with ZipFile(digit[1], "w") as archive:
        for name in ("a.png", f"{'b' * 60_000}.png"):
            archive.write(digit[0], name)
    assert main(["encode", str(ogan), str(digit[1]), "-o", "codes.npz"]) == 0
    names = np.load("codes.npz")["names"]
    assert sorted(map(len, names)) == [5, 1000] and names.dtype == "<U1000"


@pytest.mark.parametrize("busy", [False, True])
def test_a_page_of_a_run_that_is_trained_leaves_its_record_alone(busy, ogan):
    """An old record over a new one lost how far the run was."""
    file = ogan / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text())))  # on one line, as we do not write it
    before = file.read_text()
    with RunFolder.open(ogan).held() if busy else nullcontext():
        assert main(["report", str(ogan)]) == 0
    assert (file.read_text() == before) == busy
