"""Exercise 07.labels: names of classes as numbers, in the head's order."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception

_INTENTS = ("refund", "track order", "wrong item", "close account", "discount", "in stock", "warranty")


def _cases(rng: np.random.Generator) -> list[Case]:
    chosen = [str(name) for name in rng.permutation(_INTENTS)[:5]]
    first, second, third, fourth, fifth = sorted(chosen)
    classes = (third, first, fifth, second, fourth)  # neither the alphabet's order nor its opposite
    mixed = (classes[1], classes[3], classes[0], classes[4], classes[2])
    drawn = [classes[int(number)] for number in rng.integers(0, 5, 7)]
    order, count = "the head's order", "classes that do not occur"
    return [
        Case(order, "two classes, not in the alphabet's order", ((["Normal", "Cancer", "Normal"], ("Normal", "Cancer")),)),
        Case(order, "the last class comes first in the data", ((["Cancer", "Normal", "Cancer", "Cancer"], ("Normal", "Cancer")),)),
        Case(order, "five classes, each once", ((list(mixed[::-1]), classes),)),
        Case(order, "seven texts", ((list(mixed) + drawn[:2], classes),)),
        Case(count, "a batch of one class", (([classes[3]] * 3, classes),)),
        Case(count, "two of five classes", (([classes[4], classes[2], classes[4]], classes),)),
        Case(count, "no names at all", (([], classes),)),
        Case("unknown names are refused", "all names are known", (([classes[2], classes[4]], classes),)),
        Case("unknown names are refused", "a name that is no class", (([classes[1], "weather", classes[0]], classes),), raises="ValueError"),
        Case("unknown names are refused", "small letters are another name", ((["normal"], ("Normal", "Cancer")),), raises="ValueError"),
    ]


def _numbered(classes_of, unknown=None):
    """Numbers by some order of the classes; an unknown name is refused, or becomes `unknown`."""

    def answer(names, classes):
        order = list(classes_of(names, classes))
        if unknown is None and any(name not in classes for name in names):
            raise ValueError("no such class")
        return np.array([order.index(name) if name in order else unknown(classes) for name in names], np.int64)

    return answer


def _given(names, classes):
    return classes


def _key_error(names, classes):
    numbers = {name: number for number, name in enumerate(classes)}
    return np.array([numbers[name] for name in names], np.int64)


def _left_out(names, classes):
    return np.array([list(classes).index(name) for name in names if name in classes], np.int64)


def _one_hot(names, classes):
    return np.eye(len(classes), dtype=np.int64)[_numbered(_given)(names, classes)]


def _from_one(names, classes):
    return _numbered(_given)(names, classes) + 1


def _as_names(names, classes):
    _numbered(_given)(names, classes)
    return list(names)


def _any_case(names, classes):
    small = [name.lower() for name in classes]
    return np.array([small.index(name.lower()) for name in names], np.int64)


LABELS = Exercise(
    id="07.labels",
    title="names of classes as numbers",
    name="encode_labels",
    parameters=("names", "classes"),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.data.folders:encode_labels",
    cases=_cases,
    equivalent_mutants={"return np.array([number_of[name] for name in names])": "whole numbers are int64 without being told; of no names none is there"},
    hint="A dictionary from each name to its place in `classes` is what the source calls label2id.",
    misconceptions=(
        Misconception("numbered in the alphabet's order", "Sorting gives an order that is always the same; but the head has one already, and it is another.",
                      "Which output of the head is “Normal”, if classes are (“Normal”, “Cancer”)?", _numbered(lambda names, classes: sorted(classes))),
        Misconception("numbered as they occur in the data", "The first name gets 0, the next new one 1. Training and test data then have an order each.",
                      "What does the same name get in a batch that begins with another?", _numbered(lambda names, classes: dict.fromkeys(names))),
        Misconception("numbered by the names that occur", "`sorted(set(names))` reads well, until a batch lacks a class and all behind it move up.",
                      "What does the third class get where the first two do not occur?", _numbered(lambda names, classes: sorted(set(names)))),
        Misconception("numbered among those that occur", "The order is the head's, but classes without a text are left out of the count.",
                      "Does a class's number depend on which others are in the batch?",
                      _numbered(lambda names, classes: [name for name in classes if name in names])),
        Misconception("in the opposite order", "The list is read from its end.", "Which class is output 0?", _numbered(lambda names, classes: classes[::-1])),
        Misconception("counted from 1", "People count from 1. The head's outputs begin at 0, and torch's cross-entropy stops at C.",
                      "Which is the largest number that may occur?", _from_one),
        Misconception("an unknown name becomes -1", "As `find` does for text. As an index -1 is the last class, and no error.",
                      "What should happen to a name that is no class?", _numbered(_given, lambda classes: -1)),
        Misconception("an unknown name becomes -100", "Cross-entropy leaves it out, so a spelling mistake is never noticed.",
                      "What should happen to a name that is no class?", _numbered(_given, lambda classes: -100)),
        Misconception("an unknown name becomes class 0", "`numbers.get(name, 0)` never fails, and teaches that what is unknown is the first class.",
                      "What should happen to a name that is no class?", _numbered(_given, lambda classes: 0)),
        Misconception("an unknown name is left out", "Then there are fewer labels than texts, and all behind belong to the wrong text.",
                      "How many numbers are due for N texts?", _left_out),
        Misconception("an unknown name is a KeyError", "The dictionary stops by itself, but with an error that names neither reason nor remedy.",
                      "Which exception does the exercise ask for?", _key_error),
        Misconception("capital and small letters are one", "It is kind to mistakes in spelling, and it hides two classes that differ only there.",
                      "Is “normal” in classes?", _any_case),
        Misconception("a row of zeros and a one", "Right for several answers at once; torch's cross-entropy wants the class's number here.",
                      "Which shape is asked for?", _one_hot),
        Misconception("still names", "Names are what a person reads; a loss needs the number of the head's output.",
                      "What does cross-entropy compare an output with?", _as_names),
    ),
)
