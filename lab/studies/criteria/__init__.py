"""What an arm is judged by over its seeds: the mean score, a quantile, or the share of seeds that reach a mark."""

from lab.studies.criteria.mean import MeanScore
from lab.studies.criteria.part import Criterion, Direction
from lab.studies.criteria.quantile import QuantileScore
from lab.studies.criteria.success import SuccessRate
from lab.training.parts import Parts

__all__ = ["CRITERIA", "Criterion", "Direction", "MeanScore", "QuantileScore", "SuccessRate"]

CRITERIA = Parts("criterion", "name", Criterion, (MeanScore, QuantileScore, SuccessRate))
"""Every criterion by its word in a study file."""
