"""Exercise 05.cache: up to where may activations be computed once and kept?"""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception

_CAUSES = ("trains", "looks_at_batch", "training_mode")
_NAMES = ("stem", "block1", "block2", "block3", "pool")


def _cache_cases(rng: np.random.Generator) -> list[Case]:
    def body(frozen=5, **at):
        """Five stages of which the first `frozen` are frozen and in eval mode; `at` says where else a cause is."""
        facts = [{"name": name, "trains": number >= frozen, "looks_at_batch": False, "training_mode": number >= frozen}
                 for number, name in enumerate(_NAMES)]
        for cause, number in at.items():
            facts[number][cause] = True
        return facts

    middle = int(rng.integers(1, 4))
    views = int(rng.integers(2, 6))
    mixup = float(np.round(rng.uniform(0.1, 0.9), 2))
    bare = [{"name": "pool", "trains": False, "looks_at_batch": False, "training_mode": False}]
    return [
        Case("how far", "the whole body is frozen", ((body(), False, 0, 0.0),)),
        Case("how far", "some stages are frozen", ((body(middle), False, 0, 0.0),)),
        Case("how far", "everything trains", ((body(0), False, 0, 0.0),)),
        Case("how far", "a body of a single stage", ((bare, False, 0, 0.0),)),
        Case("frozen weights are not enough", "a frozen stage is in training mode", ((body(training_mode=middle), False, 0, 0.0),)),
        Case("frozen weights are not enough", "a frozen stage looks at the whole batch", ((body(looks_at_batch=middle), False, 0, 0.0),)),
        Case("frozen weights are not enough", "the first stage is in training mode", ((body(training_mode=0), False, 0, 0.0),)),
        Case("something trains below", "a small part in an early stage trains", ((body(4, trains=middle - 1), False, 0, 0.0),)),
        Case("something trains below", "later stages are frozen again", ((body(trains=middle), False, 0, 0.0),)),
        Case("something trains below", "a stage in training mode below one that trains", ((body(3, training_mode=0), False, 0, 0.0),)),
        Case("something trains below", "a stage that looks at the batch below one that trains", ((body(4, looks_at_batch=middle - 1), False, 0, 0.0),)),
        Case("something trains below", "several causes in one stage",
             ((body(trains=middle, looks_at_batch=middle, training_mode=middle), False, 0, 0.0),)),
        Case("something trains below", "batch and mode in one stage", ((body(looks_at_batch=middle, training_mode=middle), False, 0, 0.0),)),
        Case("inputs that change", "images are changed anew at every epoch", ((body(), True, 0, 0.0),)),
        Case("inputs that change", "one version of each image", ((body(), True, 1, 0.0),)),
        Case("inputs that change", "a few versions of each image take turns", ((body(), True, views, 0.0),)),
        Case("inputs that change", "images are mixed", ((body(middle), False, 0, mixup),)),
        Case("inputs that change", "versions, mixed", ((body(), True, views, mixup),)),
        Case("inputs that change", "changed anew, mixed, and everything trains", ((body(0), True, 0, mixup),)),
    ]


def _cache_view(values: list, calls: tuple) -> dict:
    (value,) = values
    if not isinstance(value, list | tuple) or len(value) != 2:
        return {"two results": value}
    return {"the last stage that may be kept": value[0], "the reason": value[1]}


def _kept(causes=_CAUSES, jitter=lambda jitter, views: jitter and views == 0, mixup=lambda mixup: mixup > 0, behind=False, goes_on=False,
          changes_first=True, start=None):
    """The rule with one mistake."""

    def kept_behind(stages, jitter_, views, mixup_):
        changes = "jitter" if jitter(jitter_, views) else "mixup" if mixup(mixup_) else None
        if changes and changes_first:
            return None, changes
        kept, reason = start, "head"
        for stage in stages:
            found = next((cause for cause in causes if stage[cause]), None)
            if found:
                reason = found if reason == "head" else reason
                kept = stage["name"] if behind else kept
                if not goes_on:
                    break
            else:
                kept = stage["name"]
        return kept, changes or reason

    return kept_behind


def _frozen_stages(stages, jitter, views, mixup):
    kept, reason = _kept()(stages, jitter, views, mixup)
    names = [stage["name"] for stage in stages]
    return names[: names.index(kept) + 1 if kept else 0], reason


def _all_or_nothing(stages, jitter, views, mixup):
    kept, reason = _kept()(stages, jitter, views, mixup)
    return (kept if reason == "head" else None), reason


def _first_not_kept(stages, jitter, views, mixup):
    kept, reason = _kept()(stages, jitter, views, mixup)
    names = [stage["name"] for stage in stages] + ["head"]
    return names[names.index(kept) + 1 if kept else 0], reason


def _mixup_first(stages, jitter, views, mixup):
    kept, reason = _kept()(stages, jitter, views, mixup)
    return kept, "mixup" if mixup > 0 else reason


def _empty_text(stages, jitter, views, mixup):
    kept, reason = _kept()(stages, jitter, views, mixup)
    return kept or "", reason


def _number(stages, jitter, views, mixup):
    kept, reason = _kept()(stages, jitter, views, mixup)
    return [stage["name"] for stage in stages].index(kept) if kept else None, reason


CACHE = Exercise(
    id="05.cache",
    title="what may be kept",
    name="kept_behind",
    parameters=("stages", "jitter", "views", "mixup"),
    points=3,
    minutes=10,
    difficulty="medium",
    reference="tlkit.keeping:kept_behind",
    cases=_cache_cases,
    view=_cache_view,
    shrinks=False,
    hint="First what happens to the inputs; then walk up from the input, and stop at the first stage that may not be passed.",
    misconceptions=(
        Misconception("frozen weights are taken to be enough", "A stage in training mode, with BatchNorm or dropout, gives another output every time, "
                      "although no weight moves.", "Would the same image give the same output tomorrow?", _kept(causes=("trains",))),
        Misconception("what looks at the batch is kept", "Its weights are frozen and its mode is right; but an example's output depends on its neighbours, "
                      "and those change every epoch.", "With whom was the image batched when it was kept?", _kept(causes=("trains", "training_mode"))),
        Misconception("training mode is overlooked", "Frozen means that no gradient flows, but dropout needs no gradient to draw.",
                      "Which of the three facts of a stage is not asked for?", _kept(causes=("trains", "looks_at_batch"))),
        Misconception("what trains is overlooked", "The mode alone does not say whether a weight moves.", "Which of the three facts of a stage is not asked for?",
                      _kept(causes=("looks_at_batch", "training_mode"))),
        Misconception("goes on above a stage that changes", "A later stage may be frozen; but what it is given is no longer the same.",
                      "What goes into the stage above one that trains?", _kept(goes_on=True)),
        Misconception("the stage that stands in the way is kept too", "The walk stops one step too late.", "May the output of a stage that trains be kept?",
                      _kept(behind=True)),
        Misconception("the stage that stands in the way is named", "The question is how far one gets, not where one is stopped.",
                      "Which is the last stage whose output stays the same?", _first_not_kept),
        Misconception("all or nothing", "It is the stages below that are kept; those above are computed, and most is saved already.",
                      "What changes in the first stages if only the last one trains?", _all_or_nothing),
        Misconception("random changes are overlooked", "The body is frozen, but it is shown another image every time.",
                      "Is there one activation of an image that is shifted anew at every epoch?", _kept(jitter=lambda jitter, views: False)),
        Misconception("a few versions count as random", "What is drawn once and then takes turns can be kept: it is a larger data set.",
                      "How many different images are there if each has four versions?", _kept(jitter=lambda jitter, views: jitter)),
        Misconception("mixing is overlooked", "A mixture of two images is a third one, and another one at every epoch.",
                      "Is there an activation of one image if the images are mixed?", _kept(mixup=lambda mixup: False)),
        Misconception("mixing named before random changes", "Both stand in the way; the exercise asks for the first in its order.",
                      "Which reason comes first in the list?", _mixup_first),
        Misconception("the training mode named first", "Several causes in one stage are named in the order of the exercise.",
                      "Which of three causes in one stage comes first in the list?", _kept(causes=("training_mode", "looks_at_batch", "trains"))),
        Misconception("a list of all stages", "The last one says it all: everything below is passed on the way.", "How many names should come back?",
                      _frozen_stages),
        Misconception("an empty text instead of None", "Both are empty; `backbone.run(after=None)` begins at the input, and a stage called \"\" is not there.",
                      "What does the exercise ask for where nothing may be kept?", _empty_text),
        Misconception("a number instead of a name", "Depths are counted here in names.", "What should come back: `2` or `\"block2\"`?", _number),
    ),
)
