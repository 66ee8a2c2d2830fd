"""A state of another experiment is refused by what differs; one of an older version is not."""

from dataclasses import replace

import pytest
from trainings import begin

from gansmith.data import load
from gansmith.recipes import gan, ogan
from gansmith.training.loop import Training


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def ring():
    return load("ring")


def test_a_checkpoint_of_another_experiment_is_refused(digits, ring):
    other = begin(ogan, ring)
    with pytest.raises(ValueError, match="does not fit"):
        other.load_state_dict(begin(ogan, digits).state_dict())


def test_a_state_of_another_seed_is_refused(ring):
    state = Training(gan(ring, steps=3), seed=0, device="cpu").state_dict()
    with pytest.raises(ValueError, match=r"it was trained with seed 0, and not 5"):
        Training(gan(ring, steps=3), seed=5, device="cpu").load_state_dict(state)


def test_batches_of_another_size_are_refused_and_an_older_state_is_not(ring):
    state = begin(gan, ring).state_dict()
    other = Training(gan(ring, steps=6, batch=16, width=16), device="cpu")
    with pytest.raises(ValueError, match=r"it was trained in batches of \[8\], and not \[16\]"):
        other.load_state_dict(state)
    del state["batch"]
    other.load_state_dict(state)


def test_a_state_of_other_data_is_refused(ring):
    state = begin(gan, ring).state_dict()
    other = begin(gan, replace(ring, fingerprint="another"))
    with pytest.raises(ValueError, match="it was trained on other data: give the same"):
        other.load_state_dict(state)
    del state["data"]
    other.load_state_dict(state)


@pytest.mark.parametrize("part", ["x", "train", "held_out"])
def test_a_state_of_other_rows_of_one_source_is_refused(part, ring):
    state = begin(gan, ring).state_dict()
    other = begin(gan, replace(ring, **{part: getattr(ring, part).flip(0)}))
    with pytest.raises(ValueError, match="other rows, labels or another split of these data"):
        other.load_state_dict(state)
    del state["rows"]  # as an older version left it
    other.load_state_dict(state)


def test_a_state_of_another_average_is_refused(ring):
    state = begin(gan, ring).state_dict()
    with pytest.raises(ValueError, match=r"a decay of 0\.999, and not 0\.5"):
        Training(begin(gan, ring).experiment, device="cpu", decay=0.5).load_state_dict(state)
