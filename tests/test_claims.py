"""What a claim depends on: it runs this library, and it turns red where losses or terms have another size or sign."""

import sys
from pathlib import Path

import pytest

import gansmith
from gansmith.objectives.base import Objective, Sum
from gansmith.regularizers.base import Regularizer
from gansmith.testing.oracles import CLAIMS

HOME = Path(gansmith.__file__).parent
PLUMBING = (HOME / "testing", HOME / "chance.py", HOME / "batch.py", HOME / "notes.py")
LOSSES = ("critic_loss", "generator_loss", "joint_loss")
FACTORS = (0, -1, 7)

HOLD = {
    "the average": FACTORS,  # of whatever the players did
    "resume": FACTORS,  # the same bits, whatever was lost
    "extragradient under Adam": (7,),  # Adam's steps do not depend on the size of a gradient
}
"""How a statement begins that holds whatever the losses' factor is."""
HOLD_UNDER_TERMS = {"the average": FACTORS, "resume": FACTORS}


def kinds(of):
    return [kind for each in of.__subclasses__() for kind in (each, *kinds(each))]


def scale(patch, classes, names, factor):
    """Multiplies what methods return, once where one calls another; the list that comes back notes each call."""
    calls, depth = [], [0]

    def times(method):
        def scaled(self, *arguments):
            depth[0] += 1
            try:
                value = method(self, *arguments)
            finally:
                depth[0] -= 1
            calls.append(method)
            return value if depth[0] or value is None or factor == 1 else factor * value

        return scaled

    for kind in classes:
        for name in names:
            if name in vars(kind):
                patch.setattr(kind, name, times(vars(kind)[name]))
    return calls


def scale_losses(patch, factor):
    return scale(patch, [kind for kind in kinds(Objective) if not issubclass(kind, Sum)], LOSSES, factor)


def scale_terms(patch, factor):
    return scale(patch, kinds(Regularizer), ["forward"], factor)


def allowed(claim, exceptions):
    return next((factors for begin, factors in exceptions.items() if claim.claim.startswith(begin)), ())


@pytest.mark.filterwarnings("ignore")  # what is wrong may warn
@pytest.mark.parametrize("each", CLAIMS, ids=lambda each: each.claim)
def test_a_claim_depends_on_the_library(each):
    """It runs it; if it reads losses or terms, a factor turns it red."""
    called = set()
    with pytest.MonkeyPatch.context() as patch:
        losses, terms = scale_losses(patch, 1), scale_terms(patch, 1)
        sys.setprofile(lambda frame, event, _: called.add(frame.f_code.co_filename) if event == "call" else None)
        try:
            each.measure()
        finally:
            sys.setprofile(None)
    own = {Path(file) for file in called if file.startswith(str(HOME))}
    assert [file for file in own if not any(file.is_relative_to(part) for part in PLUMBING)]
    for calls, scaled, exceptions in ((losses, scale_losses, HOLD), (terms, scale_terms, HOLD_UNDER_TERMS)):
        green = [factor for factor in FACTORS if calls and holds_under(scaled, factor, each)]
        assert tuple(green) == (allowed(each, exceptions) if calls else ())


def holds_under(scaled, factor, claim):
    with pytest.MonkeyPatch.context() as patch:
        scaled(patch, factor)
        return claim.measure().holds


def test_errors_of_the_benchmark_can_be_planted(monkeypatch):
    """Each text that it changes stands once in its file."""
    monkeypatch.syspath_prepend(HOME.parent / "benchmarks")
    from planted_errors import ERRORS

    assert len({error.words for error in ERRORS}) == len(ERRORS) == 30
    for error in ERRORS:
        assert (HOME / error.file).read_text(encoding="utf-8").count(error.right) == 1, error.file
