"""Exercises of unit 04: what does one epoch do? First those of its first notebook, then those of its second; the last of each is optional."""

from tlkit.exercises.fine_tuning_loop.accumulation import ACCUMULATION
from tlkit.exercises.fine_tuning_loop.adamw import ADAMW
from tlkit.exercises.fine_tuning_loop.epoch import EPOCH
from tlkit.exercises.fine_tuning_loop.evaluate import EVALUATE
from tlkit.exercises.fine_tuning_loop.fit import FIT
from tlkit.exercises.fine_tuning_loop.paced import PACED
from tlkit.exercises.fine_tuning_loop.quiz_epoch import QUIZ_EPOCH
from tlkit.exercises.fine_tuning_loop.quiz_run import QUIZ_RUN
from tlkit.exercises.fine_tuning_loop.scaled import SCALED
from tlkit.exercises.fine_tuning_loop.schedule import SCHEDULE

EXERCISES = (EPOCH, EVALUATE, ADAMW, QUIZ_EPOCH, ACCUMULATION, SCHEDULE, PACED, FIT, QUIZ_RUN, SCALED)
