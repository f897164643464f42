"""Exercises of unit 09: how few parameters are enough? Those after the quiz are optional."""

from tlkit.exercises.peft.adapter import ADAPTER
from tlkit.exercises.peft.bitfit import BITFIT
from tlkit.exercises.peft.conv import CONV
from tlkit.exercises.peft.count import COUNT
from tlkit.exercises.peft.keep import KEEP
from tlkit.exercises.peft.lora import LORA
from tlkit.exercises.peft.merge import MERGE
from tlkit.exercises.peft.prefix import PREFIX
from tlkit.exercises.peft.prompts import PROMPTS
from tlkit.exercises.peft.quiz import QUIZ
from tlkit.exercises.peft.restore import RESTORE

EXERCISES = (LORA, COUNT, MERGE, KEEP, RESTORE, BITFIT, ADAPTER, PROMPTS, QUIZ, CONV, PREFIX)
