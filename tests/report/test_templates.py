import pytest
from pages import HOSTILE, LOG, Page, record

from gansmith.examinations import Table
from gansmith.report import page, report_page
from gansmith.report.cleaning import clean
from gansmith.report.templates import part


def test_letters_that_nobody_can_see_are_replaced() -> None:
    assert clean("a\u202eb\x00\ud800") == "a\ufffdb\ufffd\ufffd"
    assert clean("\n\t漢\u200d") == "\n\t漢\u200d"
    assert part("absent", "a\u202eb\x00\ud800") == '<p class="absent">a\ufffdb\ufffd\ufffd</p>'


def test_what_is_given_to_a_template_is_text_by_default() -> None:
    assert part("absent", "\"'<&>") == '<p class="absent">&#34;&#39;&lt;&amp;&gt;</p>'
    assert part("absent", part("absent", "<&amp;>")).count("&amp;amp;") == 1  # not twice


@pytest.mark.parametrize("word", HOSTILE)
def test_a_word_in_an_attribute_stays_in_it(word: str) -> None:
    class Words:
        def __getattr__(self, name: str) -> str:
            return word

    figure = (Words(), [Words(), Words()])
    figures = Page(part("pictures", [figure, figure]))
    assert {name for name, _ in figures.elements} == {
        *("div", "figure", "h3", "label", "input", "output", "img", "figcaption", "p")
    }
    known = {"class", "hidden", "for", "id", "type", "min", "max", "value", "step"}
    known |= {"src", "width", "height", "alt", "data-step"}
    assert {key for _, attributes in figures.elements for key in attributes} == known
    assert {image["alt"] for image in figures.all("img")} == {f"{clean(word)}, step {clean(word)}"}
    assert {slider["id"] for slider in figures.all("input")} == {f"step-of-{clean(word)}"}


def test_what_a_value_has_not_is_an_error_that_spoils_its_part_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError, match="one_table"):
        part("one_table", object())
    monkeypatch.setattr(page, "tables", lambda numbers: [Table("caption", ("a", "b"), [("a", None)])])  # type: ignore[list-item]
    words = Page(report_page(record(), log=LOG, metrics={"n": 1})).words
    assert words.count("could not be read: its files are damaged") == 1
    assert "What ran, and how to repeat it" in words and "losses" in words
