import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from pages import HOSTILE, LOG, METRICS, Page, codes, record, run_folder
from PIL import Image

from gansmith.report import Codes, embedding, report_page, save_png, write_report
from gansmith.report.chart import chart, gather, ticks
from gansmith.report.codes import code_map, project
from gansmith.report.markup import text
from gansmith.report.reading import FRAMES
from gansmith.report.repeating import command


def test_the_page_of_a_whole_run_has_all_its_parts(tmp_path: Path) -> None:
    page = write_report(run_folder(tmp_path), codes=codes()).read_text(encoding="utf-8")
    assert "damaged" not in page
    found = Page(page)
    titles = ["Health", "Samples over time", "Reconstructions", "Interpolations", "Map of codes", "Numbers", "Curves"]
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
        "12 codes of held-out samples, colored by 3 labels",
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
    page = write_report(run_folder(tmp_path), codes=codes()).read_text(encoding="utf-8")
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
        save_png(tmp_path / "samples" / f"{i:06d}.png", noise)
    assert write_report(tmp_path).stat().st_size < 8_000_000


@pytest.mark.parametrize("word", HOSTILE)
def test_words_of_the_run_are_words_on_the_page(word: str) -> None:
    data = {"source": word, "name": word, "n": 3, "shape": [1, 8, 8], "notes": [word]}
    metrics = METRICS | {"against": word, "too_few": word, "features": {"name": word, "size": 1, "why": word}}
    metrics["modes"] = {"captured": word, "of": word, "high_quality": 0.5}
    metrics["reconstruction"] = METRICS["reconstruction"] | {"code": word, "principal_code": word}
    metrics["classes"] = METRICS["classes"] | {"names": [word, word], "shares": {"0": 1.0, "1": 0.0}}
    plain = report_page(record(), log=LOG, metrics=METRICS, codes=codes())
    page = report_page(
        record(recipe=word, data=data, gansmith=word, status=word, arguments={word: word}, started=word),
        log=[line | {f"critic/{word}": 1.0} for line in LOG],
        metrics=metrics,
        codes=codes(names=[word, word, word]),
    )
    assert "damaged" not in page
    page.encode("utf-8")
    tame, found = Page(plain), Page(page)
    kinds = {"script", "style", "img", "b", "iframe", "meta", "link", "input"}
    assert [n for n, _ in tame.elements if n in kinds - {"b"}] == [n for n, _ in found.elements if n in kinds - {"b"}]
    for _, attributes in found.elements:
        assert not any(key.startswith("on") for key in attributes)
    assert "".join(Page(text(word)).words.split()) in "".join(found.words.split())


def test_controls_and_marks_that_turn_lines_around_are_replaced() -> None:
    assert text("a\u202eb\x00\ud800") == "a\ufffdb\ufffd\ufffd"
    assert text("\"'<&>") == "&quot;&#x27;&lt;&amp;&gt;"


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
    assert not shown_real(tmp_path)
    Image.new("L", (7, 9)).save(tmp_path / "real.png")
    assert [(i["width"], i["height"]) for i in shown_real(tmp_path)] == [("7", "9")]
    (tmp_path / "real.png").rename(tmp_path / "secret.png")
    (tmp_path / "real.png").symlink_to(tmp_path / "secret.png")
    assert not shown_real(tmp_path)


def shown_real(run: Path) -> list[dict[str, str | None]]:
    page = Page(write_report(run).read_text(encoding="utf-8"))
    return [i for i in page.all("img") if i["alt"] == "samples of the data"]


@pytest.mark.parametrize("folder", ["samples", "reconstructions", "interpolations"])
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
    assert embedding.tag(image, "", 500).startswith("<img")


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


def test_points_in_the_plane_are_drawn(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(record()))
    real = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    found = Page(write_report(tmp_path, plane=(real, real + 1, None)).read_text(encoding="utf-8"))
    (image,) = found.all("img")
    assert "points in the plane" in str(image["alt"])


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
    first = write_report(tmp_path, codes=codes(60)).read_bytes()
    assert write_report(tmp_path, codes=codes(60)).read_bytes() == first


def test_the_command_repeats_what_was_asked_for() -> None:
    data = {"source": "/my art", "labels": "/l.csv", "limit": 9, "crop": "pad", "flip": True, "shift": 0, "size": None}
    asked = record(data=data, arguments={"steps": 5, "some_flag": False, "latent": None, "rate": 1e-3})
    assert " ".join(command(asked)) == (
        "gansmith train ogan --data '/my art' --labels /l.csv --limit 9 --crop pad --flip --steps 5 --no-some-flag "
        "--rate 0.001 --seed 0 --device cpu --precision float32"
    )
    own = record(recipe="mine", file={"function": "mine", "sha256": ""})
    assert command(own, "runs/a b")[:3] == ["gansmith", "train", "'runs/a b/recipe.py:mine'"]


def test_steps_of_a_second_stage_go_on() -> None:
    lines = [{"stage": k, "step": s, "seconds": 0, "a": s} for k in (0, 1) for s in (10, 20)]
    assert gather(lines)["a"][0] == [10, 20, 30, 40]


@pytest.mark.parametrize(
    "values", [[1.0], [0.0, 0.0], [float("nan")], [1e29, -1e29], [1e-300, 2e-300], [1e17, 1e17 + 16]]
)
def test_curves_of_every_kind_are_drawn(values: list[float]) -> None:
    drawn = chart("<i>", {"a": (list(range(len(values))), values)})
    assert "nan" not in drawn.replace("no finite", "")
    assert "<i>" not in drawn


def test_ticks_are_round_and_inside() -> None:
    assert ticks(-0.3, 1.0, 4) == [0.0, 0.5, 1.0]
    for low, high in ((-1e-7, 3e-7), (5.0, 5.1), (0.0, 123456.0), (-40.0, -3.0)):
        found = ticks(low, high, 4)
        assert 2 <= len(found) <= 6
        assert low <= found[0] < found[-1] <= high


def test_groups_that_are_apart_are_apart_on_the_map() -> None:
    x = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(80) % 2
    for n in (80, 20):
        places, _ = project((x + 20 * labels[:, None])[:n])
        a, b = places[labels[:n] == 0], places[labels[:n] == 1]
        assert float(torch.cdist(a, b).min()) > float(torch.cdist(a, a).median())


def test_a_map_of_more_classes_than_marks_counts_the_others() -> None:
    drawn = code_map(Codes(torch.randn(40, 3), torch.cat([torch.arange(25), torch.full((15,), -1)])))
    assert "5 other classes" in drawn
    assert drawn.count('<circle class="other"') == 20
    assert drawn.count('<circle class="c0 ring"') == 1


def test_codes_that_are_none_are_refused_and_the_page_says_so() -> None:
    with pytest.raises(ValueError, match=r"shape \(n, d\)"):
        code_map(Codes(torch.zeros(4)))
    with pytest.raises(ValueError, match="a label for each of 4 codes"):
        code_map(Codes(torch.zeros(4, 2), torch.zeros(3)))
    with pytest.raises(ValueError, match="at least 3 finite codes"):
        code_map(Codes(torch.full((4, 2), torch.nan)))
    assert "circle" in code_map(Codes(torch.zeros(60, 3)))
    assert "could not be read" in report_page(record(), codes=Codes(torch.zeros(0, 2)))
