"""The page in a real browser: Chromium without a window."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pages import HOSTILE, METRICS, Page, record, run_folder
from PIL import Image

from gansmith.report import report_page, write_report
from gansmith.report.pictures import Pictures

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium, and found none on the path")

LOOK = """
<iframe id="page" width="{width}" height="900" srcdoc="{page}"></iframe><pre id="seen"></pre>
<script>
addEventListener("load", () => {{
  const inside = document.getElementById("page").contentWindow, shown = inside.document;
  const frames = [...shown.querySelectorAll("[data-step]")];
  const visible = () => frames.filter((i) => i.offsetWidth).map((i) => i.dataset.step);
  const slider = shown.querySelector("figure.picture input"), said = shown.querySelector("figure.picture output");
  const seen = {{ first: visible(), slider: slider.offsetWidth > 0 }};
  slider.value = 1;
  slider.dispatchEvent(new inside.Event("input"));
  Object.assign(seen, {{
    moved: visible(), said: said.value, spoken: slider.getAttribute("aria-valuetext"),
    wide: shown.documentElement.scrollWidth, inner: inside.innerWidth,
    scrolled: [...shown.querySelectorAll(".scroll, pre")].filter((s) => s.scrollWidth > s.clientWidth).length,
    cells: [...shown.querySelectorAll("td")].filter((c) => c.offsetWidth).map((c) => [
      inside.getComputedStyle(c, "::before").content, Math.round(c.getBoundingClientRect().right)]),
    ground: inside.getComputedStyle(shown.body).backgroundColor,
    broken: [...shown.images].filter((i) => !i.complete || !i.naturalWidth).length,
    drawn: [...shown.querySelectorAll("figure > svg")].filter((s) => s.getBoundingClientRect().height > 50).length,
    frames: shown.querySelectorAll("iframe, object, embed").length,
  }});
  document.getElementById("seen").textContent = JSON.stringify(seen);
}});
</script>
"""


def browse(address: str, folder: Path, *options: str) -> tuple[str, str]:
    """The document after its scripts ran, and what the browser's console said."""
    assert BROWSER is not None
    command = [
        BROWSER,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        *options,
    ]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=4000", "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def looked_at(page: Path, folder: Path, width: int, *options: str) -> dict[str, object]:
    frame = folder / "frame.html"
    text = LOOK.format(width=width, page=html.escape(page.read_text(encoding="utf-8"), quote=True))
    frame.write_text(text, encoding="utf-8")
    document, console = browse(frame.as_uri(), folder, "--window-size=1400,1000", *options)
    assert console == ""
    (seen,) = re.findall(r'<pre id="seen">(.*?)</pre>', document, re.DOTALL)
    found: dict[str, object] = json.loads(html.unescape(seen))
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(run_folder(tmp_path_factory.mktemp("run")))


def test_the_slider_moves_the_picture_and_a_phone_needs_no_scrolling(page: Path, tmp_path: Path) -> None:
    seen = looked_at(page, tmp_path, 360)
    assert (seen["first"], seen["moved"]) == (["20"], ["10"])
    assert (seen["said"], seen["spoken"], seen["slider"]) == ("step 10", "step 10", True)
    assert seen["wide"] == seen["inner"] == 360
    assert (seen["broken"], seen["frames"]) == (0, 0)
    assert isinstance(seen["drawn"], int)
    assert seen["drawn"] >= 6


@pytest.mark.parametrize("width", [360, 390])
def test_on_a_phone_each_row_of_a_table_is_a_list_that_fits(page: Path, tmp_path: Path, width: int) -> None:
    seen = looked_at(page, tmp_path, width)
    assert seen["scrolled"] == 0
    cells = seen["cells"]
    assert isinstance(cells, list) and len(cells) > 20
    assert max(right for _, right in cells) <= width
    titles = {json.loads(title) for title, _ in cells if title != "none"}
    assert {"value", "95 % interval", "real against real", "this run"} <= titles


def test_on_a_desk_a_table_is_a_table(page: Path, tmp_path: Path) -> None:
    cells = looked_at(page, tmp_path, 1100)["cells"]
    assert isinstance(cells, list)
    assert {title for title, _ in cells} == {"none"}


def test_dark_where_dark_is_preferred(page: Path, tmp_path: Path) -> None:
    light = looked_at(page, tmp_path, 1100, "--blink-settings=preferredColorScheme=1")["ground"]
    dark = looked_at(page, tmp_path, 1100, "--blink-settings=preferredColorScheme=0")["ground"]
    assert (light, dark) == ("rgb(246, 246, 243)", "rgb(20, 24, 27)")


def test_an_address_names_a_frame_and_the_console_stays_silent(page: Path, tmp_path: Path) -> None:
    document, console = browse(page.as_uri() + "#frame=1", tmp_path)
    assert console == ""
    frames = [image for image in Page(document).all("img") if "data-step" in image]
    assert [frame["data-step"] for frame in frames if "hidden" not in frame] == ["10"]


def test_each_figure_has_a_slider_and_the_address_moves_the_first_only(tmp_path: Path) -> None:
    images = [(step, Image.new("L", (8, 8))) for step in (0, 10, 20)]
    pictures = Pictures({"samples": images, "classes": images})
    page = tmp_path / "two.html"
    page.write_text(report_page(record(), pictures=pictures), encoding="utf-8")
    document, console = browse(page.as_uri() + "#frame=1", tmp_path)
    assert console == ""
    frames = [image for image in Page(document).all("img") if "data-step" in image]
    assert [(i["alt"], i["data-step"]) for i in frames if "hidden" not in i] == [
        ("samples, step 10", "10"),
        ("classes, a row each, step 20", "20"),
    ]
    assert ["hidden" in division for division in Page(document).all("div") if division.get("class") == "slide"] == [
        False,
        False,
    ]


def test_what_is_hostile_stays_words_on_a_phone(tmp_path: Path) -> None:
    words = " ".join(HOSTILE).replace("\ud800", "") + "W" * 300
    data = {"source": words, "name": words, "n": 3, "shape": [1, 8, 8], "notes": [words]}
    run = run_folder(tmp_path / "run", recipe=words, data=data, status=words)
    classes = METRICS["classes"] | {"names": [words, words]}
    (run / "metrics.json").write_text(json.dumps(METRICS | {"classes": classes, "too_few": words}))
    page = write_report(run)
    seen = looked_at(page, tmp_path, 360)
    assert seen["wide"] == 360
    assert "alert(1)" not in browse(page.as_uri(), tmp_path)[1]


def test_our_policy_blocks_a_script_that_is_not_ours(page: Path, tmp_path: Path) -> None:
    planted = tmp_path / "planted.html"
    text = page.read_text(encoding="utf-8")
    planted.write_text(text.replace("</main>", "<script>document.title = 'taken'</script></main>"), encoding="utf-8")
    document, console = browse(planted.as_uri(), tmp_path)
    assert "<title>taken" not in document
    assert "Content Security Policy" in console
    assert record()["recipe"] in document
