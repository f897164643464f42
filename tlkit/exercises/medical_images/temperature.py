"""Exercise 06.temperature: one number that makes probabilities honest."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from tlkit.exercises.record import Case, Exercise, Misconception


def _examples(rng: np.random.Generator, count: int, classes: int, temperature: float) -> tuple:
    """Logits that are too sure by a factor, and labels drawn from the honest ones."""
    honest = rng.normal(0, 1.6, (count, classes))
    labels = np.array([rng.choice(classes, p=row) for row in softmax(honest, axis=1)])
    return np.round(honest * temperature, 3), labels


def _cases(rng: np.random.Generator) -> list[Case]:
    many, fewer = int(rng.integers(70, 90)), int(rng.integers(50, 60))

    def call(classes, temperature, drift=1.0):
        return (*_examples(rng, many, classes, temperature), *_examples(rng, fewer, classes, temperature * drift))

    def shifted(arguments):
        val_logits, val_labels, test_logits, test_labels = arguments
        return tuple(part + 1e4 * rng.integers(-9, 10, (len(part), 1)) if part.ndim == 2 else part for part in (val_logits, val_labels, test_logits, test_labels))

    return [
        Case("too sure", "two classes", (call(2, 3.0, 0.6),)),
        Case("too sure", "four classes", (call(4, 2.2, 1.5),)),
        Case("too sure", "the test split is calibrated already", (call(3, 2.0, 0.5),)),
        Case("large logits", "the same number on both logits of an example", (shifted(call(2, 2.5, 0.6)),)),
        Case("large logits", "three classes", (shifted(call(3, 0.6, 1.4)),)),
        Case("not sure enough", "two classes", (call(2, 0.4, 1.6),)),
        Case("not sure enough", "three classes", (call(3, 0.5, 0.7),)),
    ]


def _loss(logits, labels, base=1.0):
    return -log_softmax(logits, axis=1)[np.arange(len(labels)), labels] / base


def _best(measure, low=-3.0, high=3.0):
    return float(np.exp(minimize_scalar(lambda x: measure(np.exp(x)), bounds=(low, high), method="bounded", options={"xatol": 1e-7}).x))


def _fitted(val_logits, val_labels, low=-3.0):
    return _best(lambda t: _loss(val_logits / t, val_labels).mean(), low=low)


def _grid(measure):
    return min(np.geomspace(0.05, 20, 400), key=measure)


def _on_test(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(test_logits, test_labels)
    return t, float(_loss(test_logits / t, test_labels).mean())


def _on_both(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(np.concatenate([val_logits, test_logits]), np.concatenate([val_labels, test_labels]))
    return t, float(_loss(test_logits / t, test_labels).mean())


def _inverse(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(val_logits, val_labels)
    return 1 / t, float(_loss(test_logits / t, test_labels).mean())


def _not_used(val_logits, val_labels, test_logits, test_labels):
    return _fitted(val_logits, val_labels), float(_loss(test_logits, test_labels).mean())


def _never_sharper(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(val_logits, val_labels, low=0.0)
    return t, float(_loss(test_logits / t, test_labels).mean())


def _val_loss(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(val_logits, val_labels)
    return t, float(_loss(val_logits / t, val_labels).mean())


def _summed(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(val_logits, val_labels)
    return t, float(_loss(test_logits / t, test_labels).sum())


def _bits(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(val_logits, val_labels)
    return t, float(_loss(test_logits / t, test_labels, np.log(2)).mean())


def _twice(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(val_logits, val_labels)
    return t, float(_loss(softmax(test_logits / t, axis=1), test_labels).mean())


def _multiplied(val_logits, val_labels, test_logits, test_labels):
    t = _fitted(val_logits, val_labels)
    return t, float(_loss(test_logits * t, test_labels).mean())


def _brier(val_logits, val_labels, test_logits, test_labels):
    hot = np.eye(val_logits.shape[1])[val_labels]
    t = _best(lambda t: ((softmax(val_logits / t, axis=1) - hot) ** 2).mean())
    return t, float(_loss(test_logits / t, test_labels).mean())


def _calibration_error(val_logits, val_labels, test_logits, test_labels):
    from tlkit.metrics import expected_calibration_error

    t = _grid(lambda t: expected_calibration_error(softmax(val_logits / t, axis=1), val_labels))
    return float(t), float(_loss(test_logits / t, test_labels).mean())


def _standardised(val_logits, val_labels, test_logits, test_labels):
    t = float(val_logits.std())
    return t, float(_loss(test_logits / t, test_labels).mean())


TEMPERATURE = Exercise(
    id="06.temperature",
    title="one temperature, fitted where it may be",
    name="calibrate",
    parameters=("val_logits", "val_labels", "test_logits", "test_labels"),
    points=4,
    minutes=15,
    difficulty="hard",
    reference="tlkit.calibration:calibrate",
    cases=_cases,
    rtol=2e-3,
    atol=1e-6,
    shrinks=False,
    hint="Write the mean loss of some logits divided by T, try many T (or let scipy.optimize.minimize_scalar try them), and ask on which split you may choose.",
    misconceptions=(
        Misconception("fitted on the test examples", "The loss that is reported is then the smallest that any T could give: chosen and judged on the same patients.",
                      "Which examples may be looked at before they judge?", _on_test),
        Misconception("fitted on validation and test together", "More examples make a steadier T, but some of them are those that judge it.",
                      "Which examples may be looked at before they judge?", _on_both),
        Misconception("one over the temperature", "A factor on the logits works as well as a divisor; T is the divisor.", "Is a T above 1 to make probabilities softer or sharper?",
                      _inverse),
        Misconception("fitted, then not used", "The loss returned is that of the old probabilities.", "Which logits is the test loss computed from?", _not_used),
        Misconception("T below 1 is never tried", "Networks are too sure more often than not; but one with label smoothing or early stopping can be too modest.",
                      "In which range does the exercise look for T?", _never_sharper),
        Misconception("the loss of the validation examples", "T was chosen to make that one small; what it is worth, others say.", "Which split judges?", _val_loss),
        Misconception("the sum of losses", "It grows with the number of patients.", "What does the exercise ask for: sum or mean?", _summed),
        Misconception("the loss in bits", "A logarithm to base 2 gives bits; cross-entropy is in nats here, as in torch.", "Which logarithm does torch's cross-entropy take?", _bits),
        Misconception("softmax twice", "The loss takes a softmax of its own; probabilities given to it are squeezed a second time.", "Does your loss take logits or probabilities?",
                      _twice),
        Misconception("test logits multiplied by T", "Fitted as a divisor, used as a factor.", "What is done to the test logits, and what was done to the validation logits?",
                      _multiplied),
        Misconception("the squared error is made small", "Brier's score is an honest score too, with another minimum.", "Which quantity does the exercise minimise?", _brier),
        Misconception("the calibration error is made small", "ECE jumps as examples change bins, and several T can make it small by chance.",
                      "Which quantity does the exercise minimise?", _calibration_error),
        Misconception("the spread of the logits", "Logits of spread 1 look tidy, but how sure one may be the labels say.", "Does your T depend on the labels?", _standardised),
    ),
)
