"""Exercise 04.fit: train, stop early, and go back to the best."""

import numpy as np

from tlkit.exercises.fine_tuning_loop.material import norm_net, plain_net, watched_or_returned
from tlkit.exercises.recipe import scripted
from tlkit.exercises.record import Case, Exercise, Misconception

NAN = float("nan")


def _fit_cases(rng: np.random.Generator) -> list[Case]:
    def call(net, losses, patience, epochs=None):
        epochs = epochs or len(losses)
        more = [9.0] * 6  # for answers that go on too long
        return ((net, scripted([None] * 20, "train_one_epoch", moves=net.name), scripted([*losses, *more], "evaluate"), epochs, patience),)

    def drawn(count):
        return [float(loss) for loss in np.round(rng.permutation(np.linspace(0.31, 2.2, count)), 2)]

    long = drawn(int(rng.integers(6, 9)))
    return [
        Case("the best weights come back", "the second of three epochs is the best", call(plain_net(rng), [0.9, 0.4, 0.7], 5)),
        Case("the best weights come back", "with a BatchNorm's statistics", call(norm_net(rng), [0.9, 0.8, 0.4, 0.7], 9)),
        Case("the best weights come back", "the best by a little", call(plain_net(rng), [0.9, 0.4, 0.39996, 0.7], 9)),
        Case("the best weights come back", "losses that wobble", call(plain_net(rng), long, 20)),
        Case("the best weights come back", "the last epoch is the best", call(plain_net(rng), [0.9, 0.8, 0.4], 5)),
        Case("patience", "patience for one epoch", call(plain_net(rng, "model"), [0.9, 0.4, 0.5, 0.6, 0.3, 0.2], 1)),
        Case("patience", "patience for two epochs", call(plain_net(rng, "model"), [0.9, 0.4, 0.5, 0.6, 0.7, 0.1], 2)),
        Case("patience", "a better epoch in between gives new patience", call(plain_net(rng, "model"), [0.9, 0.95, 0.8, 0.85, 0.9, 0.1], 2)),
        Case("patience", "a little better is better", call(plain_net(rng, "model"), [0.9, 0.89998, 0.9, 0.89996, 0.9, 0.1], 2)),
        Case("patience", "better than the last is not better than the best", call(plain_net(rng, "model"), [0.4, 0.9, 0.8, 0.7, 0.1], 3)),
        Case("an equal loss is no better", "the best loss twice", call(plain_net(rng, "model"), [0.9, 0.4, 0.4, 0.4, 0.1], 2)),
        Case("an equal loss is no better", "the weights of the first of two", call(plain_net(rng), [0.9, 0.4, 0.4, 0.7], 9)),
        Case("a loss that is nan is no better", "once", call(plain_net(rng, "model"), [0.9, NAN, 0.4, NAN, NAN, 0.1], 2)),
        Case("a loss that is nan is no better", "the weights", call(plain_net(rng), [0.9, 0.6, NAN, 0.8], 9)),
        Case("all epochs", "none too many", call(plain_net(rng, "model"), [0.9, 0.8, 0.7], 2, epochs=3)),
        Case("all epochs", "patience is left", call(plain_net(rng, "model"), [0.4, 0.8, 0.7], 9, epochs=3)),
    ]


def _copied(model):
    return {name: values.clone() for name, values in model.state_dict().items()}


def _by_parameter(model):
    return {name: values.detach().clone() for name, values in model.named_parameters()}


def _answer(keep=_copied, restore=True, better=lambda loss, best: loss < best, late=0, reset=True, to_previous=False, returns="best",
            start=float("inf"), stops=True, kept_first=False, judged_first=False, all_count=False, recovers=False):
    """A fit with one mistake."""

    def fit(model, train_one_epoch, evaluate, epochs, patience):
        def stop_at(stale):
            return stops and stale >= patience + late

        best, stale, kept, loss, before = start, 0, None, None, float("inf")
        if judged_first:
            best, kept = evaluate(model), keep(model)
        for _ in range(epochs):
            held = keep(model) if kept_first else None
            train_one_epoch(model)
            loss = evaluate(model)
            if better(loss, best):
                best, kept = loss, held or keep(model)
                stale = int(all_count) if reset else stale
                if all_count and stop_at(stale):
                    break
            elif recovers and loss < before:
                stale = 0
            else:
                stale += 1
                if to_previous:
                    best = loss
                if stop_at(stale):
                    break
            before = loss
        if restore and kept is not None:
            model.load_state_dict(kept, strict=False)
        return best if returns == "best" else loss

    return fit


FIT = Exercise(
    id="04.fit",
    title="stop early, and go back to the best",
    name="fit",
    kind="loop",
    parameters=("model", "train_one_epoch", "evaluate", "epochs", "patience"),
    points=5,
    minutes=15,
    difficulty="medium",
    reference="tlkit.plain_loop:fit",
    cases=_fit_cases,
    view=watched_or_returned,
    looks_at=("the model.parameters", "the model.buffers", "train_one_epoch.calls"),
    rtol=1e-5,
    atol=1e-6,
    shrinks=False,
    hint="Three things are remembered: the best loss, how many epochs ago that was, and a copy of the weights of that moment.",
    allowed=("tlkit.early_stopping:EarlyStopping.note",),
    misconceptions=(
        Misconception("the last weights stay", "`state_dict()` looks like a copy, and `dict(...)` around it even more; the tensors in it are the model's own, and training "
                      "goes on in them. Or nothing was put back at all.",
                      "What do the kept tensors hold three epochs later?", _answer(restore=False)),
        Misconception("parameters come back, statistics do not", "`named_parameters` has all that is learned by gradients; BatchNorm's running statistics are buffers.",
                      "Which part of `state_dict()` is missing among the parameters?", _answer(keep=_by_parameter)),
        Misconception("the weights before the epoch are kept", "A copy is made at the top of the loop, or the model is evaluated before it is trained; then it is one epoch too old.",
                      "Which weights had the loss that you call the best?", _answer(kept_first=True)),
        Misconception("one epoch too patient", "Stopping when the count is greater than patience waits once more.",
                      "After how many epochs without a better one should patience 1 stop?", _answer(late=1)),
        Misconception("one epoch too impatient", "The count began one too early.", "After how many epochs without a better one should patience 2 stop?",
                      _answer(late=-1)),
        Misconception("never stopped", "Patience was given, and nobody looked at it.", "When does your loop end before the last epoch?", _answer(stops=False)),
        Misconception("higher is taken for better", "Of an accuracy it would be.", "Should a loss rise or fall?",
                      _answer(better=lambda loss, best: loss > best, start=-float("inf"))),
        Misconception("an equal loss counts as better", "A loss that stays where it is gives new patience for ever.", "Is 0.4 better than 0.4?",
                      _answer(better=lambda loss, best: loss <= best)),
        Misconception("a little better does not count", "Many libraries ask for a least improvement; here nobody asked for one.",
                      "Is 0.3999 smaller than 0.4?", _answer(better=lambda loss, best: loss < best - 1e-3)),
        Misconception("nan counts as better", "`not loss >= best` and `loss < best` are the same for numbers; nan is none.",
                      "What does a comparison with nan give?", _answer(better=lambda loss, best: not loss >= best)),
        Misconception("patience is never renewed", "The epochs without a better one are counted over the whole run.",
                      "In a row, or all together?", _answer(reset=False)),
        Misconception("the model is evaluated before its first epoch too", "How good it is without training is worth knowing; but the best is asked for among the epochs.",
                      "How often is `evaluate` called in two epochs?", _answer(judged_first=True)),
        Misconception("the best epoch itself uses patience up", "The count goes on from the best epoch, which is not one without a better loss.",
                      "How many epochs without a better loss are there, right after the best one?", _answer(all_count=True)),
        Misconception("a recovery renews patience", "The loss falls again; but it is still no better than the best.",
                      "With which loss is an epoch compared?", _answer(recovers=True)),
        Misconception("compared with the epoch before", "After one bad epoch any recovery looks like progress.",
                      "Better than the last, or better than the best?", _answer(to_previous=True)),
        Misconception("the last loss is returned", "It is the variable that is left when the loop ends.", "Which loss do the weights have that came back?",
                      _answer(returns="last")),
        Misconception("the best loss starts at 0", "No loss is below 0, so no epoch is ever better.", "Which number is every loss below?", _answer(start=0.0)),
    ),
)
