"""Teachers: they choose the difficulty of the next episodes, by a plan or by what the agent achieves."""

from curricula.teachers.cosine import CosineCurriculum
from curricula.teachers.fixed import Fixed, NoCurriculum
from curricula.teachers.linear import LinearCurriculum
from curricula.teachers.paced import Paced
from curricula.teachers.part import TeacherConfig
from curricula.teachers.staircase import StaircaseCurriculum
from curricula.teachers.success_threshold import SuccessThreshold, SuccessThresholdCurriculum
from curricula.teachers.teacher import Episodes, Teacher
from curricula.teachers.uniform import Uniform, UniformCurriculum
from curricula.teachers.wave import WaveCurriculum
from lab.training.parts import Parts

__all__ = [
    "TEACHERS",
    "Episodes",
    "Fixed",
    "NoCurriculum",
    "Paced",
    "SuccessThreshold",
    "Teacher",
    "TeacherConfig",
    "Uniform",
]

TEACHERS = Parts(
    "curriculum",
    "kind",
    TeacherConfig,
    (
        NoCurriculum,
        UniformCurriculum,
        LinearCurriculum,
        CosineCurriculum,
        StaircaseCurriculum,
        WaveCurriculum,
        SuccessThresholdCurriculum,
    ),
)
"""Every kind of curriculum by its word in a configuration."""
