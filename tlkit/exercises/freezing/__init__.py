"""Exercises of unit 05: what should move, and how fast? The first five are the core, those after the quiz are optional."""

from tlkit.exercises.freezing.batchnorm import BATCHNORM
from tlkit.exercises.freezing.cache import CACHE
from tlkit.exercises.freezing.epoch import EPOCH
from tlkit.exercises.freezing.lp_ft import LP_FT
from tlkit.exercises.freezing.pull import PULL
from tlkit.exercises.freezing.quiz import QUIZ
from tlkit.exercises.freezing.rates import RATES
from tlkit.exercises.freezing.unfreezing import UNFREEZING

EXERCISES = (EPOCH, BATCHNORM, RATES, PULL, CACHE, QUIZ, UNFREEZING, LP_FT)
