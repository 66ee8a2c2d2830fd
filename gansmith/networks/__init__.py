"""Networks: pairs that fit each other, without normalization in the critic."""

from gansmith.networks.dcgan import DCGANCritic as DCGANCritic
from gansmith.networks.dcgan import DCGANGenerator as DCGANGenerator
from gansmith.networks.mlp import MLP as MLP
