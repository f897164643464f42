"""Exercises of unit 07: how do we fine-tune BERT? The one after the quiz is optional."""

from tlkit.exercises.bert_text.attention import ATTENTION
from tlkit.exercises.bert_text.audit import AUDIT
from tlkit.exercises.bert_text.epoch_loss import EPOCH_LOSS
from tlkit.exercises.bert_text.labels import LABELS
from tlkit.exercises.bert_text.pad import PAD
from tlkit.exercises.bert_text.pool import POOL
from tlkit.exercises.bert_text.prototypes import PROTOTYPES
from tlkit.exercises.bert_text.quiz import QUIZ

EXERCISES = (LABELS, EPOCH_LOSS, PAD, POOL, AUDIT, PROTOTYPES, QUIZ, ATTENTION)
"""In the order in which the notebook has them."""
