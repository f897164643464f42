"""Exercise 06.auc: the area under the ROC curve, as a share of pairs."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def scored(rng: np.random.Generator, ill: int, healthy: int, decimals: int = 6, scale: float = 1.0, shift: float = 0.0) -> tuple:
    """Scores from 0 to 1 (moved and scaled) and labels; the ill have higher ones as a rule."""
    labels = rng.permutation(np.repeat([1, 0], [ill, healthy]))
    scores = 1 / (1 + np.exp(-(1.3 * labels - 0.4 + rng.normal(0, 1.2, len(labels)))))
    return np.round(scores, decimals) * scale + shift, labels


def _cases(rng: np.random.Generator) -> list[Case]:
    ill, healthy = int(rng.integers(7, 10)), int(rng.integers(12, 18))
    return [
        Case("pairs of an ill and a healthy patient", "three patients", ((np.array([0.3, 0.9, 0.6]), np.array([1, 1, 0])),)),
        Case("pairs of an ill and a healthy patient", "many patients", (scored(rng, ill, healthy),)),
        Case("pairs of an ill and a healthy patient", "more ill than healthy", (scored(rng, healthy, ill),)),
        Case("any scale of scores", "logits", (scored(rng, ill, healthy, scale=9.0, shift=-7.0),)),
        Case("any scale of scores", "all scores below 0.5", (scored(rng, healthy, ill, scale=0.3),)),
        Case("ties count half", "four patients", ((np.array([0.2, 0.7, 0.7, 0.1]), np.array([0, 1, 0, 0])),)),
        Case("ties count half", "scores of one decimal", (scored(rng, ill, healthy, decimals=1),)),
        Case("ties count half", "all scores are equal", ((np.full(5, 0.4), np.array([0, 1, 0, 1, 1])),)),
        Case("no pair", "a single pair", ((np.array([-0.5, 0.2]), np.array([0, 1])),)),
        Case("no pair", "nobody is ill", (scored(rng, 0, 5),)),
        Case("no pair", "everybody is ill", (scored(rng, 4, 0),)),
    ]


def _pairs(value, bottom=None):
    """The mean of value(ill score, healthy score) over all pairs."""

    def answer(scores, labels):
        ill, healthy = scores[labels == 1], scores[labels == 0]
        if not len(ill) or not len(healthy):
            return float("nan")
        total = value(ill[:, None], healthy[None]).sum()
        return float(total / (bottom(len(ill), len(healthy)) if bottom else len(ill) * len(healthy)))

    return answer


def _right(ill, healthy):
    return (ill > healthy) + 0.5 * (ill == healthy)


_AUC = _pairs(_right)


def _hard(scores, labels):
    return _AUC((scores >= 0.5).astype(float), labels)


def _accuracy(scores, labels):
    return float(((scores >= 0.5) == (labels == 1)).mean()) if 0 < labels.sum() < len(labels) else float("nan")


def _in_turn(scores, labels):
    ill, healthy = scores[labels == 1], scores[labels == 0]
    count = min(len(ill), len(healthy))
    return float(_right(ill[:count], healthy[:count]).mean()) if count else float("nan")


def _means(scores, labels):
    ill, healthy = scores[labels == 1], scores[labels == 0]
    return float(ill.mean() - healthy.mean()) if len(ill) and len(healthy) else float("nan")


def _few_thresholds(scores, labels):
    ill, healthy = scores[labels == 1], scores[labels == 0]
    if not len(ill) or not len(healthy):
        return float("nan")
    grid = np.linspace(1, 0, 11)
    found, alarmed = ([(side >= at).mean() for at in grid] for side in (ill, healthy))
    return float(np.trapezoid(found, alarmed) if hasattr(np, "trapezoid") else np.trapz(found, alarmed))


def _ranks(scores, labels):
    ill, healthy = int((labels == 1).sum()), int((labels == 0).sum())
    if not ill or not healthy:
        return float("nan")
    ranks = np.argsort(np.argsort(scores)) + 1
    return float((ranks[labels == 1].sum() - ill * (ill + 1) / 2) / (ill * healthy))


def _average_precision(scores, labels):
    if not 0 < labels.sum() < len(labels):
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = labels[order] == 1
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def _half_without_pairs(scores, labels):
    value = _AUC(scores, labels)
    return 0.5 if np.isnan(value) else value


AUC = Exercise(
    id="06.auc",
    title="the area under the ROC curve",
    name="auc",
    parameters=("scores", "labels"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.metrics:auc",
    cases=_cases,
    hint="Compare every ill patient with every healthy one: who has the higher score?",
    shortcuts=("sklearn.metrics:roc_auc_score", "sklearn.metrics:auc", "tlkit.metrics:auc_macro", "scipy.stats:mannwhitneyu"),
    misconceptions=(
        Misconception("computed from hard decisions", "Scores that were cut at 0.5 have one threshold left: what comes out is the mean of sensitivity and specificity.",
                      "Does your answer use how large a score is, beyond above or below 0.5?", _hard),
        Misconception("the accuracy at 0.5", "It is a share of patients and not of pairs, and depends on how many are ill.", "What are the pairs?", _accuracy),
        Misconception("upside down", "The healthy score above the ill in the pairs that were counted.", "What should a perfect test get?",
                      _pairs(lambda ill, healthy: (ill < healthy) + 0.5 * (ill == healthy))),
        Misconception("ties count nothing", "A tie is no win, and no loss either.", "What should a test get that gives everybody the same score?",
                      _pairs(lambda ill, healthy: ill > healthy)),
        Misconception("ranks that part what is tied", "Sorting puts tied scores in some order, and ranks by place then call one of them higher. Tied scores share the mean "
                      "of their ranks.", "What should a test get that gives everybody the same score?", _ranks),
        Misconception("ties count fully", ">= lets a tie pass for a win.", "What should a test get that gives everybody the same score?",
                      _pairs(lambda ill, healthy: ill >= healthy)),
        Misconception("divided by all pairs of patients", "Two ill patients are no pair here: nothing is asked about their order.",
                      "How many pairs of an ill and a healthy patient are there?", _pairs(_right, lambda p, n: (p + n) * (p + n - 1) / 2)),
        Misconception("divided by the ill alone", "The sum runs over the healthy as well.", "How many pairs of an ill and a healthy patient are there?",
                      _pairs(_right, lambda p, n: p)),
        Misconception("each ill patient with one healthy one", "zip stops at the shorter side and compares whoever happens to stand beside whom.",
                      "With how many healthy patients is one ill patient compared?", _in_turn),
        Misconception("the distance of the means", "It also says how far apart the two kinds are, but in the scores' unit.", "Should it change when all scores are doubled?",
                      _means),
        Misconception("thresholds of a fixed grid", "Between two thresholds of the grid may lie many scores, and logits lie outside of it.",
                      "At which thresholds do decisions change?", _few_thresholds),
        Misconception("average precision", "The area under another curve, which depends on how many are ill.", "Which curve has false alarms on its axis?",
                      _average_precision),
        Misconception("one half where there is no pair", "0.5 says that the test is worthless; here nothing is known.", "What does the exercise ask for where a class is missing?",
                      _half_without_pairs),
    ),
)
