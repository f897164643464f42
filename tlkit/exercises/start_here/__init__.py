"""Exercises of unit 00: how the course works."""

from tlkit.exercises.start_here.quiz import QUIZ
from tlkit.exercises.start_here.warm_up import WARM_UP

EXERCISES = (WARM_UP, QUIZ)
