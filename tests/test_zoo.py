"""Every public class is held to the laws, and stands in the zoo; what is said of `gansmith verify` is so."""

import re
from pathlib import Path

import pytest
from every_objective import EVERY
from kinds import KINDS
from test_laws import REGULARIZERS, WITH_CRITICS
from toys import GAMES, WHOLE_BATCH, adams, make, sgds

from gansmith import dynamics, games, objectives, regularizers
from gansmith.dynamics import Dynamics
from gansmith.games import Game
from gansmith.objectives import Objective
from gansmith.regularizers import Regularizer
from gansmith.runs.lookup import described
from gansmith.testing.oracles import CLAIMS

ROOT = Path(__file__).parent.parent
ZOO = (ROOT / "docs/zoo.md").read_text()


def public(package, base):
    return {o for o in vars(package).values() if isinstance(o, type) and issubclass(o, base)} - {base}


def test_every_objective_is_held_to_the_laws():
    assert public(objectives, Objective) <= {type(make()) for make in EVERY.values()}


def test_every_objective_is_played():
    """By the games that resume, micro-batches and dynamics are tested on; those that are no mean also on two ranks."""
    playing = [make(name) for name in [*GAMES, *WHOLE_BATCH]]
    assert public(objectives, Objective) <= {type(m) for game in playing for m in game.modules()}


def test_every_regularizer_is_held_to_the_laws():
    made = [make() for make in REGULARIZERS.values()] + [make() for make, _ in WITH_CRITICS.values()]
    assert public(regularizers, Regularizer) <= {type(term) for term in made}


def test_every_game_and_every_dynamics_is_held_to_the_laws():
    played = {kind for kind in public(games, Game) if kind.__module__ != Game.__module__}  # there are the interfaces
    assert played <= {type(make(name)) for name in [*GAMES, *WHOLE_BATCH]}
    game = make("GAN hinge")
    plain = {"Euler", "midpoint", "Heun", "RK4", "ODE-GAN", "adaptive"}
    made = {type(kind((sgds if name in plain else adams)(game))) for name, kind in KINDS.items()}
    assert public(dynamics, Dynamics) <= made


@pytest.mark.parametrize(
    "name",
    sorted(
        c.__name__
        for package, base in ((objectives, Objective), (regularizers, Regularizer), (dynamics, Dynamics))
        for c in public(package, base)
    ),
)
def test_every_class_stands_in_the_zoo(name):
    if hasattr(objectives, name) and f"`{name}" not in ZOO:
        pytest.skip("an objective's row in docs/zoo.md is optional")
    assert re.search(rf"`{name}\b", ZOO)


@pytest.mark.parametrize("name", described())
def test_every_recipe_has_its_number_and_its_strip(name):
    [row, *_] = re.findall(rf"^\| `{name}` \|.*$", ZOO, re.MULTILINE)
    picture = re.search(r"\((pictures/[\w-]+\.png)\)", row)
    assert picture and (ROOT / "docs" / picture[1]).is_file()
    assert f"`{name}`" in (ROOT / "README.md").read_text()


def test_the_readme_counts_the_claims():
    said = re.search(r"measures ([\d,]+) claims", (ROOT / "README.md").read_text())
    assert said and int(said[1].replace(",", "")) == len(CLAIMS)
