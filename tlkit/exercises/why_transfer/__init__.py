"""Exercises of unit 01: what is a pretrained network worth, in labels?"""

from tlkit.exercises.why_transfer.label_efficiency import LABEL_EFFICIENCY
from tlkit.exercises.why_transfer.labels_needed import LABELS_NEEDED
from tlkit.exercises.why_transfer.paired_gain import PAIRED_GAIN
from tlkit.exercises.why_transfer.probe import PROBE
from tlkit.exercises.why_transfer.quiz import QUIZ
from tlkit.exercises.why_transfer.sample import SAMPLE
from tlkit.exercises.why_transfer.tuned_baseline import TUNED_BASELINE

EXERCISES = (SAMPLE, PROBE, TUNED_BASELINE, PAIRED_GAIN, LABELS_NEEDED, LABEL_EFFICIENCY, QUIZ)
