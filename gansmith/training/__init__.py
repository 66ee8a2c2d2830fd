"""Training: an experiment, the only loop, and what looks on."""

from gansmith.training.experiment import Experiment as Experiment
from gansmith.training.experiment import Stage as Stage
from gansmith.training.loop import Hook as Hook
from gansmith.training.loop import Training as Training
from gansmith.training.loop import train as train
from gansmith.training.planning import steps_within as steps_within
