"""Exercise 08.token_accuracy: the accuracy that is hidden in a table."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def table(rng: np.random.Generator, types: int, outside: bool = True) -> list[tuple]:
    """Made-up rows of a report, (tag, precision, recall, support)."""
    kinds = [str(kind) for kind in rng.permutation(["PER", "LOC", "ORG", "MISC"])[:types]]
    rows = [(f"{prefix}-{kind}", *np.round(rng.uniform(0.6, 0.95, 2), 3).tolist(), int(rng.integers(20, 400))) for kind in kinds for prefix in "BI"]
    return rows + ([("O", *np.round(rng.uniform(0.95, 0.99, 2), 3).tolist(), int(rng.integers(2000, 5000)))] if outside else [])


def _cases(rng: np.random.Generator) -> list[Case]:
    return [
        Case("the share of tokens", "two tags", (([("B-PER", 0.5, 0.75, 20), ("O", 0.9, 0.95, 100)],),)),
        Case("the share of tokens", "one type and O", ((table(rng, 1),),)),
        Case("the share of tokens", "three types and O", ((table(rng, 3),),)),
        Case("rows of any kind", "no row for O", ((table(rng, 2, outside=False),),)),
        Case("rows of any kind", "tags of which none was right", (([("B-ORG", 0.0, 0.0, 4), ("I-ORG", 0.0, 0.0, 2)],),)),
        Case("rows of any kind", "a tag that no token has", (([*table(rng, 1), ("B-MISC", 0.0, 0.0, 0)],),)),
        Case("no tokens are refused", "a single token", (([("O", 1.0, 1.0, 1), ("B-PER", 0.5, 0.0, 3)],),)),
        Case("no tokens are refused", "no rows", (([],),), raises="ValueError"),
        Case("no tokens are refused", "rows without tokens", (([("B-PER", 0.0, 0.0, 0)],),), raises="ValueError"),
    ]


def _weighted(column, keep=lambda tag: True):
    def answer(rows):
        if not sum(row[3] for row in rows):
            raise ValueError("no tokens")
        chosen = [row for row in rows if keep(row[0])]
        return sum(column(row) * row[3] for row in chosen) / max(sum(row[3] for row in chosen), 1)

    return answer


def _f1(row):
    return 2 * row[1] * row[2] / (row[1] + row[2]) if row[1] + row[2] else 0.0


def _macro(rows):
    if not sum(row[3] for row in rows):
        raise ValueError("no tokens")
    return float(np.mean([row[2] for row in rows]))


def _macro_f1(rows):
    if not sum(row[3] for row in rows):
        raise ValueError("no tokens")
    return float(np.mean([_f1(row) for row in rows]))


def _counted(rows):
    if not sum(row[3] for row in rows):
        raise ValueError("no tokens")
    return sum(row[2] * row[3] for row in rows)


def _zero(rows):
    tokens = sum(row[3] for row in rows)
    return sum(row[2] * row[3] for row in rows) / tokens if tokens else 0.0


TOKEN_ACCURACY = Exercise(
    id="08.token_accuracy",
    title="the accuracy that is hidden in a table",
    name="token_accuracy",
    parameters=("rows",),
    points=2,
    minutes=5,
    difficulty="easy",
    reference="tlkit.token_table:token_accuracy",
    cases=_cases,
    rtol=1e-9,
    hint="Recall times support is how many tokens of a tag were named rightly.",
    misconceptions=(
        Misconception("the mean of the rows", "Each tag counts alike then, the rare as much as O.", "How many tokens does each row speak for?", _macro),
        Misconception("the mean of the rows' F1", "That is the macro average of F1; accuracy is a share of tokens.", "Which column says what share of a tag's "
                      "tokens is right?", _macro_f1),
        Misconception("precision, weighted by support", "Precision speaks for the tokens that were given the tag, support counts those that have it.",
                      "Which column speaks for the tokens that support counts?", _weighted(lambda row: row[1])),
        Misconception("F1, weighted by support", "The report's last line has it, and it is close to the accuracy without being it.",
                      "Which column says what share of a tag's tokens is right?", _weighted(_f1)),
        Misconception("O is left out", "O is no entity, but its tokens are tokens.", "Accuracy of what is asked for: of entities or of tokens?",
                      _weighted(lambda row: row[2], keep=lambda tag: tag != "O")),
        Misconception("counted, not shared", "How many are right grows with the text.", "Which number should stand for “all right”?", _counted),
        Misconception("zero for no tokens", "Nothing was right, but nothing was wrong either.", "What does the exercise ask for where there is nothing to "
                      "judge?", _zero),
    ),
)
