"""Teachers: they choose the difficulty of the next episodes, by a plan or by what the agent achieves."""

from curricula.teachers.cosine import CosineCurriculum
from curricula.teachers.cyclic import CyclicCurriculum
from curricula.teachers.fixed import Fixed, NoCurriculum
from curricula.teachers.linear import LinearCurriculum
from curricula.teachers.paced import Paced
from curricula.teachers.part import TEACHERS, TeacherConfig
from curricula.teachers.per_axis import PerAxis, PerAxisCurriculum
from curricula.teachers.staircase import StaircaseCurriculum
from curricula.teachers.success_threshold import SuccessThreshold, SuccessThresholdCurriculum
from curricula.teachers.teacher import Episodes, Teacher, frontier
from curricula.teachers.uniform import Uniform, UniformCurriculum
from curricula.teachers.wave import WaveCurriculum

__all__ = [
    "TEACHERS",
    "Episodes",
    "Fixed",
    "NoCurriculum",
    "Paced",
    "PerAxis",
    "SuccessThreshold",
    "Teacher",
    "TeacherConfig",
    "Uniform",
    "frontier",
]

TEACHERS.add(
    (
        NoCurriculum,
        UniformCurriculum,
        LinearCurriculum,
        CosineCurriculum,
        StaircaseCurriculum,
        WaveCurriculum,
        CyclicCurriculum,
        SuccessThresholdCurriculum,
        PerAxisCurriculum,
    )
)
