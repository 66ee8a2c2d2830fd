"""What is added to an objective: soft penalties, and hard constraints on weights."""

from gansmith.regularizers.base import Regularizer as Regularizer
from gansmith.regularizers.bottleneck import Bottleneck as Bottleneck
from gansmith.regularizers.clip_weights import ClipWeights as ClipWeights
from gansmith.regularizers.consistency import Consistency as Consistency
from gansmith.regularizers.dragan import DRAGAN as DRAGAN
from gansmith.regularizers.feature_matching import FeatureMatching as FeatureMatching
from gansmith.regularizers.gradient_penalty import GradientPenalty as GradientPenalty
from gansmith.regularizers.gradient_power import GradientPower as GradientPower
from gansmith.regularizers.lazy import Lazy as Lazy
from gansmith.regularizers.lecam import LeCam as LeCam
from gansmith.regularizers.orthogonal_weights import OrthogonalWeights as OrthogonalWeights
from gansmith.regularizers.zero_centered import R1 as R1
from gansmith.regularizers.zero_centered import R2 as R2
