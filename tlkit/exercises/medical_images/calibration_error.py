"""Exercise 06.calibration_error (optional): how far confidence is from being right."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _said(rng: np.random.Generator, count: int, classes: int, low: int, high: int) -> tuple:
    """Probabilities of three decimals and labels; each row's largest value lies from low to high thousandths, and on no edge of a bin."""
    allowed = [value for value in range(low, high) if value % 50]
    largest = rng.choice(allowed, count, replace=count > len(allowed)) / 1000
    rest = rng.dirichlet(np.full(classes - 1, 500.0), count) * (1 - largest)[:, None]
    probabilities = np.round(np.column_stack([largest, rest]), 3)
    probabilities[:, -1] = np.round(1 - probabilities[:, :-1].sum(axis=1), 3)
    probabilities = rng.permuted(probabilities, axis=1)
    right = rng.random(count) < 0.75 * largest
    other = (probabilities.argmax(axis=1) + rng.integers(1, classes, count)) % classes
    return probabilities, np.where(right, probabilities.argmax(axis=1), other)


def _edges(rng: np.random.Generator, classes: int, bins: int) -> tuple:
    """Answers that are right, but for the certain ones: in the last bin too sure, in others too modest, so what lies on an edge must not change sides."""
    largest = np.concatenate([rng.integers(51, 75, 2) / 100, [0.75, 0.75], rng.integers(85, 99, int(rng.integers(1, 4))) / 100, [1.0, 1.0]])
    answers = rng.integers(0, classes, len(largest))
    probabilities = np.repeat(np.round((1 - largest) / (classes - 1), 3)[:, None], classes, axis=1)
    probabilities[np.arange(len(largest)), answers] = largest
    labels = np.where(largest < 1, answers, (answers + 1) % classes)
    order = rng.permutation(len(largest))
    return probabilities[order], labels[order], bins


def _both(*largest: float) -> np.ndarray:
    """Rows of two classes; the first has these probabilities."""
    return np.array([[value, 1 - value] for value in largest])


def _cases(rng: np.random.Generator) -> list[Case]:
    several, many, half = int(rng.integers(14, 20)), int(rng.integers(45, 60)), int(rng.integers(51, 60)) / 100
    return [
        Case("two classes", "three examples, two bins", ((_both(0.9, 0.35, 0.8), np.array([0, 1, 1]), 2),)),
        Case("two classes", "ten bins", ((*_said(rng, many, 2, 520, 990), 10),)),
        Case("several classes", "three", ((*_said(rng, several, 3, 420, 960), 4),)),
        Case("several classes", "five, some of them below one half", ((*_said(rng, many, 5, 260, 940), 7),)),
        Case("several classes", "six, none of them sure", ((*_said(rng, many, 6, 215, 480), 4),)),
        Case("empty bins", "one example", ((_both(0.32), np.array([1]), 10),)),
        Case("empty bins", "sure answers alone", ((*_said(rng, several, 3, 880, 990), 15),)),
        Case("on an edge", "three quarters and all", (_edges(rng, 2, 4),)),
        Case("on an edge", "three classes", (_edges(rng, 3, 4),)),
        Case("on an edge", "one half, in two bins", ((np.array([[0.5, 0.3, 0.2], [half, 0.0, 1 - half], [0.0, 1.0, 0.0]]), np.array([0, 1, 1]), 2),)),
    ]


def _upper(values, bins):
    """(b / bins, (b + 1) / bins], as the exercise has it."""
    return np.clip(np.ceil(values * bins).astype(int) - 1, 0, bins - 1)


def _lower(values, bins):
    return np.minimum((values * bins).astype(int), bins - 1)


def _with(confidence=lambda p, labels: p.max(axis=1), right=lambda p, labels: p.argmax(axis=1) == labels, places=_upper, gap=None,
          join=lambda gaps, counts: (counts * np.abs(gaps)).sum() / counts.sum()):
    """The calibration error with one of its parts changed; gaps and counts are those of bins that hold an example."""

    def answer(probabilities, labels, bins):
        said, found = confidence(probabilities, labels), right(probabilities, labels)
        where = places(said, bins)
        held = [where == number for number in range(int(where.max(initial=0)) + 1) if (where == number).any()]
        gaps = [gap(found[there], said[there], bins, where[there][0]) if gap else found[there].mean() - said[there].mean() for there in held]
        return float(join(np.array(gaps), np.array([there.sum() for there in held])))

    return answer


def _all_bins(probabilities, labels, bins):
    return _with(join=lambda gaps, counts: np.abs(gaps).sum() / bins)(probabilities, labels, bins)


def _nan(probabilities, labels, bins):
    filled = len(np.unique(_upper(probabilities.max(axis=1), bins)))
    return _RIGHT(probabilities, labels, bins) if filled == bins else float("nan")


def _certain_fall_out(probabilities, labels, bins):
    where = (probabilities.max(axis=1) * bins).astype(int)
    inside = where < bins
    return _with(places=_lower)(probabilities[inside], labels[inside], bins) * inside.mean() if inside.any() else 0.0


def _certain_apart(probabilities, labels, bins):
    return _with(places=lambda values, bins: (values * bins).astype(int))(probabilities, labels, bins)


def _equal_counts(probabilities, labels, bins):
    order = np.argsort(probabilities.max(axis=1), kind="stable")
    groups = [part for part in np.array_split(order, bins) if len(part)]
    right, said = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    return float(sum(len(part) * abs(right[part].mean() - said[part].mean()) for part in groups) / len(labels))


def _every_probability(probabilities, labels, bins):
    hot = np.eye(probabilities.shape[1])[labels]
    return _with(confidence=lambda p, _: p.ravel(), right=lambda p, _: hot.ravel() == 1)(probabilities, labels, bins)


def _from_chance(values, bins, classes):
    return np.clip(np.ceil((values - 1 / classes) / (1 - 1 / classes) * bins).astype(int) - 1, 0, bins - 1)


def _over_what_occurs(values, bins):
    low, high = values.min(), values.max()
    return np.clip(np.ceil((values - low) / (high - low) * bins).astype(int) - 1, 0, bins - 1) if high > low else np.zeros(len(values), int)


def _times_100(probabilities, labels, bins):
    return 100 * _RIGHT(probabilities, labels, bins)


_RIGHT = _with()

CALIBRATION_ERROR = Exercise(
    id="06.calibration_error",
    title="the calibration error",
    name="calibration_error",
    parameters=("probabilities", "labels", "bins"),
    points=3,
    minutes=12,
    difficulty="medium",
    reference="tlkit.metrics:expected_calibration_error",
    cases=_cases,
    hint="Three numbers an example: its confidence, whether it is right, its bin. Then, bin by bin, the share that is right against the mean confidence, times how many lie there.",
    shortcuts=("tlkit.metrics:calibration_bins", "tlkit.quality:evaluate"),
    misconceptions=(
        Misconception("all bins count alike", "A mean over bins looks natural; but then a bin of one example moves the result as much as a bin of thousands.",
                      "How many examples does each bin stand for?", _with(join=lambda gaps, counts: np.abs(gaps).mean())),
        Misconception("divided by the number of bins, the empty ones too", "Then more bins make the same model look better.",
                      "What happens to your result with a thousand bins?", _all_bins),
        Misconception("gaps of either sign cancel", "Too sure here and too modest there is wrong twice, not right.",
                      "What is a distance of -0.1?", _with(join=lambda gaps, counts: abs((gaps * counts).sum()) / counts.sum())),
        Misconception("the distance keeps its sign", "The sum of signed gaps is the accuracy less the mean confidence: bins do not matter to it.",
                      "Can an error be negative?", _with(join=lambda gaps, counts: (gaps * counts).sum() / counts.sum())),
        Misconception("each example by itself", "|right - confidence| of one example is never small where confidence is honest: of answers that are 70 % sure, three in ten are wrong.",
                      "What do the bins do before the distance is taken?",
                      _with(gap=lambda right, said, bins, number: np.abs(right - said).mean())),
        Misconception("the probability of class 1 in place of the confidence", "That is a calibration curve of one class, fit for two; here an answer is judged, whichever class it names.",
                      "How sure is a row of 0.1 and 0.9, and of 0.9 and 0.1?",
                      _with(confidence=lambda p, _: p[:, 1], right=lambda p, labels: labels == 1)),
        Misconception("the label's probability in place of the confidence", "The network does not know the label; its confidence is what it says of its own answer.",
                      "How sure is a network that is wrong?", _with(confidence=lambda p, labels: p[np.arange(len(p)), labels])),
        Misconception("all probabilities of a row are sorted into bins", "That measures every class; the exercise asks how sure the answers are, one value an example.",
                      "How many values does an example contribute?", _every_probability),
        Misconception("the middle of a bin stands for its confidence", "Examples need not lie in the middle; their own mean is known.",
                      "Where in its bin do the examples lie?",
                      _with(gap=lambda right, said, bins, number: right.mean() - (number + 0.5) / bins)),
        Misconception("an edge belongs to the bin above it", "Which side an edge belongs to is a convention; here bin b is (b/B, (b+1)/B], so that 1 has a bin.",
                      "Into which bin goes a confidence of exactly 1?", _with(places=_lower)),
        Misconception("what is certain is lost", "floor(confidence * bins) gives `bins` for a confidence of 1, and there is no bin of that number.",
                      "Into which bin goes a confidence of exactly 1?", _certain_fall_out),
        Misconception("what is certain gets a bin of its own", "floor(confidence * bins) gives `bins` for a confidence of 1, which is one bin too many.",
                      "How many bins do you have?", _certain_apart),
        Misconception("bins of equally many examples", "That is another calibration error, adaptive ECE; here bins are equally wide.",
                      "What are the ends of the first bin?", _equal_counts),
        Misconception("bins from the lowest to the highest confidence", "`np.histogram` chooses such ends by itself; two models would then be measured with other bins.",
                      "What are the ends of the first bin, whatever the data?", _with(places=_over_what_occurs)),
        Misconception("bins from chance to 1", "No confidence lies below 1/C, yet the bins divide 0 to 1.", "What are the ends of the first bin?",
                      lambda probabilities, labels, bins: _with(places=lambda values, count: _from_chance(values, count, probabilities.shape[1]))(probabilities, labels, bins)),
        Misconception("the worst bin", "That is the maximum calibration error, MCE.", "Over what is the mean taken?", _with(join=lambda gaps, counts: np.abs(gaps).max())),
        Misconception("squared gaps", "A distance, not its square, is asked for.", "In which unit is the result?", _with(join=lambda gaps, counts: (counts * gaps**2).sum() / counts.sum())),
        Misconception("nan from empty bins", "The mean of no values is nan, and one nan makes the whole sum nan.", "What does a bin without examples add?", _nan),
        Misconception("in percent", "Papers print ECE so; here it is a share.", "What is the largest value that an ECE can have?", _times_100),
    ),
)
