"""Keyed draws: ranks and micro-batches take rows of one global draw, and nothing outside is disturbed."""

import pytest
import torch

from gansmith import chance
from gansmith.chance import Part, keyed
from gansmith.games.latents import Normal, Sphere, Uniform
from gansmith.notes import scope


def test_parts_are_rows_of_the_whole():
    with keyed(Part((3, 1), 0, 8, 8)):
        whole, twice = chance.normal("z", 8, 5), chance.uniform("t", 16, 2)
    for offset, size in ((0, 3), (3, 5)):
        with keyed(Part((3, 1), offset, size, 8)):
            assert torch.equal(chance.normal("z", size, 5), whole[offset : offset + size])
            assert torch.equal(chance.uniform("t", 2 * size, 2), twice[2 * offset : 2 * (offset + size)])


def test_names_scopes_and_keys_tell_draws_apart():
    seen = []
    for key in ((0, 0), (0, 1)):
        with keyed(Part(key)):
            seen.append(chance.normal("a", 4))
            seen.append(chance.normal("b", 4))
            with scope("term"):
                seen.append(chance.normal("a", 4))
    assert len({tuple(t.tolist()) for t in seen}) == 6


def test_torchs_generator_is_forked():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with keyed(Part((1,))):
        inside = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with keyed(Part((1,))):
        assert torch.equal(torch.rand(3), inside)


def test_the_fork_is_put_back_after_an_error():
    before = torch.default_generator.get_state()
    with pytest.raises(RuntimeError), keyed(Part((1,))):
        torch.rand(1)
        raise RuntimeError
    assert torch.equal(before, torch.default_generator.get_state()) and chance.current() is None


def test_half_a_sample_is_refused():
    with keyed(Part((1,), 0, 4, 8)), pytest.raises(ValueError, match="a multiple of 4 rows"):
        chance.normal("z", 6)


def test_shared_is_the_same_for_every_part():
    with keyed(Part((1,), 0, 4, 8)):
        a = chance.shared("w", 3)
    with keyed(Part((1,), 4, 4, 8)):
        assert torch.equal(a, chance.shared("w", 3))


def test_without_a_key_torchs_generator_is_used():
    torch.manual_seed(2)
    z = chance.normal("z", 3, 2)
    torch.manual_seed(2)
    assert torch.equal(z, torch.randn(3, 2))
    assert chance.integers(4, "c", 100).max() == 3


def test_the_draws_are_the_same_everywhere():
    """A fixed value: seeds must not depend on the process (hash() would) or on the machine."""
    with keyed(Part((0, 0))):
        assert chance.integers(1000, "n", 3).tolist() == FIXED


FIXED = [443, 675, 506]


def test_all_bits_of_a_runs_seed_count_though_torch_reads_the_low_32_only():
    drawn = [torch.rand(4, generator=torch.Generator().manual_seed(seed)) for seed in (7, 7 + 2**32, 8)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    draws = []
    for seed in (7, 7 + 2**32):
        with keyed(Part((seed, 0))):
            draws.append(chance.normal("z", 4))
    assert not torch.equal(*draws)


@pytest.mark.parametrize("latent", [Normal(64), Uniform(64), Sphere(64)])
def test_latents_have_the_deviation_that_they_say(latent):
    with keyed(Part((0,))):
        z = latent(2000, torch.zeros(1, dtype=torch.float64))
    assert z.dtype == torch.float64 and z.shape == (2000, 64)
    torch.testing.assert_close(z.std(), torch.tensor(latent.std, dtype=z.dtype), rtol=0.01, atol=0)
    assert abs(z.mean()) < 0.01
