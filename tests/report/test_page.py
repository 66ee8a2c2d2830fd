import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages import HOSTILE, LOG, METRICS, Page, record, run_folder
from PIL import Image

from gansmith.exhibits import EXHIBITS
from gansmith.report import embedding, pictures, report_page, save_png, write_report
from gansmith.report.pictures import FRAMES, Pictures
from gansmith.report.repeating import command
from gansmith.report.templates import part


def test_the_page_of_a_whole_run_has_all_its_parts(tmp_path: Path) -> None:
    page = write_report(run_folder(tmp_path)).read_text(encoding="utf-8")
    assert "damaged" not in page
    found = Page(page)
    titles = ["Health", "Samples", "Reconstructions", "Interpolations", "Map of codes", "Numbers", "Curves"]
    places = [found.words.index(title, found.words.index("Health")) for title in titles]
    assert places == sorted(places)
    for said in (
        "ogan on digits",
        "No fault was found",
        "gansmith train ogan --data digits --steps 400 --seed 0 --device cpu --precision float32",
        "1,797 samples of 1x8x8 (1,617 to train on, 180 held out)",
        "Frechet distance1.251 to 1.50.5lower",
        "coverage0.820.8 to 0.840.97higher",
        "squared error0.040.01lower",
        "zero40.0%50.0%",
        "critic 1",
        "held out 0.9",
        "slope of the critic",
        "images per second",
        "Held-out samples in the plane: near each other where their codes are",
        "all 2 classes appear, the rarest 40.0%",
    ):
        assert said in found.words, said
    assert all(image["alt"] for image in found.all("img"))
    assert all(drawing.get("aria-label") or drawing.get("aria-hidden") for drawing in found.all("svg"))
    assert [name for name, _ in found.elements if name in ("h1", "main", "header", "footer")] == [
        "header",
        "h1",
        "main",
        "footer",
    ]
    assert sorted(p.name for p in tmp_path.glob("*report*")) == ["report.html"]


def test_nothing_outside_is_asked_for_and_only_our_script_may_run(tmp_path: Path) -> None:
    page = write_report(run_folder(tmp_path)).read_text(encoding="utf-8")
    found = Page(page)
    for _, attributes in found.elements:
        for key in ("src", "href", "action", "data", "poster", "srcset"):
            assert (attributes.get(key) or "#").startswith(("data:", "#"))
        assert not any(key.startswith("on") or key == "style" for key in attributes)
    assert not re.search(r"url\(|@import|https?:", page)
    (policy,) = [m["content"] for m in found.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert len(found.all("script")) == 1


def test_of_the_frames_the_last_shows_and_at_most_24_are_kept(tmp_path: Path) -> None:
    page = Page(write_report(run_folder(tmp_path, frames=60)).read_text(encoding="utf-8"))
    frames = [image for image in page.all("img") if "data-step" in image]
    assert len(frames) == FRAMES
    assert [frames[0]["data-step"], frames[-1]["data-step"]] == ["0", "590"]
    assert ["hidden" in frame for frame in frames] == [True] * (FRAMES - 1) + [False]
    (slider,) = page.all("input")
    assert slider["max"] == str(FRAMES - 1)
    assert {"for": slider["id"]} in page.all("label")


def test_large_color_grids_are_compressed(tmp_path: Path) -> None:
    run_folder(tmp_path, frames=0)
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    for i in range(30):
        for exhibit in EXHIBITS:
            save_png(tmp_path / exhibit.name / f"{i:06d}.png", noise)
    assert write_report(tmp_path).stat().st_size < 12_000_000  # of all exhibits together


@pytest.mark.parametrize("word", HOSTILE)
def test_words_of_the_run_are_words_on_the_page(word: str) -> None:
    data = {"source": word, "name": word, "n": 3, "shape": [1, 8, 8], "notes": [word]}
    metrics = METRICS | {"against": word, "too_few": word, "features": {"name": word, "size": 1, "why": word}}
    metrics["modes"] = {"captured": word, "of": word, "high_quality": 0.5}
    metrics["reconstruction"] = METRICS["reconstruction"] | {"code": word, "principal_code": word}
    metrics["classes"] = METRICS["classes"] | {"names": [word, word], "shares": {"0": 1.0, "1": 0.0}}
    plain = report_page(record(), log=LOG, metrics=METRICS)
    page = report_page(
        record(recipe=word, data=data, gansmith=word, status=word, arguments={word: word}, started=word),
        log=[line | {f"critic/{word}": 1.0} for line in LOG],
        metrics=metrics,
    )
    assert "damaged" not in page
    page.encode("utf-8")
    tame, found = Page(plain), Page(page)
    kinds = {"script", "style", "img", "b", "iframe", "meta", "link", "input"}
    assert [n for n, _ in tame.elements if n in kinds - {"b"}] == [n for n, _ in found.elements if n in kinds - {"b"}]
    for _, attributes in found.elements:
        assert not any(key.startswith("on") for key in attributes)
    assert "".join(Page(part("absent", word)).words.split()) in "".join(found.words.split())


@pytest.mark.parametrize(
    "lost", ["run.json", "metrics.json", "log.jsonl", "monitor.jsonl", "samples", "reconstructions"]
)
def test_what_is_missing_is_said_and_the_rest_stays(lost: str, tmp_path: Path) -> None:
    run_folder(tmp_path)
    (tmp_path / lost).rename(tmp_path / "away")
    found = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    said = {
        "run.json": "its run.json could not be read",
        "metrics.json": "Nothing was measured",
        "log.jsonl": "slope of the critic",
        "monitor.jsonl": "Nothing is known of how the critic judges",
        "samples": "There are no pictures of samples",
        "reconstructions": "Interpolations",
    }
    assert said[lost] in found.words
    assert "What ran, and how to repeat it" in found.words


def test_a_run_that_diverged_at_its_first_step(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(record(status="diverged", step=0)))
    found = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "Diverged: a loss or a gradient became infinite" in found.words
    assert "What helps: Take a learning rate ten times smaller" in found.words
    assert "Nothing was logged" in found.words


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "3", '{"metrics": 3, "classes": [], "split": "x"}', '{"step": []}', "[" * 100_000, "\x00"],
)
@pytest.mark.parametrize("file", ["run.json", "metrics.json", "log.jsonl", "monitor.jsonl"])
def test_a_damaged_file_spoils_its_own_part_only(file: str, content: str, tmp_path: Path) -> None:
    run_folder(tmp_path)
    (tmp_path / file).write_text(content)
    found = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "Reconstructions" in found.words
    assert len([image for image in found.all("img") if "data-step" in image]) == 3


def test_lines_of_a_log_that_hold_anything(tmp_path: Path) -> None:
    run_folder(tmp_path)
    (tmp_path / "monitor.jsonl").write_text('{"stage": [], "step": {}, "seconds": "x", "doubt": "<b>"}\n')
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<b>&" not in page
    assert "Numbers" in Page(page).words


def test_pictures_that_are_none_are_left_out(tmp_path: Path) -> None:
    run_folder(tmp_path)
    secret = tmp_path / "secret.png"
    Image.new("L", (7, 7)).save(secret)
    samples = tmp_path / "samples"
    (samples / "000030.png").write_bytes(b"no picture")
    (samples / "000040.png").write_bytes((samples / "000000.png").read_bytes()[:60])
    (samples / "000050.png").symlink_to(secret)
    (samples / "000060.png").mkdir()
    Image.new("1", (6_000, 6_000)).save(samples / "000070.png")
    Image.new("L", (7, 7)).save(samples / "notes.png")
    frames = [i for i in Page(write_report(tmp_path).read_text(encoding="utf-8")).all("img") if "data-step" in i]
    assert [frame["data-step"] for frame in frames] == ["0", "10", "20"]
    assert "hidden" not in frames[-1]


def test_real_pictures_stand_beside_the_frames(tmp_path: Path) -> None:
    run_folder(tmp_path)
    assert not real_pictures(tmp_path)
    real = tmp_path / "real" / "000000.png"
    real.parent.mkdir()
    Image.new("L", (7, 9)).save(real)
    assert real_pictures(tmp_path) == [("7", "9")]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    beside = text[text.index('<div class="beside">') : text.index("</section>", text.index('<div class="beside">'))]
    assert [image["alt"] for image in Page(beside).all("img")][-2:] == [
        "samples, step 20",
        "real, from the data, step 0",
    ]
    assert Page(text).words.count("Each place in the grid") == 1
    assert [name for name, _ in Page(beside).elements if name in ("figure", "h3", "input")] == [
        *("figure", "h3", "input"),
        *("figure", "h3"),
    ]
    real.rename(tmp_path / "secret.png")
    real.symlink_to(tmp_path / "secret.png")
    assert not real_pictures(tmp_path)


def real_pictures(run: Path) -> list[tuple[str | None, str | None]]:
    page = Page(write_report(run).read_text(encoding="utf-8"))
    return [(i["width"], i["height"]) for i in page.all("img") if str(i["alt"]).startswith("real, from the data")]


@pytest.mark.parametrize("folder", ["samples", "reconstructions", "interpolations", "codes"])
def test_a_folder_that_leads_elsewhere_is_not_looked_into(folder: str, tmp_path: Path) -> None:
    run, mine = run_folder(tmp_path / "run"), tmp_path / "mine"
    before = len(Page(write_report(run).read_text(encoding="utf-8")).all("img"))
    frames = 3 if folder == "samples" else 1
    (run / folder).rename(mine)
    (run / folder).symlink_to(mine)
    assert len(Page(write_report(run).read_text(encoding="utf-8")).all("img")) == before - frames


@pytest.mark.parametrize("file", ["run.json", "metrics.json", "log.jsonl", "monitor.jsonl"])
@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
def test_what_is_no_file_is_missing(kind: str, file: str, tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    mine = (run / file).rename(tmp_path / "mine")
    with_it = run / file
    if kind == "pipe":
        os.mkfifo(with_it)
    else:
        with_it.symlink_to(mine if kind == "link" else "/dev/zero")
    linked = write_report(run).read_text(encoding="utf-8")
    with_it.unlink()
    assert linked == write_report(run).read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [(3000, 4000), (20_000, 10), (10, 20_000)])
def test_large_pictures_are_made_smaller(size: tuple[int, int], tmp_path: Path) -> None:
    Image.new("L", size, 128).save(tmp_path / "a.png")
    image = embedding.read(tmp_path / "a.png")
    assert image.width * image.height <= 4_000_000 and max(image.size) <= 16_383
    assert embedding.address(image, 500).startswith("data:image/")


def test_numbers_of_an_earlier_step_say_so() -> None:
    said = "Measured at step 300, but the run is at step 400"
    for step, there in ((300, True), (400, False)):
        words = Page(report_page(record(), log=LOG, metrics=METRICS | {"step": step})).words
        assert (said in words) == there
        assert "coverage0.82" in words


def test_the_record_of_a_killed_run_is_older_than_its_log() -> None:
    log = [*LOG, LOG[-1] | {"step": 700, "seconds": 90.0}]
    page = Page(report_page(record(status="running"), log=log, metrics=METRICS | {"step": 400})).words
    assert "700 steps in 90 s" in page and "Measured at step 400, but the run is at step 700" in page
    assert "400 steps in 40 s" in Page(report_page(record(seconds=3), log=LOG)).words
    assert "500 steps in 50 s" in Page(report_page(record(step=500, seconds=50), log=LOG)).words


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_report(run_folder(tmp_path))
    old = path.read_bytes()

    def fail(self: Path, target: Path) -> None:
        raise OSError("full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="full"):
        write_report(tmp_path)
    assert path.read_bytes() == old
    assert not list(tmp_path.glob(".*"))


def test_twice_the_same_page(tmp_path: Path) -> None:
    run_folder(tmp_path)
    first = write_report(tmp_path).read_bytes()
    assert write_report(tmp_path).read_bytes() == first


def test_the_command_repeats_what_was_asked_for() -> None:
    data = {"source": "/my art", "labels": "/l.csv", "limit": 9, "crop": "pad", "flip": True, "shift": 0, "size": None}
    asked = record(data=data, arguments={"steps": 5, "some_flag": False, "latent": None, "rate": 1e-3})
    assert " ".join(command(asked)) == (
        "gansmith train ogan --data '/my art' --labels /l.csv --limit 9 --crop pad --flip --steps 5 --no-some-flag "
        "--rate 0.001 --seed 0 --device cpu --precision float32"
    )
    ranged = record(data=data | {"value_range": [-1.0, 1.0], "first_page": True, "flip": False})
    assert "--range=-1.0,1.0" in command(ranged) and "--first-page" in command(ranged)
    own = record(recipe="mine", file={"function": "mine", "sha256": ""})
    assert command(own, "runs/a b")[:3] == ["gansmith", "train", "'runs/a b/recipe.py:mine'"]


def test_a_new_exhibit_is_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    word = "<script>alert(1)</script>"
    base = EXHIBITS[0]
    mine = replace(base, name="portraits", part="Portraits", title=f"title {word}", caption=f"caption {word}")
    named = replace(mine, name='"><script>', part=word, during=False)
    tame = len(Page(write_report(run_folder(tmp_path)).read_text(encoding="utf-8")).all("script"))
    monkeypatch.setattr(pictures, "EXHIBITS", (*EXHIBITS, mine, named))
    for exhibit in (mine, named):
        for step in (0, 10):
            save_png(tmp_path / exhibit.name / f"{step:06d}.png", np.zeros((20, 30), np.uint8))
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert {"href": "#pictures-5"} in page.all("a")
    assert page.words.count("Portraits") == 2
    assert page.words.count(f"caption {word}") == 2
    assert [i["data-step"] for i in page.all("img") if "data-step" in i] == ["0", "10", "20"]  # one film only
    assert [i["alt"] for i in page.all("img")][-2:] == [f"title {word}, step 10"] * 2
    assert len(page.all("script")) == tame == 1


def test_every_figure_with_several_frames_has_a_slider_of_its_own() -> None:
    images = [(step, Image.new("L", (8, 8))) for step in (0, 10)]
    page = Page(report_page(record(), pictures=Pictures({"samples": images, "classes": images, "real": images[:1]})))
    sliders = [slider["id"] for slider in page.all("input")]
    assert len(sliders) == len(set(sliders)) == 2
    assert [label["for"] for label in page.all("label")] == sliders
    assert [output["for"] for output in page.all("output")] == sliders
    assert ["hidden" in i for i in page.all("img")] == [True, False, False, True, False]


def test_a_run_of_an_older_version_and_one_without_pictures_have_a_page(tmp_path: Path) -> None:
    run = run_folder(tmp_path)
    for folder in ("samples", "reconstructions", "interpolations", "codes"):
        shutil.rmtree(run / folder)
    Image.new("L", (7, 9)).save(run / "real.png")
    assert "There are no pictures of samples in this run" in Page(write_report(run).read_text(encoding="utf-8")).words
    Image.new("RGB", (160, 90)).save(run / "overview.png")
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert [(i["alt"], i["width"]) for i in page.all("img")] == [("the run at a glance", "160")]
    assert "damaged" not in page.words


def test_points_in_the_plane_over_time(tmp_path: Path) -> None:
    run = run_folder(tmp_path, frames=0)
    for step in (0, 10):
        save_png(run / "points" / f"{step:06d}.png", np.zeros((20, 30, 3), np.uint8))
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert [i["alt"] for i in page.all("img")][:2] == [
        f"real and fake points, over the critic's score, step {step}" for step in (0, 10)
    ]
    assert page.all("input")[0]["id"] == "step-of-points"


def test_what_is_said_in_words_only_and_what_is_too_few_is_said_once() -> None:
    metrics = METRICS | {"too_few": "12 are too few", "modes": {"captured": 7, "of": 8, "high_quality": 0.5}}
    page = report_page(record(), log=LOG, metrics=metrics)
    words = Page(page[page.index('<section id="numbers"') :]).words
    assert words.count("12 are too few") == 1
    assert "7 of 8 modes, 50.0% of samples close to one" in words


@pytest.mark.parametrize("broken", [1 / 3, "x", None, [], float("nan")])
def test_numbers_that_are_none_spoil_their_part_at_most(broken: object) -> None:
    classes = METRICS["classes"] | {"shares": {"0": broken, "1": broken}}
    page = Page(report_page(record(), log=LOG, metrics=METRICS | {"classes": classes, "step": broken})).words
    assert "What ran, and how to repeat it" in page and "losses" in page
