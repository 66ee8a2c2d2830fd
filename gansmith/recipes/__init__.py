"""One function per experiment. Its arguments are its flags on the command line, its docstring is its help."""

from gansmith.recipes.gan import gan as gan
from gansmith.recipes.gan_qp import gan_qp as gan_qp
from gansmith.recipes.ogan import ogan as ogan
from gansmith.recipes.r3 import r3 as r3
from gansmith.recipes.wgan_gp import wgan_gp as wgan_gp
