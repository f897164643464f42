"""Exercises of unit 02: what must change at the end of the network? The first seven are the core, those after the quiz are optional."""

from tlkit.exercises.heads_and_losses.balanced import BALANCED
from tlkit.exercises.heads_and_losses.choose import CHOOSE
from tlkit.exercises.heads_and_losses.cross_entropy import CROSS_ENTROPY
from tlkit.exercises.heads_and_losses.huber import HUBER
from tlkit.exercises.heads_and_losses.multi_label import MULTI_LABEL
from tlkit.exercises.heads_and_losses.next_token import NEXT_TOKEN
from tlkit.exercises.heads_and_losses.number_head import NUMBER_HEAD
from tlkit.exercises.heads_and_losses.quiz import QUIZ
from tlkit.exercises.heads_and_losses.smoothing import SMOOTHING
from tlkit.exercises.heads_and_losses.token_loss import TOKEN_LOSS
from tlkit.exercises.heads_and_losses.weighted import WEIGHTED

EXERCISES = (CHOOSE, CROSS_ENTROPY, SMOOTHING, MULTI_LABEL, NUMBER_HEAD, TOKEN_LOSS, NEXT_TOKEN, QUIZ, BALANCED, WEIGHTED, HUBER)
