"""Games: who plays, and how a batch becomes a duel."""

from gansmith.games.base import Game as Game
from gansmith.games.base import Player as Player
from gansmith.games.gan import GAN as GAN
from gansmith.games.heads import Mean as Mean
from gansmith.games.heads import Radius as Radius
from gansmith.games.ogan import OGAN as OGAN
