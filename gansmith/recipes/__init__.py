"""One function per experiment. Its arguments are its flags on the command line, its docstring is its help."""

from gansmith.recipes.dcgan import dcgan as dcgan
from gansmith.recipes.fgan import fgan as fgan
from gansmith.recipes.fisher import fisher as fisher
from gansmith.recipes.gan import gan as gan
from gansmith.recipes.gan_qp import gan_qp as gan_qp
from gansmith.recipes.hinge import hinge as hinge
from gansmith.recipes.lsgan import lsgan as lsgan
from gansmith.recipes.mcgan import mcgan as mcgan
from gansmith.recipes.mcgan_cov import mcgan_cov as mcgan_cov
from gansmith.recipes.mcgan_mean import mcgan_mean as mcgan_mean
from gansmith.recipes.mmd import mmd as mmd
from gansmith.recipes.ogan import ogan as ogan
from gansmith.recipes.photos import photos as photos
from gansmith.recipes.r3 import r3 as r3
from gansmith.recipes.sngan import sngan as sngan
from gansmith.recipes.wgan import wgan as wgan
from gansmith.recipes.wgan_div import wgan_div as wgan_div
from gansmith.recipes.wgan_gp import wgan_gp as wgan_gp
