"""Exercise 06.rates: sensitivity and specificity."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def patients(rng: np.random.Generator, ill: int, healthy: int, found: int, alarmed: int) -> tuple:
    """Decisions and labels with so many of each, in a random order."""
    labels = np.repeat([1, 0], [ill, healthy])
    predicted = np.concatenate([np.arange(ill) < found, np.arange(healthy) < alarmed]).astype(int)
    order = rng.permutation(len(labels))
    return predicted[order], labels[order]


def _cases(rng: np.random.Generator) -> list[Case]:
    ill, healthy = int(rng.integers(11, 15)), int(rng.integers(20, 30))
    return [
        Case("both rates", "five patients", ((np.array([1, 0, 0, 0, 1]), np.array([1, 1, 1, 0, 0])),)),
        Case("both rates", "many patients, more of them healthy", (patients(rng, ill, healthy, 9, 4),)),
        Case("both rates", "many patients, more of them ill", (patients(rng, healthy, ill, 14, 2),)),
        Case("both rates", "as many right as wrong, on both sides", (patients(rng, 6, 8, 3, 4),)),
        Case("one decision for all", "everybody is called ill", (patients(rng, 4, 7, 4, 7),)),
        Case("one decision for all", "everybody is called healthy", (patients(rng, 5, 3, 0, 0),)),
        Case("one kind of patient", "nobody is ill", (patients(rng, 0, 6, 0, 2),)),
        Case("one kind of patient", "everybody is ill", (patients(rng, 7, 0, 5, 0),)),
    ]


def _from_counts(first, second):
    """Rates from the four counts, by name."""

    def answer(predicted, labels):
        p, t = np.asarray(predicted) == 1, np.asarray(labels) == 1
        counts = {"TP": (p & t).sum(), "FP": (p & ~t).sum(), "FN": (~p & t).sum(), "TN": (~p & ~t).sum()}
        return tuple(_ratio(*rate(**counts)) for rate in (first, second))

    return answer


def _ratio(top, bottom):
    return float(top / bottom) if bottom else float("nan")


def _sensitivity(TP, FP, FN, TN):
    return TP, TP + FN


def _specificity(TP, FP, FN, TN):
    return TN, TN + FP


def _filled(value):
    right = _from_counts(_sensitivity, _specificity)
    return lambda predicted, labels: tuple(value if np.isnan(rate) else rate for rate in right(predicted, labels))


RATES = Exercise(
    id="06.rates",
    title="sensitivity and specificity",
    name="rates",
    parameters=("predicted", "labels"),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.operating_point:rates",
    cases=_cases,
    equivalent_mutants={"dropped: predicted, labels = (np.asarray(predicted), np.asarray(labels))": "answers are given arrays"},
    hint="Look at the ill alone for the first rate, and at the healthy alone for the second.",
    shortcuts=("sklearn.metrics:recall_score", "sklearn.metrics:classification_report", "tlkit.metrics:class_scores"),
    misconceptions=(
        Misconception("the two rates are swapped, or 0 is taken for ill", "If the other class counts as positive, sensitivity becomes specificity and the other way about.",
                      "Which label is the illness?", _from_counts(_specificity, _sensitivity)),
        Misconception("precision in place of sensitivity", "Both have TP on top; precision asks how many of the alarms are right, and changes with how many are ill.",
                      "Among whom is the share taken: those called ill, or those who are?", _from_counts(lambda TP, FP, FN, TN: (TP, TP + FP), _specificity)),
        Misconception("negative predictive value in place of specificity", "Both have TN on top; one asks how far a negative answer can be trusted.",
                      "Among whom is the share taken: those called healthy, or those who are?", _from_counts(_sensitivity, lambda TP, FP, FN, TN: (TN, TN + FN))),
        Misconception("predictive values in place of rates", "Rows and columns of the confusion matrix are swapped.",
                      "Which of the two, labels or decisions, says below the line who counts?",
                      _from_counts(lambda TP, FP, FN, TN: (TP, TP + FP), lambda TP, FP, FN, TN: (TN, TN + FN))),
        Misconception("the rate of false alarms in place of specificity", "The ROC curve's axis shows it: it is 1 - specificity.",
                      "Should many false alarms make specificity large or small?", _from_counts(_sensitivity, lambda TP, FP, FN, TN: (FP, TN + FP))),
        Misconception("the rate of missed patients in place of sensitivity", "It is 1 - sensitivity.", "Should many missed patients make sensitivity large or small?",
                      _from_counts(lambda TP, FP, FN, TN: (FN, TP + FN), _specificity)),
        Misconception("shares of all patients", "A confusion matrix is often shown in shares of the whole; a rate looks at one kind of patient.",
                      "What should sensitivity be where every ill patient is found?",
                      _from_counts(lambda TP, FP, FN, TN: (TP, TP + FP + FN + TN), lambda TP, FP, FN, TN: (TN, TP + FP + FN + TN))),
        Misconception("the accuracy, twice", "Accuracy mixes both rates, weighted by how many of each kind there are.",
                      "Whom does sensitivity look at?", _from_counts(*[lambda TP, FP, FN, TN: (TP + TN, TP + FP + FN + TN)] * 2)),
        Misconception("0 where nobody can be found", "Where nobody is ill, nothing is known of sensitivity, and 0 says that it is bad.",
                      "What does the exercise ask for where nobody is ill?", _filled(0.0)),
        Misconception("1 where nobody can be missed", "Where nobody is ill nobody was missed; still nothing is known of sensitivity.",
                      "What does the exercise ask for where nobody is ill?", _filled(1.0)),
    ),
)
