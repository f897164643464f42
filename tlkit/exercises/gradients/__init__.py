"""Exercises of unit 03: where does the gradient come from? The first five are the core, those after the quiz are optional."""

from tlkit.exercises.gradients.attention import ATTENTION
from tlkit.exercises.gradients.bce_code import BCE_CODE
from tlkit.exercises.gradients.bce_steps import BCE_STEPS
from tlkit.exercises.gradients.frozen import FROZEN
from tlkit.exercises.gradients.layernorm import LAYERNORM
from tlkit.exercises.gradients.linear import LINEAR
from tlkit.exercises.gradients.mend import MEND
from tlkit.exercises.gradients.numerical import NUMERICAL
from tlkit.exercises.gradients.quiz import QUIZ
from tlkit.exercises.gradients.softmax import SOFTMAX

EXERCISES = (BCE_STEPS, MEND, SOFTMAX, NUMERICAL, FROZEN, QUIZ, BCE_CODE, LINEAR, LAYERNORM, ATTENTION)
