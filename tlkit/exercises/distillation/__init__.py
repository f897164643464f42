"""Exercises of unit 10: can a small model learn what the big one knows? Those after the quiz are optional."""

from tlkit.exercises.distillation.agreement import AGREEMENT
from tlkit.exercises.distillation.attention import ATTENTION
from tlkit.exercises.distillation.cache import CACHE
from tlkit.exercises.distillation.gap import GAP
from tlkit.exercises.distillation.gradient import GRADIENT
from tlkit.exercises.distillation.kd_loss import KD_LOSS
from tlkit.exercises.distillation.quiz import QUIZ
from tlkit.exercises.distillation.soft_targets import SOFT_TARGETS
from tlkit.exercises.distillation.temperature import TEMPERATURE

EXERCISES = (SOFT_TARGETS, KD_LOSS, CACHE, AGREEMENT, TEMPERATURE, GAP, QUIZ, ATTENTION, GRADIENT)
