"""Exercises of unit 06: can a ResNet read scans? Those after the quiz are optional."""

from tlkit.exercises.medical_images.auc import AUC
from tlkit.exercises.medical_images.calibration_error import CALIBRATION_ERROR
from tlkit.exercises.medical_images.leaks import LEAKS
from tlkit.exercises.medical_images.prepare import PREPARE
from tlkit.exercises.medical_images.quiz import QUIZ
from tlkit.exercises.medical_images.rates import RATES
from tlkit.exercises.medical_images.shares import SHARES
from tlkit.exercises.medical_images.temperature import TEMPERATURE
from tlkit.exercises.medical_images.threshold import THRESHOLD

EXERCISES = (PREPARE, RATES, AUC, THRESHOLD, TEMPERATURE, LEAKS, QUIZ, SHARES, CALIBRATION_ERROR)
