"""What is added to an objective: soft penalties, and hard constraints on weights."""

from gansmith.regularizers.base import Regularizer as Regularizer
from gansmith.regularizers.clip_weights import ClipWeights as ClipWeights
from gansmith.regularizers.gradient_penalty import GradientPenalty as GradientPenalty
from gansmith.regularizers.zero_centered import R1 as R1
from gansmith.regularizers.zero_centered import R2 as R2
