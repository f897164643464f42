"""From a failed check to the one thing to look at first: a known misconception, else what every exercise can have."""

from collections.abc import Callable

import numpy as np

from tlkit.exercises.record import Exercise
from tlkit.exercises.recipe import Recipe
from tlkit.grading import diagnosis, relations, usage, variants
from tlkit.grading.compare import first_difference
from tlkit.grading.encoding import as_plain
from tlkit.grading.observation import Opaque
from tlkit.grading.subject import LocalSubject, Subject
from tlkit.grading.trial import (
    ANOTHER_DEVICE, ANOTHER_RESULT, CHANGED_INPUT, LEFT_BEHIND, MOVED_RANDOM_STATE, RAISED, Result, Trial, behaves_like, last,
    misconception_result, run,
)
from tlkit.grading.verdict import Diagnosis


def diagnose(exercise: Exercise, subject: Subject, seed: int, trials: list[Trial],
             smallest: int) -> tuple[Diagnosis | None, Callable[[Trial], bool], Callable[[Trial], Diagnosis | None]]:
    """What the answer got wrong, a test whether another failing trial would get the same diagnosis, and its words for that one."""
    if trials[smallest].problem.what == ANOTHER_RESULT:
        found = diagnosis.another_result()
        return found, lambda other: False, lambda other: found
    index, certain = _named(exercise, seed, trials, smallest)
    general = None if certain else _general(exercise, subject, trials, smallest) or _named_and_more(exercise, seed, trials)
    if general is None and index is not None:
        named = exercise.misconceptions[index]
        said = Diagnosis(named.name, named.why, named.hint)
        return said, lambda found: _same_mistake(exercise, named.answer, found), lambda found: said
    if general is None:
        return None, lambda found: True, lambda found: None

    def retold(found: Trial) -> Diagnosis | None:
        return _general(exercise, subject, [*trials[:smallest], found, *trials[smallest + 1:]], smallest)

    def stays(found: Trial) -> bool:
        other = retold(found)
        return other is not None and _family(other) == _family(general)

    return general, stays, lambda found: retold(found) or general


def _family(found: Diagnosis) -> str:
    return found.name.partition(":")[0]


def _named(exercise: Exercise, seed: int, trials: list[Trial], smallest: int) -> tuple[int | None, bool]:
    """The misconception that an answer behaves like, and whether that is certain.

    It is where they behave alike on all cases, or on all that fail with nothing to speak against it: no case that the
    misconception gets wrong and the answer right. Otherwise they must at least agree, in values, on two failing
    cases, all of one group; of a plan, whose cases are its entries, one is enough.
    """
    enough = 1 if exercise.kind == "plan" else 2
    failing = [i for i, t in enumerate(trials) if t.problem]
    in_group = [i for i in failing if trials[i].case.group == trials[smallest].case.group]
    partly, likely = None, None
    for index in range(len(exercise.misconceptions)):
        def same(i: int, index: int = index) -> bool:
            return behaves_like(exercise, misconception_result(exercise.id, index, seed, i), trials[i].mine)

        if not same(smallest):
            continue
        alike = [i for i in range(len(trials)) if same(i)]
        if len(alike) == len(trials):
            return index, True
        wrong = misconception_result(exercise.id, index, seed, smallest)
        if behaves_like(exercise, wrong, trials[smallest].due):
            continue
        if set(failing) <= set(alike) and not any(_gets_wrong(exercise, seed, index, i, trials) for i in range(len(trials))
                                                  if i not in failing):
            partly = index if partly is None else partly
        agree = [i for i in in_group if i in alike and not trials[i].mine.failure]
        if len(agree) == len(in_group) >= enough:
            likely = index if likely is None else likely
    if partly is not None:
        return partly, True
    return (likely if likely is not None else _wrong_in_the_same_facts(exercise, seed, trials)), False


def _gets_wrong(exercise: Exercise, seed: int, index: int, i: int, trials: list[Trial]) -> bool:
    return not behaves_like(exercise, misconception_result(exercise.id, index, seed, i), trials[i].due)


def _wrong_in_the_same_facts(exercise: Exercise, seed: int, trials: list[Trial]) -> int | None:
    """The only misconception that gets the same named facts wrong, where chance decides on which cases."""

    def facts(pairs: list[tuple[Trial, Result]]) -> set[str]:
        return {key for each, result in pairs if isinstance(each.due.seen, dict) and isinstance(result.seen, dict)
                for key, value in each.due.seen.items() if first_difference(value, result.seen.get(key), 0, 0)}

    mine = facts([(each, each.mine) for each in trials])
    found = [index for index in range(len(exercise.misconceptions)) if mine == facts(
        [(each, misconception_result(exercise.id, index, seed, i)) for i, each in enumerate(trials)])]
    return found[0] if exercise.view is not None and mine and len(found) == 1 else None


def _same_mistake(exercise: Exercise, answer: object, found: Trial) -> bool:
    theirs = run(exercise, LocalSubject.of(answer), found.case)
    return behaves_like(exercise, theirs, found.mine) and not behaves_like(exercise, theirs, found.due)


def _general(exercise: Exercise, subject: Subject, trials: list[Trial], smallest: int) -> Diagnosis | None:
    """The diagnoses that every exercise gets without writing them."""
    failing = trials[smallest]
    problem, mine, due = failing.problem, failing.mine, failing.due
    strange = subject.surroundings() if problem.what == RAISED and mine.failure else {}
    if strange:
        return diagnosis.shadowed(*next(iter(strange.items())))
    if problem.what == RAISED:
        return diagnosis.raised(mine.failure, due.failure, exercise) if mine.failure else diagnosis.did_not_raise(due.failure)
    for value, observation in zip(mine.values, mine.observations):
        value = next(iter(value.values()), None) if isinstance(value, dict) and value else value
        expected = last(due.values)
        expected = next(iter(expected.values()), None) if isinstance(expected, dict) and expected else expected
        found = diagnosis.not_a_value(value, observation.output)
        if found and expected is not None and not isinstance(expected, Opaque):
            return found
        if isinstance(value, list) and any(part is None for part in value):
            return diagnosis.none_inside()
        if isinstance(value, list) and isinstance(expected, np.ndarray):
            return diagnosis.a_list()
    for observation in mine.observations:
        if isinstance(observation.gradients, Opaque) and not any(isinstance(o.gradients, Opaque) for o in due.observations):
            return diagnosis.detached()
    if problem.what == ANOTHER_DEVICE:
        return diagnosis.another_device(problem.expected, problem.got)
    if problem.what == CHANGED_INPUT:
        return diagnosis.changed_argument(_changed(exercise, failing))
    if problem.what == MOVED_RANDOM_STATE:
        return diagnosis.moved_random_state(problem.got.partition("(")[2].rstrip(")"))
    if problem.what == LEFT_BEHIND:
        return diagnosis.left_behind(problem.got)
    if exercise.kind in ("loop", "class"):
        found = usage.compared(failing)
        if found:
            return found
    chance = _by_chance(exercise, subject, failing)
    if chance or exercise.view is not None and exercise.kind != "loop":
        return chance
    pairs = _pairs(exercise, trials)
    for became in (relations.became_nan, relations.became_inf):  # what is said of nan and inf must be seen
        if not any(became(expected, got) for expected, got, i in pairs if i == smallest):
            pairs = [pair for pair in pairs if not became(*pair[:2])]
    return variants.compared(exercise, trials) or relations.compared(pairs, _inputs(trials))


def _changed(exercise: Exercise, failing: Trial) -> str:
    names = (*exercise.parameters, *("one of its arguments",) * 9)
    for call, theirs, mine in zip(failing.case.calls, failing.due.observations, failing.mine.observations):
        for name, before, wanted, after in zip(names, call, theirs.arguments_after, mine.arguments_after):
            if not isinstance(before, Recipe) and first_difference(as_plain(wanted), as_plain(after), 0, 0):
                return name
    return names[0]


def _by_chance(exercise: Exercise, subject: Subject, failing: Trial) -> Diagnosis | None:
    """Whether the answer itself does not come to the same result twice."""
    if failing.mine.seconds > 0.5 or exercise.kind in ("number", "plan", "expression", "formulas"):
        return None
    moved = [name for o in failing.mine.observations for name in o.moved_random_states]
    with subject.other_dice():
        again = run(exercise, subject, failing.case)
    if behaves_like(exercise, again, failing.mine):
        return None
    return diagnosis.draws_at_random(moved[0]) if moved else diagnosis.another_result()


def _pairs(exercise: Exercise, trials: list[Trial]) -> list[tuple]:
    """(expected, got, index of the trial) of every number or array that differs in a failing trial."""
    return [(expected, got, i) for i, t in enumerate(trials) if t.problem and not t.due.failure and not t.mine.failure
            for d, m in zip(t.due.values, t.mine.values)
            for expected, got in relations.leaves(d, m) if first_difference(expected, got, exercise.rtol, exercise.atol)]


def _inputs(trials: list[Trial]) -> list[tuple]:
    return [t.case.calls[0] for t in trials]


def _named_and_more(exercise: Exercise, seed: int, trials: list[Trial]) -> Diagnosis | None:
    """A misconception and, on top of it, a sign or a factor."""
    if exercise.view is not None:
        return None
    failing = [i for i, t in enumerate(trials) if t.problem and not t.due.failure]
    if not failing or any(trials[i].mine.failure for i in failing):
        return None
    for index, named in enumerate(exercise.misconceptions):
        theirs = [misconception_result(exercise.id, index, seed, i) for i in failing]
        if any(result.failure for result in theirs):
            continue
        pairs = [(*pair, i) for i, result in zip(failing, theirs)
                 for d, m in zip(result.values, trials[i].mine.values) for pair in relations.leaves(d, m)]
        sizes = {round(abs(float(number)), 9) for theirs_at, _, _ in pairs for number in np.ravel(theirs_at)}
        if len(sizes - {0.0}) < 3 or all(first_difference(e, g, exercise.rtol, exercise.atol) is None for e, g, _ in pairs):
            continue  # two numbers are soon proportional to two others
        more = relations.sign_or_factor(pairs)
        if more:
            return Diagnosis(f"{named.name}; besides, {more.name}", f"{named.why} {more.why}", named.hint)
    return None
