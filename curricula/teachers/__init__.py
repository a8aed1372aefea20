"""Teachers: they choose the difficulty of the next episodes, by a plan or by what the agent achieves."""

from curricula.teachers.fixed import Fixed, Uniform
from curricula.teachers.paced import Paced
from curricula.teachers.success_threshold import SuccessThreshold
from curricula.teachers.teacher import Episodes, Teacher

__all__ = ["Episodes", "Fixed", "Paced", "SuccessThreshold", "Teacher", "Uniform"]
