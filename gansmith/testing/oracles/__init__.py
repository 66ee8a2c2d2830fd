"""The claims, a file for each subject; importing this package makes them all."""

from gansmith.testing.claims import CLAIMS as CLAIMS
from gansmith.testing.oracles import codes as codes
from gansmith.testing.oracles import dirac as dirac
from gansmith.testing.oracles import distances as distances
from gansmith.testing.oracles import divergences as divergences
from gansmith.testing.oracles import dynamics as dynamics
from gansmith.testing.oracles import geometric as geometric
from gansmith.testing.oracles import intervals as intervals
from gansmith.testing.oracles import kernels as kernels
from gansmith.testing.oracles import leakage as leakage
from gansmith.testing.oracles import lines as lines
from gansmith.testing.oracles import maps as maps
from gansmith.testing.oracles import matching as matching
from gansmith.testing.oracles import ogan as ogan
from gansmith.testing.oracles import optimum as optimum
from gansmith.testing.oracles import pairs as pairs
from gansmith.testing.oracles import penalties as penalties
from gansmith.testing.oracles import pictures as pictures
from gansmith.testing.oracles import points as points
from gansmith.testing.oracles import quadratic as quadratic
from gansmith.testing.oracles import relativistic as relativistic
from gansmith.testing.oracles import saturation as saturation
from gansmith.testing.oracles import spectral as spectral
from gansmith.testing.oracles import terms as terms
from gansmith.testing.oracles import training as training
from gansmith.testing.oracles import transport as transport
