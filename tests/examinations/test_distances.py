"""The words about distances: how many samples, what the floor is of, and what an interval holds."""

import torch

from gansmith.evaluate.compare import compare
from gansmith.examinations.distances import INTERVALS, sentences, tables


def numbers(**sizes):
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(sizes[name], 5, generator=generator) for name in ("real", "fake"))
    metrics = compare(real, fake, most=sizes.get("most"))
    return {"metrics": metrics, "features": {"name": "five", "why": "a test"}}


def test_each_number_says_of_how_many_it_is():
    found = numbers(real=150, fake=90, most=50)
    (table,) = tables(found)
    assert "90 samples beside 150 real ones" in table.caption
    assert "Numbers that compare all pairs are of 50 samples and 50 real ones." in table.caption
    assert "50 real ones in the place of samples, beside 50 others and 75 real" in table.caption
    assert table.head[3:5] == ("real against real", "samples at the same n")
    assert INTERVALS in sentences(found)


def test_the_corrected_value_stands_below_the_plain_one():
    (table,) = tables(numbers(real=60, fake=60))
    assert [row[0] for row in table.rows[:2]] == ["Frechet distance", "corrected for n"]
    assert table.rows[1][3] == "0" and all(len(row) == len(table.head) for row in table.rows)
    assert any(
        line.startswith("corrected for n, so that n no longer matters:")
        for line in sentences(numbers(real=60, fake=60))
    )


def test_too_few_for_a_corrected_value_are_told():
    found = numbers(real=60, fake=19)
    assert (
        "no Frechet distance corrected for n: it needs 20 samples of each kind for 5 features, but there are 19"
        in sentences(found)
    )
    assert [row[0] for row in tables(found)[0].rows[:2]] == ["Frechet distance", "kernel distance"]
