"""Networks: pairs that fit each other, without normalization in the critic; layers and constraints for one's own."""

from gansmith.networks.dcgan import DCGANCritic as DCGANCritic
from gansmith.networks.dcgan import DCGANGenerator as DCGANGenerator
from gansmith.networks.feature_critic import FeatureCritic as FeatureCritic
from gansmith.networks.mlp import MLP as MLP
from gansmith.networks.spectral import fold as fold
from gansmith.networks.spectral import spectral_norm as spectral_norm
from gansmith.networks.stochastic import StochasticCode as StochasticCode
from gansmith.networks.tutorial import TutorialCritic as TutorialCritic
from gansmith.networks.tutorial import TutorialGenerator as TutorialGenerator
from gansmith.networks.upsampling import UpsamplingGenerator as UpsamplingGenerator
