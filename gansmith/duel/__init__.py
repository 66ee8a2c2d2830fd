"""A duel (critic, real, fake): all that an objective sees, and what objectives and penalties do with it."""

from gansmith.duel.checks import same_shape as same_shape
from gansmith.duel.checks import same_size as same_size
from gansmith.duel.critics import Once as Once
from gansmith.duel.critics import Read as Read
from gansmith.duel.critics import View as View
from gansmith.duel.critics import module_of as module_of
from gansmith.duel.ranks import gather as gather
from gansmith.duel.samples import Critic as Critic
from gansmith.duel.samples import Sample as Sample
from gansmith.duel.samples import alike as alike
from gansmith.duel.samples import parts as parts
from gansmith.duel.samples import size as size
from gansmith.duel.scores import crossing as crossing
from gansmith.duel.scores import features as features
from gansmith.duel.scores import full as full
from gansmith.duel.scores import full_precision as full_precision
from gansmith.duel.scores import places as places
from gansmith.duel.scores import score as score
from gansmith.duel.scores import still as still
from gansmith.duel.slopes import NoWitness as NoWitness
from gansmith.duel.slopes import Witness as Witness
from gansmith.duel.slopes import interpolate as interpolate
from gansmith.duel.slopes import slope as slope
from gansmith.duel.slopes import track as track
