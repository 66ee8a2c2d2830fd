"""The laws, for anyone's own class: each ``check_...`` raises AssertionError where one fails."""

from gansmith.testing.dynamics import check_dynamics as check_dynamics
from gansmith.testing.games import check_game as check_game
from gansmith.testing.objectives import check_objective as check_objective
from gansmith.testing.regularizers import check_regularizer as check_regularizer
