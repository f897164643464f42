"""Exercise 01.tuned_baseline: give scratch its best chance."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _tuning_cases(rng: np.random.Generator) -> list[Case]:
    def runs(means, seeds, spread=0.004):
        return np.round(np.asarray(means)[:, None] + spread * rng.uniform(-1, 1, (len(means), seeds)), 4)

    one = runs([0.5, 0.7], 1)
    rates, seeds = 4, int(rng.integers(5, 9))
    val, test = runs([0.66, 0.71, 0.75, 0.60], seeds), runs([0.68, 0.79, 0.72, 0.62], seeds)
    lucky_val = runs([0.62, 0.80, 0.70, 0.61], seeds)
    lucky_val[2, 0] = 0.97
    later = runs([0.58, 0.64, 0.69, 0.78], seeds), runs([0.60, 0.65, 0.74, 0.73], seeds)
    last = later[0].copy()
    last[0, -1] = 0.99
    crashed = runs([0.66, 0.70, 0.74, 0.62], seeds)
    crashed[2, 1:3] = 0.2
    wavering = runs([0.62, 0.73, 0.78, 0.66], seeds)
    wavering[2] += np.round(np.linspace(-0.1, 0.1, seeds), 4)
    contested = runs([0.6, 0.7, 0.6, 0.6], 5)
    contested[0, :2], contested[2, 2], contested[3, 3] = 0.8, 0.75, 0.75
    return [
        Case("the best on validation", "two learning rates, one seed", ((one, one + 0.05),)),
        Case("the best on validation", "four learning rates; the last is best", ((last, later[1]),)),
        Case("the test set has no say", "another learning rate looks best on the test set", ((val, test),)),
        Case("one learning rate for all seeds", "a single lucky seed shines at a poor learning rate",
             ((lucky_val, runs([0.6, 0.78, 0.71, 0.6], seeds)),)),
        Case("one learning rate for all seeds", "two runs crash at the rate that is best otherwise",
             ((crashed, runs([0.65, 0.71, 0.6, 0.6], seeds)),)),
        Case("one learning rate for all seeds", "as many seeds as learning rates",
             ((runs([0.6, 0.72, 0.78, 0.65], rates), runs([0.63, 0.7, 0.77, 0.69], rates)),)),
        Case("one learning rate for all seeds", "the best on average varies most from seed to seed",
             ((wavering, runs([0.61, 0.72, 0.75, 0.67], seeds)),)),
        Case("one learning rate for all seeds", "another rate wins at more seeds, and is poor at the rest",
             ((contested, runs([0.66, 0.71, 0.62, 0.61], 5)),)),
    ]


def _tuned_on_test(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(test_accuracy.mean(1))]


def _tuned_first_seed(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy[:, 0])]


def _tuned_luckiest(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy.max(1))]


def _tuned_per_seed(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy, axis=0), np.arange(test_accuracy.shape[1])]


def _tuned_not_at_all(val_accuracy, test_accuracy):
    return test_accuracy[0]


def _tuned_average(val_accuracy, test_accuracy):
    return test_accuracy.mean(0)


def _tuned_reports_val(val_accuracy, test_accuracy):
    return val_accuracy[np.argmax(val_accuracy.mean(1))]


def _tuned_mean(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy.mean(1))].mean()


def _tuned_median(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(np.median(val_accuracy, axis=1))]


def _tuned_stable(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy.mean(1) - val_accuracy.std(1))]


def _tuned_majority(val_accuracy, test_accuracy):
    wins = np.bincount(np.argmax(val_accuracy, axis=0), minlength=len(val_accuracy))
    return test_accuracy[np.argmax(wins)]


def _tuned_on_all(val_accuracy, test_accuracy):
    return test_accuracy[np.argmax(val_accuracy.mean(1) + test_accuracy.mean(1))]


def _tuned_worst(val_accuracy, test_accuracy):
    return test_accuracy[np.argmin(val_accuracy.mean(1))]


def _tuned_single_entry(val_accuracy, test_accuracy):
    return test_accuracy.ravel()[np.argmax(val_accuracy)]


def _tuned_index(val_accuracy, test_accuracy):
    return int(np.argmax(val_accuracy.mean(1)))


def _tuned_summary(val_accuracy, test_accuracy):
    row = test_accuracy[np.argmax(val_accuracy.mean(1))]
    return row.mean(), row.std()


TUNED_BASELINE = Exercise(
    id="01.tuned_baseline",
    title="give scratch its best chance",
    name="tuned_test_accuracy",
    parameters=("val_accuracy", "test_accuracy"),
    points=2,
    minutes=8,
    difficulty="medium",
    reference="tlkit.comparison:tuned_test_accuracy",
    cases=_tuning_cases,
    equivalent_mutants={"best = np.argmax(np.mean(val_accuracy, axis=-1))": "the last axis is axis 1"},
    hint="Average the validation accuracies over the seeds, find the best row, and return that row of the test ones.",
    misconceptions=(
        Misconception("the learning rate is chosen on the test set", "It gives the best number, and that is the trouble: "
                      "the test set has then helped to train.", "Only `val_accuracy` may decide.", _tuned_on_test),
        Misconception("one seed decides", "One run is quicker than ten, but its luck is not the method's.",
                      "Average over the seeds before you choose.", _tuned_first_seed),
        Misconception("the luckiest single run decides", "The largest entry of a table catches the eye.",
                      "Average over the seeds before you choose.", _tuned_luckiest),
        Misconception("another learning rate for every seed", "It looks even more careful, but it picks the luck of each "
                      "seed, and nobody could use such a recipe.", "Which axis should the mean run over?", _tuned_per_seed),
        Misconception("the baseline is not tuned", "The first learning rate of the table is taken as it comes.",
                      "Which row does best on validation data?", _tuned_not_at_all),
        Misconception("averaged over the learning rates", "An average seems neutral, but nobody would use the bad ones.",
                      "Choose one row; do not blend them.", _tuned_average),
        Misconception("the validation accuracies are returned", "They chose the learning rate, so they are too high to be "
                      "reported.", "Choose with one table, report from the other.", _tuned_reports_val),
        Misconception("the median decides", "It forgives a crashed run, but a method that crashes has earned its lower mean.",
                      "What does “on average” ask for?", _tuned_median),
        Misconception("the steadiest learning rate decides", "Subtracting the spread rewards a rate that can be relied on, "
                      "but then scratch is compared below its best mean.", "Which single number for each rate does the text "
                      "ask for?", _tuned_stable),
        Misconception("the rate that wins at most seeds", "A vote looks fair, but it does not see by how much a rate wins "
                      "or loses.", "What becomes of a rate that wins narrowly twice and loses badly three times?",
                      _tuned_majority),
        Misconception("validation and test accuracies choose together", "Twice as many numbers seem to choose better, but "
                      "what helped to choose cannot be reported as new.", "Only `val_accuracy` may decide.", _tuned_on_all),
        Misconception("the worst learning rate is chosen", "`argmin` is the habit of whoever watches losses.",
                      "Is a high accuracy good or bad?", _tuned_worst),
        Misconception("one single entry of the table", "`argmax` without an axis counts through the whole table.",
                      "How many test accuracies should come back?", _tuned_single_entry),
        Misconception("the number of the row, not the row", "The choice is made, and what was wanted is what it gives.",
                      "What stands in that row of the test table?", _tuned_index),
        Misconception("a summary of the row", "Mean and spread are what a report shows, but what follows needs every seed.",
                      "Return the whole row.", _tuned_summary),
        Misconception("the mean is returned", "One number is easier to print, but the comparison that follows needs every "
                      "seed.", "Return the whole row.", _tuned_mean),
    ),
)
