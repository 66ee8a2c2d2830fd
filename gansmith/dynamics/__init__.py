"""Dynamics: how the players move."""

from gansmith.dynamics.alternating import Alternating as Alternating
from gansmith.dynamics.base import Dynamics as Dynamics
from gansmith.dynamics.consensus import Consensus as Consensus
from gansmith.dynamics.extragradient import Extragradient as Extragradient
from gansmith.dynamics.gradients import Diverged as Diverged
from gansmith.dynamics.optimistic import Optimistic as Optimistic
from gansmith.dynamics.pull import Pull as Pull
from gansmith.dynamics.rates import rate_groups as rate_groups
from gansmith.dynamics.rates import scale_rate as scale_rate
from gansmith.dynamics.rungekutta import RungeKutta as RungeKutta
from gansmith.dynamics.schedules import Decay as Decay
from gansmith.dynamics.schedules import bursts as bursts
from gansmith.dynamics.simultaneous import Simultaneous as Simultaneous
from gansmith.dynamics.tableaus import EULER as EULER
from gansmith.dynamics.tableaus import HEUN as HEUN
from gansmith.dynamics.tableaus import MIDPOINT as MIDPOINT
from gansmith.dynamics.tableaus import RK4 as RK4
from gansmith.dynamics.tableaus import Tableau as Tableau
from gansmith.dynamics.transforms import ClipLayerNorm as ClipLayerNorm
from gansmith.dynamics.transforms import ClipNorm as ClipNorm
from gansmith.dynamics.transforms import ClipValue as ClipValue
from gansmith.dynamics.transforms import Noise as Noise
from gansmith.dynamics.transforms import Project as Project
from gansmith.dynamics.transforms import Sign as Sign
