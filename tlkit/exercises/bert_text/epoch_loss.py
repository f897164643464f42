"""Exercise 07.epoch_loss: the mean loss of an epoch, where the last batch is short."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def epoch(full, batches, last):
        return [round(float(value), 3) for value in rng.uniform(0.4, 3.0, batches)], [full] * (batches - 1) + [last]

    any_sizes = [int(size) for size in rng.choice(np.arange(2, 30), 5, replace=False)]
    short, others = "a short last batch", "batches of any size"
    return [
        Case(short, "sixteen texts, then one", (([0.5, 4.0], [16, 1]),)),
        Case(short, "three batches", (([1.2, 0.8, 2.5], [8, 8, 3]),)),
        Case(short, "a longer epoch", (epoch(16, 6, int(rng.integers(1, 12))),)),
        Case(others, "the first batch is the short one", (([3.0, 0.5], [2, 6]),)),
        Case(others, "five sizes", (([round(float(value), 3) for value in rng.uniform(0.4, 3.0, 5)], any_sizes),)),
        Case(others, "a batch without any text", (([0.7, 0.0, 1.9], [4, 0, 6]),)),
        Case("no texts are refused", "a single text", (([2.3], [1]),)),
        Case("no texts are refused", "no batches", (([], []),), raises="ValueError"),
        Case("no texts are refused", "batches without texts", (([0.0, 0.0], [0, 0]),), raises="ValueError"),
    ]


def _refusing(rule):
    def answer(batch_losses, batch_sizes):
        if sum(batch_sizes) == 0:
            raise ValueError("no texts")
        return float(rule(np.asarray(batch_losses, float), np.asarray(batch_sizes, float)))

    return answer


def _size_of_the_first(losses, sizes):
    """All batches but the last are taken to be as large as the first."""
    sizes = np.append(np.full(len(sizes) - 1, sizes[0]), sizes[-1])
    return losses @ sizes / sizes.sum() if sizes.sum() else 0.0


def _zero(batch_losses, batch_sizes):
    count = sum(batch_sizes)
    return sum(loss * size for loss, size in zip(batch_losses, batch_sizes)) / count if count else 0.0


def _nan(batch_losses, batch_sizes):
    with np.errstate(all="ignore"):
        return float(np.sum(np.multiply(batch_losses, batch_sizes)) / np.float64(np.sum(batch_sizes)))


EPOCH_LOSS = Exercise(
    id="07.epoch_loss",
    title="the mean loss of an epoch",
    name="epoch_loss",
    parameters=("batch_losses", "batch_sizes"),
    points=2,
    minutes=5,
    difficulty="easy",
    reference="tlkit.plain_loop:mean_over_examples",
    cases=_cases,
    rtol=1e-9,
    shrinks=False,
    shortcuts=("numpy:average",),
    equivalent_mutants={
        **dict.fromkeys((f"return sum((mean * size for mean, size in zip(batch_means, batch_sizes{strict}))) / count" for strict in ("", ", strict=False")),
                        "both lists are of one length"),
        "return sum((mean * size for mean, size in zip(batch_sizes, batch_means, strict=True))) / count": "a product does not mind the order",
    },
    hint="Loss times size is the sum of a batch's losses.",
    misconceptions=(
        Misconception("all batches but the last are as large as the first", "So it is in an epoch of a loader that leaves nothing out; here sizes are given, and may be any.",
                      "Which sizes may the batches in the middle have?", _refusing(_size_of_the_first)),
        Misconception("the mean of the batches' means", "It is what the source does. Each batch counts alike then, the short one as much as a full one.",
                      "For how many texts does each number speak?", _refusing(lambda losses, sizes: losses.mean())),
        Misconception("the sum over texts", "It grows with the number of texts, and two epochs of different sizes cannot be compared.",
                      "Divided by what?", _refusing(lambda losses, sizes: (losses * sizes).sum())),
        Misconception("the sum of the batches' means", "It grows with the number of batches.", "Divided by what, and weighted with what?",
                      _refusing(lambda losses, sizes: losses.sum())),
        Misconception("divided by the number of batches", "The sum is over texts, and so must be what divides it.",
                      "How many losses have been added up?", _refusing(lambda losses, sizes: (losses * sizes).sum() / len(sizes))),
        Misconception("means divided by the number of texts", "Each mean was divided already, and is so once more.",
                      "What must a mean be multiplied with to be a sum?", _refusing(lambda losses, sizes: losses.sum() / sizes.sum())),
        Misconception("every batch counts as a full one", "`len(dataloader) * batch_size` is more than there are texts, unless they divide evenly.",
                      "How many texts are in the last batch?",
                      _refusing(lambda losses, sizes: (losses * sizes).sum() / (len(sizes) * sizes.max()))),
        Misconception("the short batch is left out", "As `drop_last=True` does. Its texts were learned from, and their loss is wanted too.",
                      "Whose losses are missing from the mean?",
                      _refusing(lambda losses, sizes: (losses * sizes)[sizes == sizes.max()].sum() / sizes[sizes == sizes.max()].sum())),
        Misconception("the last batch is left out", "The last one is the odd one, but its texts are texts.", "Whose losses are missing from the mean?",
                      _refusing(lambda losses, sizes: (losses * sizes)[:-1].sum() / sizes[:-1].sum() if len(sizes) > 1 else losses[0])),
        Misconception("the loss of the last batch", "It is what the variable still holds when the loop ends.", "Which batches does it speak for?",
                      _refusing(lambda losses, sizes: losses[-1])),
        Misconception("zero for no texts", "A loss of 0 says that everything was right.", "What does the exercise ask for where there is nothing to "
                      "average?", _zero),
        Misconception("nan for no texts", "NumPy's way; it turns up much later, as a gap in a curve.", "What does the exercise ask for where there is "
                      "nothing to average?", _nan),
    ),
)
