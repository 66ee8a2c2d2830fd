"""Games: who plays, and how a batch becomes a duel."""

from gansmith.games.adaptive_augmentation import AdaptiveAugmentation as AdaptiveAugmentation
from gansmith.games.augmentation import DifferentiableAugmentation as DifferentiableAugmentation
from gansmith.games.average import Average as Average
from gansmith.games.base import Duels as Duels
from gansmith.games.base import Encodes as Encodes
from gansmith.games.base import Game as Game
from gansmith.games.base import Inputs as Inputs
from gansmith.games.base import Player as Player
from gansmith.games.base import Samples as Samples
from gansmith.games.base import Scores as Scores
from gansmith.games.gan import GAN as GAN
from gansmith.games.heads import Mean as Mean
from gansmith.games.heads import Radius as Radius
from gansmith.games.latents import Latent as Latent
from gansmith.games.latents import Normal as Normal
from gansmith.games.latents import Sphere as Sphere
from gansmith.games.latents import Uniform as Uniform
from gansmith.games.ogan import OGAN as OGAN
from gansmith.games.several_critics import Beside as Beside
from gansmith.games.several_critics import SeveralCritics as SeveralCritics
