"""Teachers: they choose the difficulty of the next episodes, by a plan or by what the agent achieves."""

from curricula.teachers.cosine import CosineCurriculum
from curricula.teachers.cyclic import CyclicCurriculum
from curricula.teachers.fixed import Fixed, NoCurriculum
from curricula.teachers.learning_progress import LearningProgress, LearningProgressCurriculum
from curricula.teachers.level_replay import LevelReplay, LevelReplayCurriculum
from curricula.teachers.linear import LinearCurriculum
from curricula.teachers.paced import Paced
from curricula.teachers.part import TEACHERS, TeacherConfig
from curricula.teachers.per_axis import PerAxis, PerAxisCurriculum
from curricula.teachers.rehearsal import Rehearsal, RehearsalCurriculum
from curricula.teachers.reverse import Reverse, ReverseCurriculum
from curricula.teachers.self_paced import SelfPaced, SelfPacedCurriculum
from curricula.teachers.staircase import StaircaseCurriculum
from curricula.teachers.success_threshold import SuccessThreshold, SuccessThresholdCurriculum
from curricula.teachers.teacher import Episodes, Teacher, frontier
from curricula.teachers.uniform import Uniform, UniformCurriculum
from curricula.teachers.waits import Waits, WaitsCurriculum
from curricula.teachers.wave import WaveCurriculum

__all__ = [
    "KINDS",
    "TEACHERS",
    "Episodes",
    "Fixed",
    "LearningProgress",
    "LevelReplay",
    "NoCurriculum",
    "Paced",
    "PerAxis",
    "Rehearsal",
    "Reverse",
    "SelfPaced",
    "SuccessThreshold",
    "Teacher",
    "TeacherConfig",
    "Uniform",
    "Waits",
    "frontier",
]

KINDS = (
    NoCurriculum,
    UniformCurriculum,
    LinearCurriculum,
    CosineCurriculum,
    StaircaseCurriculum,
    WaveCurriculum,
    CyclicCurriculum,
    SuccessThresholdCurriculum,
    ReverseCurriculum,
    LearningProgressCurriculum,
    LevelReplayCurriculum,
    SelfPacedCurriculum,
    PerAxisCurriculum,
    RehearsalCurriculum,
    WaitsCurriculum,
)
"""What a configuration may name as its curriculum, in the order of messages."""
