"""Exercises of unit 08: what does 97.3 % mean? Those after the quiz are optional."""

from tlkit.exercises.ner.align import ALIGN
from tlkit.exercises.ner.became import BECAME
from tlkit.exercises.ner.bio2 import BIO2
from tlkit.exercises.ner.bounds import BOUNDS
from tlkit.exercises.ner.cut_off import CUT_OFF
from tlkit.exercises.ner.quiz import QUIZ
from tlkit.exercises.ner.scores import SCORES
from tlkit.exercises.ner.spans import SPANS
from tlkit.exercises.ner.token_accuracy import TOKEN_ACCURACY

EXERCISES = (ALIGN, SPANS, SCORES, TOKEN_ACCURACY, BOUNDS, QUIZ, BIO2, BECAME, CUT_OFF)
