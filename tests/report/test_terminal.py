import pytest
from pages import HOSTILE, METRICS, Page, record

from gansmith.examinations import EXAMINATIONS, Bar, Table
from gansmith.report import page, report_page, terminal
from gansmith.report.cleaning import clean
from gansmith.report.terminal import print_table

TABLES = [table for examination in EXAMINATIONS for table in examination.tables(METRICS)]


@pytest.mark.parametrize("table", TABLES, ids=[table.head[0] for table in TABLES])
def test_the_tables_of_each_examination_are_shown(
    table: Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    words = Page(report_page(record(), metrics=METRICS))
    print_table(METRICS)
    printed = capsys.readouterr().out
    assert table.caption in words.words
    assert table.caption in printed
    for row in [table.head, *table.rows]:
        assert "".join(cell for cell in row if isinstance(cell, str)) in words.words
        for i, cell in enumerate(row):
            assert not isinstance(cell, str) or (cell in printed) or i in table.wide
    kinds = [("words" if i in table.words else "number") for i in range(len(table.head))]
    assert kinds in [kinds_of_heads(words)[i : i + len(kinds)] for i in range(len(kinds_of_heads(words)))]


def kinds_of_heads(page: Page) -> list[str | None]:
    return [title["class"] for title in page.all("th") if title["scope"] == "col"]


def test_there_are_tables_of_distances_copies_classes_and_codes() -> None:
    assert [table.head[0] for table in TABLES] == ["number", "copies and repetitions", "class", "number"]
    bars = [cell for row in TABLES[2].rows for cell in row if isinstance(cell, Bar)]
    drawings = [d for d in Page(report_page(record(), metrics=METRICS)).all("rect") if d["class"] == "share"]
    assert [d["width"] for d in drawings] == [f"{150 * bar.share:.1f}" for bar in bars] == ["100.0", "150.0"]


def test_columns_for_a_page_only_are_left_out_and_the_features_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    print_table(METRICS)
    printed = capsys.readouterr().out
    assert "in plain words" not in printed and "side by side" not in printed
    assert "coverage" in printed and "0.8 to 0.84" in printed
    assert printed.startswith("Frechet distance to 180 real samples")
    assert printed.splitlines()[-1] == "features: a classifier"


def test_nothing_measured_prints_the_reason_only(capsys: pytest.CaptureFixture[str]) -> None:
    print_table({"n": 0, "too_few": "fewer than two samples"})
    assert capsys.readouterr().out == "fewer than two samples\n"


@pytest.mark.parametrize("word", [*HOSTILE, "[bold]x[/bold]", "[/]"])
def test_words_stay_words(word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(f"caption {word}", (word, "value"), [(word, word)])
    monkeypatch.setenv("COLUMNS", "300")
    for place in (terminal, page):
        monkeypatch.setattr(place, "tables", lambda numbers: [table])
    print_table({"metrics": {}, "features": {"why": word}})
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\u202e" not in printed
    assert "".join(clean(word).split()) in "".join(printed.split())
    shown = Page(report_page(record(), metrics={"n": 1}))
    assert len(shown.all("script")) == 1 and not shown.all("img") and not shown.all("b")
    assert "".join(f"caption {clean(word)}".split()) in "".join(shown.words.split())
