"""Dynamics: how the players move."""

from gansmith.dynamics.alternating import Alternating as Alternating
from gansmith.dynamics.base import Dynamics as Dynamics
from gansmith.dynamics.pull import Diverged as Diverged
from gansmith.dynamics.pull import Pull as Pull
from gansmith.dynamics.schedules import Decay as Decay
from gansmith.dynamics.simultaneous import Simultaneous as Simultaneous
