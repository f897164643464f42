"""Exercise 00.warm_up: the share of examples that are named rightly."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def call(examples, right, classes=5):
        labels = rng.integers(0, classes, examples)
        predicted = np.where(rng.permutation(examples) < right, labels, (labels + rng.integers(1, classes, examples)) % classes)
        return predicted, labels

    many = int(rng.integers(11, 16))
    return [
        Case("the share that is right", "three examples, one of them wrong", ((np.array([2, 0, 1]), np.array([2, 0, 0])),)),
        Case("the share that is right", "five examples, one of them right", (call(5, 1),)),
        Case("the share that is right", "more examples of more classes", (call(many, 7, 9),)),
        Case("none right, one example", "every prediction is wrong", (call(4, 0),)),
        Case("none right, one example", "a single example", ((np.array([3]), np.array([3])),)),
        Case("no examples, or not as many labels, are refused", "one example is enough", ((np.array([1]), np.array([0])),)),
        Case("no examples, or not as many labels, are refused", "two examples", ((np.array([4, 1]), np.array([4, 0])),)),
        Case("no examples, or not as many labels, are refused", "no examples", ((np.zeros(0, int), np.zeros(0, int)),), raises="ValueError"),
        Case("no examples, or not as many labels, are refused", "one prediction for many labels",
             ((np.array([1]), np.array([1, 1, 0])),), raises="ValueError"),
    ]


def _refusing(answer):
    """The answer, which also refuses what has to be refused: it shall be wrong in its own way alone."""

    def checked(predicted, labels):
        if len(predicted) != len(labels) or len(labels) == 0:
            raise ValueError("give as many predictions as labels, and at least one")
        return answer(predicted, labels)

    return checked


def _balanced(predicted, labels):
    return np.mean([(predicted[labels == each] == each).mean() for each in np.unique(labels)])


def _not_refusing(predicted, labels):
    with np.errstate(all="ignore"):
        return (predicted == labels).sum() / np.float64(len(labels))


def _zero_for_none(predicted, labels):
    if len(predicted) != len(labels):
        raise ValueError("as many predictions as labels, please")
    return (predicted == labels).mean() if len(labels) else 0.0


def _empty_alone(predicted, labels):
    if len(labels) == 0:
        raise ValueError("no examples")
    return (predicted == labels).mean()


WARM_UP = Exercise(
    id="00.warm_up",
    title="a warm-up",
    name="accuracy",
    parameters=("predicted", "labels"),
    points=2,
    minutes=4,
    difficulty="easy",
    reference="tlkit.metrics:accuracy",
    cases=_cases,
    hint="`predicted == labels` is True where they agree, and the mean of such an array is the share of True.",
    shortcuts=("sklearn.metrics:accuracy_score",),
    misconceptions=(
        Misconception("counted, not shared", "How many are right is the first thing that one counts.",
                      "Which number should stand for “all right”, however many examples there are?",
                      _refusing(lambda predicted, labels: (predicted == labels).sum())),
        Misconception("percent", "People say “80 percent”, and 80 is not the share.", "Which number should stand for “all right”: 1 or 100?",
                      _refusing(lambda predicted, labels: 100 * (predicted == labels).mean())),
        Misconception("the share that is wrong", "It is as good to know, and its name is error rate.",
                      "Should a better classifier get a larger or a smaller number?",
                      _refusing(lambda predicted, labels: (predicted != labels).mean())),
        Misconception("the mean over classes", "Each class has its own share, and their mean is the balanced accuracy.",
                      "How often should one example count?", _refusing(_balanced)),
        Misconception("how far off, not whether", "Class numbers can be subtracted, but class 3 is not nearer to class 4 than to class 9.",
                      "Are two classes that are not the same ever a little right?",
                      _refusing(lambda predicted, labels: 1 - np.abs(predicted - labels).mean() / max(labels.max(), 1))),
        Misconception("all or nothing", "`np.array_equal` asks whether two arrays agree everywhere, not how often they do.",
                      "What should two right ones out of three give?",
                      _refusing(lambda predicted, labels: float(np.array_equal(predicted, labels)))),
        Misconception("rounded", "Two digits look tidy, and two models that differ in the third look the same.",
                      "Who should round: the one who computes, or the one who prints?",
                      _refusing(lambda predicted, labels: np.round((predicted == labels).mean(), 2))),
        Misconception("nothing is refused", "numpy answers with a warning and nan, or stretches the single prediction over all labels; both look like a result.",
                      "What do you do when there is nothing to judge, or not as many predictions as labels?", _not_refusing),
        Misconception("zero for no examples", "Nothing was right, but nothing was wrong either.",
                      "Which is worse for whoever reads the number: an error, or a 0 that nobody measured?", _zero_for_none),
        Misconception("no examples are refused, too few are not",
                      "numpy stretches a single prediction over all labels without a word.",
                      "Which two lengths have to be the same?", _empty_alone),
    ),
)
