"""The claims, a file for each subject; importing this package makes them all."""

from gansmith.testing.claims import CLAIMS as CLAIMS
from gansmith.testing.oracles import divergences as divergences
from gansmith.testing.oracles import kernels as kernels
from gansmith.testing.oracles import matching as matching
from gansmith.testing.oracles import optimum as optimum
from gansmith.testing.oracles import pairs as pairs
