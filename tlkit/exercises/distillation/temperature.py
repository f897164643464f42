"""Exercise 10.temperature: which temperature?"""

from itertools import groupby

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _cases(rng: np.random.Generator) -> list[Case]:
    def table(val, temperatures=None, test=None, losses=None, first=None):
        """Runs of val's temperatures (rows) and seeds (columns), in any order; losses are in any order too, or by the row as given.

        A run of the temperature in row `first`, if one is given, comes first.
        """
        val = np.asarray(val, float)
        temperatures = [1.0, 2.0, 4.0, 8.0][: len(val)] if temperatures is None else temperatures
        test = np.round(rng.uniform(0.3, 0.9, val.shape), 3) if test is None else np.asarray(test, float)
        losses = rng.permutation(len(val)) if losses is None else losses
        runs = [(float(temperature), seed, round(float(0.3 + 0.4 * losses[row] + rng.uniform(0, 0.3)), 3), float(val[row, seed]), float(test[row, seed]))
                for row, temperature in enumerate(temperatures) for seed in range(val.shape[1])]
        runs = [runs[place] for place in rng.permutation(len(runs))]
        return (runs if first is None else sorted(runs, key=lambda run: run[0] != temperatures[first]),)

    eighths = lambda *rows: np.array(rows) / 8  # noqa: E731  (their means are exact, so that equal ones are equal)
    return [
        Case("the mean over the seeds", "two temperatures, one seed", (table(eighths([4], [6])),)),
        Case("the mean over the seeds", "two temperatures, two seeds", (table(eighths([5, 7], [6, 3])),)),
        Case("the mean over the seeds", "one good seed does not make a temperature", (table(eighths([6, 6, 5], [8, 2, 3], [4, 5, 5])),)),
        Case("the mean over the seeds", "one bad seed does not unmake one", (table(eighths([4, 4], [8, 2])),)),
        Case("the mean over the seeds", "the middle seed is not the mean", (table(eighths([5, 5, 5], [4, 4, 8])),)),
        Case("the mean over the seeds", "four temperatures, four seeds", (table(eighths([2, 3, 4, 3], [5, 4, 6, 5], [7, 2, 1, 5], [4, 4, 4, 5])),)),
        Case("the mean over the seeds", "two seeds alike count as two", (table(eighths([3, 5, 6], [6, 6, 3]), test=[[0.6, 0.72, 0.75], [0.68, 0.68, 0.83]]),)),
        Case("the mean over the seeds", "means that lie close together", (table([[0.801, 0.803], [0.806, 0.802], [0.8, 0.801]]),)),
        Case("the mean over the seeds", "low accuracies everywhere", (table(eighths([1, 1], [2, 1], [0, 2])),)),
        Case("the test set has no say", "the best on the test set is another", (table(eighths([7, 6], [3, 4]), test=[[0.6, 0.7], [0.9, 0.8]]),)),
        Case("the test set has no say", "of three", (table(eighths([2, 4, 3], [6, 7, 5], [5, 5, 5]), test=[[0.95, 0.9, 0.85], [0.7, 0.6, 0.8], [0.5, 0.9, 0.7]]),)),
        Case("of equals the lowest", "two alike", (table(eighths([3, 3], [6, 4], [5, 5]), losses=(2, 1, 0)),)),
        Case("of equals the lowest", "all alike, temperatures that are no whole numbers",
             (table(eighths([5, 6], [6, 5], [4, 7], [7, 4]), [0.5, 1.5, 3.0, 12.0], losses=(1, 0, 2, 3), first=2),)),
        Case("of equals the lowest", "ten is above two", (table(eighths([5, 6], [6, 5]), [2.0, 10.0], first=1),)),
        Case("of equals the lowest", "no answer was right", (table(eighths([0, 0], [0, 0])),)),
        Case("no runs are refused", "one is enough", (table(eighths([5])),)),
        Case("no runs are refused", "none at all", (([],),), raises="ValueError"),
    ]


def _choice(score=lambda rows: np.mean([row[3] for row in rows]), result=lambda t, rows: (t, float(np.mean([row[4] for row in rows]))), best=max, descending=False):
    """The choice with one mistake."""

    def choose_temperature(runs):
        if not runs:
            raise ValueError("no runs")
        by = {t: [row for row in runs if row[0] == t] for t in sorted({row[0] for row in runs}, reverse=descending)}
        chosen = best(by, key=lambda t: score(by[t]))
        return result(chosen, by[chosen])

    return choose_temperature


def _for_each_seed(runs):
    if not runs:
        raise ValueError("no runs")
    best = [max(sorted(row for row in runs if row[1] == seed), key=lambda row: row[3]) for seed in {row[1] for row in runs}]
    temperatures = [row[0] for row in best]
    return max(sorted(set(temperatures)), key=temperatures.count), float(np.mean([row[4] for row in best]))


def _best_run(runs):
    if not runs:
        raise ValueError("no runs")
    row = max(sorted(runs), key=lambda row: row[3])
    return row[0], row[4]


def _mean_of_all(runs):
    chosen, _ = _choice()(runs)
    return chosen, float(np.mean([row[4] for row in runs]))


def _best_test_of_it(runs):
    return _choice(result=lambda t, rows: (t, max(row[4] for row in rows)))(runs)


def _first_seen(runs):
    if not runs:
        raise ValueError("no runs")
    by = {}
    for row in runs:
        by.setdefault(row[0], []).append(row)
    chosen = max(by, key=lambda t: np.mean([row[3] for row in by[t]]))
    return chosen, float(np.mean([row[4] for row in by[chosen]]))


def _within(margin):
    """The lowest temperature within a margin of the best."""

    def choose_temperature(runs):
        if not runs:
            raise ValueError("no runs")
        by = {t: [row for row in runs if row[0] == t] for t in sorted({row[0] for row in runs})}
        means = {t: np.mean([row[3] for row in rows]) for t, rows in by.items()}
        best = max(means, key=means.get)
        chosen = min(t for t in by if means[t] >= means[best] - margin([row[3] for row in by[best]]))
        return chosen, float(np.mean([row[4] for row in by[chosen]]))

    return choose_temperature


def _standard_error(accuracies):
    return np.std(accuracies) / len(accuracies) ** 0.5


def _most_seeds(runs):
    chosen = _for_each_seed(runs)[0]
    return chosen, float(np.mean([row[4] for row in runs if row[0] == chosen]))


def _nothing_for_nothing(runs):
    return _choice()(runs) if runs else (None, float("nan"))


def _neighbours(runs):
    """Grouped without sorting first: every stretch of one temperature is a group."""
    if not runs:
        raise ValueError("no runs")
    groups = [(t, list(rows)) for t, rows in groupby(runs, key=lambda row: row[0])]
    chosen, rows = max(sorted(groups), key=lambda group: np.mean([row[3] for row in group[1]]))
    return chosen, float(np.mean([row[4] for row in rows]))


def _searched_from(start):
    """The search begins at an accuracy that the best one need not exceed."""

    def choose_temperature(runs):
        if not runs:
            raise ValueError("no runs")
        best = start, None, None
        for t in sorted({row[0] for row in runs}):
            rows = [row for row in runs if row[0] == t]
            if np.mean([row[3] for row in rows]) > best[0]:
                best = np.mean([row[3] for row in rows]), t, float(np.mean([row[4] for row in rows]))
        return best[1:]

    return choose_temperature


def _last_run(runs):
    if not runs:
        raise ValueError("no runs")
    by = {row[0]: row for row in runs}
    chosen = max(sorted(by), key=lambda t: by[t][3])
    return chosen, by[chosen][4]


TEMPERATURE = Exercise(
    id="10.temperature",
    title="which temperature?",
    name="choose_temperature",
    parameters=("runs",),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.comparison:choose_temperature",
    cases=_cases,
    shrinks=False,
    equivalent_mutants={
        **dict.fromkeys(("dropped: if len(runs) == 0:\n    raise ValueError('without runs there is no temperature to choose')",
                         "dropped: raise ValueError('without runs there is no temperature to choose')", "if len(runs) == -1:"),
                        "to take the largest of nothing is a ValueError as well"),
        "return (best, float(means[best][-1]))": "there are two means",
    },
    hint="Group the runs by temperature; one column decides, another is reported.",
    misconceptions=(
        Misconception("chosen on the test set", "It is the number that counts in the end; so it must not choose.", "Which split is there to choose with?",
                      _choice(score=lambda rows: np.mean([row[4] for row in rows]))),
        Misconception("the lowest loss", "The loss has T in it: at another temperature it is another loss.", "Can losses at T = 1 and T = 8 be compared?",
                      _choice(score=lambda rows: -np.mean([row[2] for row in rows]))),
        Misconception("the highest loss", "A table has many columns.", "Which column holds the validation accuracy?",
                      _choice(score=lambda rows: np.mean([row[2] for row in rows]))),
        Misconception("the best single run", "One good seed is luck; the next seed is asked too.", "How many seeds does each temperature have?", _best_run),
        Misconception("the temperature of the best single run", "One good seed is luck, even if the mean is reported.", "How many seeds does each temperature have?",
                      _choice(score=lambda rows: max(row[3] for row in rows))),
        Misconception("the temperature whose worst run is best", "Cautious, but another rule.", "What of the seeds' accuracies should be highest?",
                      _choice(score=lambda rows: min(row[3] for row in rows))),
        Misconception("a temperature for each seed", "Each seed takes what is best for it: the choice then profits from luck as many times as there are seeds.",
                      "For how many seeds is one temperature chosen?", _for_each_seed),
        Misconception("the validation accuracy is reported", "It was looked at for choosing, and is too good for that reason.", "Which split has had no say?",
                      _choice(result=lambda t, rows: (t, float(np.mean([row[3] for row in rows]))))),
        Misconception("the test accuracy of all runs", "The mean is over the runs of one temperature.", "Which runs have the temperature that was chosen?", _mean_of_all),
        Misconception("the best test accuracy at it", "Of several seeds the mean is reported, not the luckiest.", "What is to be expected of another seed?", _best_test_of_it),
        Misconception("the highest of equals", "The order of the search decides, if nobody says otherwise.", "Which of equal temperatures does the exercise take?",
                      _choice(descending=True)),
        Misconception("of equals the one that comes first in the table", "The table is in no order.", "Which of equal temperatures does the exercise take?", _first_seen),
        Misconception("of equals the one with the lower loss", "It looks like a second opinion; but at another temperature it is another loss.",
                      "Which of equal temperatures does the exercise take?",
                      _choice(score=lambda rows: (np.mean([row[3] for row in rows]), -np.mean([row[2] for row in rows])))),
        Misconception("nearly equal is taken for equal", "A hundredth may be luck; but the exercise asks for the highest mean, and what nearly equal is nobody has said.",
                      "Which of two means is higher, 0.802 or 0.804?", _within(lambda accuracies: 0.01)),
        Misconception("the lowest temperature within a standard error",
                      "A rule that prefers what is simple; no temperature is simpler than another, and the exercise asks for the highest mean.",
                      "Which temperature has the highest mean?", _within(_standard_error)),
        Misconception("the temperature that wins most seeds", "A vote counts who is best, and not by how much.", "What of the seeds' accuracies should be highest?", _most_seeds),
        Misconception("one seed decides", "The first seed is one draw; the others are asked too.", "How many seeds does each temperature have?",
                      _choice(score=lambda rows: min(rows, key=lambda row: row[1])[3])),
        Misconception("the lowest accuracy", "It is losses that should be low.", "Should an accuracy be high or low?", _choice(best=min)),
        Misconception("the two results are swapped", "Both are numbers.", "Which of the two comes first?",
                      _choice(result=lambda t, rows: (float(np.mean([row[4] for row in rows])), t))),
        Misconception("the temperature alone", "The other half of the answer is what it is worth.", "Which two numbers should come back?", _choice(result=lambda t, rows: t)),
        Misconception("an answer without runs", "Nothing was tried, so nothing can be chosen.", "What does the exercise ask for where there are no runs?", _nothing_for_nothing),
        Misconception("the median over the seeds", "Less moved by one seed, and another rule.", "Which middle does the exercise ask for?",
                      _choice(score=lambda rows: np.median([row[3] for row in rows]))),
        Misconception("a sum where a mean is due", "With as many seeds each, sums choose the same; but an accuracy is no sum.", "Between which two numbers does an accuracy lie?",
                      _choice(result=lambda t, rows: (t, float(np.sum([row[4] for row in rows]))))),
        Misconception("one run of each temperature", "A dictionary with one place for each temperature keeps the run that came last.",
                      "How many runs does each temperature have?", _last_run),
        Misconception("validation and test together choose", "More examples make a better choice, and a test set that is none any more.",
                      "Which split must have no say?", _choice(score=lambda rows: np.mean([row[3] + row[4] for row in rows]))),
        Misconception("the test accuracy of its best seed", "Its best seed on validation data is still one seed.", "Of how many runs is the mean reported?",
                      _choice(result=lambda t, rows: (t, max(rows, key=lambda row: row[3])[4]))),
        Misconception("only neighbours in the table are grouped", "`itertools.groupby` begins a new group wherever the temperature changes, and the table is in no order.",
                      "In which order must a table be before neighbours are all that belong together?", _neighbours),
        Misconception("the search starts at 0 and asks for more", "An accuracy may be 0, and then nothing is found.",
                      "What comes back where no answer was right at any temperature?",
                      _searched_from(0.0)),
        Misconception("the best may be any above a half", "The search starts too high: a task can be so hard that the best stays below.",
                      "Below which number can no accuracy lie?", _searched_from(0.5)),
        Misconception("the test accuracies one by one", "Of the runs at one temperature the mean is reported.", "How many numbers should come back?",
                      _choice(result=lambda t, rows: (t, [row[4] for row in rows]))),
    ),
)
