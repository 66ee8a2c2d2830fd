"""What a sum of an objective and its terms refuses."""

import pytest
import torch
from toys import Coded, Counted, D, data

from gansmith.notes import notes
from gansmith.objectives import Hinge
from gansmith.regularizers import R1, R2, Bottleneck, Lazy, LeCam, Regularizer


@pytest.mark.parametrize("share", [lambda t: t, lambda t: Lazy(t, 2)])
def test_one_term_twice_is_refused(share):
    for term in (Lazy(R1(), 2), LeCam()):
        with pytest.raises(ValueError, match=rf"the same {type(term).__name__} is there twice: make two"):
            Hinge() + term + R2() + share(term)
    Hinge() + LeCam() + Lazy(LeCam(), 2)


def test_a_side_that_no_loss_has_is_refused():
    term = R1()
    term.side = "discriminator"
    with pytest.raises(ValueError, match="R1's is 'discriminator'"):
        Hinge() + term


@pytest.mark.parametrize(
    ("value", "said"), [(torch.zeros(8), r"\(8,\)"), (torch.zeros(1), r"\(1,\)"), (0.5, "float"), ([], "list")]
)
def test_a_term_that_returns_no_scalar_is_refused(value, said):
    class Own(Regularizer):
        def forward(self, critic, real, fake, witness=None):
            return value

    with pytest.raises(ValueError, match=f"a term returns a scalar or None, but Own returned {said}"):
        (Hinge() + Own()).critic_loss(Counted().double(), data(0).x, data(1).x)


def test_what_is_no_regularizer_is_refused():
    with pytest.raises(ValueError, match="needs a regularizer, but got Hinge"):
        Lazy(Hinge(), 2)


def test_two_bottlenecks_limit_the_rate_of_one_code():
    torch.manual_seed(0)
    critic, terms = Coded(), [Bottleneck(0.1, 1.0), Bottleneck(0.5, 1.0)]
    objective = Hinge() + terms[0] + Lazy(terms[1], 1)
    with notes() as seen:
        objective.critic_loss(critic, torch.ones(4, D), torch.zeros(4, D))
    rates = [seen["Bottleneck.rate"], seen["Lazy.rate"]]
    torch.testing.assert_close(rates[0], rates[1], rtol=0, atol=0)
    objective.advance_(seen)
    expected = [(rates[0] - limit).clamp(min=0) for limit in (0.1, 0.5)]
    torch.testing.assert_close([t.multiplier for t in terms], expected)


@pytest.mark.parametrize("other", [Hinge(), R1(), 1.0])
def test_a_term_comes_second(other):
    with pytest.raises(ValueError, match="comes first"):
        R1() + other


def test_a_function_is_no_term():
    with pytest.raises(ValueError, match="derives from Regularizer"):
        Hinge() + (lambda critic, real, fake: 0.0)
