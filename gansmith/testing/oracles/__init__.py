"""The claims, a file for each subject; importing this package makes them all."""

from gansmith.testing.claims import CLAIMS as CLAIMS
from gansmith.testing.oracles import optimum as optimum
