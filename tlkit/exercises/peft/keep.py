"""Exercise 09.keep: what a small artefact has to hold."""

import numpy as np
import torch

from tlkit.exercises.record import Case, Exercise, Misconception

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def _keep_cases(rng: np.random.Generator) -> list[Case]:
    def tensor(*shape):
        return torch.tensor(np.round(rng.normal(size=shape or (2,)), 2))

    def head():
        return {"head.weight": tensor(2, 3), "head.bias": tensor(2)}

    def block(number, norm=None, update=False, adapter=False):
        found = {f"backbone.block{number}.conv.weight": tensor(3, 2)}
        if update:
            found |= {f"backbone.block{number}.conv.down": tensor(1, 2), f"backbone.block{number}.conv.up": tensor(3, 1)}
        if adapter:
            found |= {f"backbone.block{number}.adapter.down.weight": tensor(1, 3), f"backbone.block{number}.adapter.down.bias": tensor(1)}
        if norm:
            found |= {f"backbone.block{number}.{norm}.weight": tensor(3), f"backbone.block{number}.{norm}.bias": tensor(3),
                      f"backbone.block{number}.{norm}.running_mean": tensor(3), f"backbone.block{number}.{norm}.running_var": tensor(3) ** 2 + 0.1,
                      f"backbone.block{number}.{norm}.num_batches_tracked": torch.tensor(int(rng.integers(1, 90)))}
        return found

    def call(state, extra=()):
        return {**state}, [*extra]

    lora = ["backbone.block2.conv.down", "backbone.block2.conv.up"]
    biases = ["backbone.block1.bn.bias", "backbone.block2.norm.bias"]
    learned, statistics, other = "what was learned in the body", "BatchNorm's statistics", "what is not of the body"
    return [
        Case(learned, "LoRA in one of two blocks, whose B is still zero",
             (call({**block(1), **block(2, update=True), "backbone.block2.conv.up": torch.zeros(3, 1, dtype=torch.float64)}, lora),)),
        Case(learned, "an adapter", (call({**block(1), **block(2, adapter=True)}, [f"backbone.block2.adapter.down.{end}" for end in ("weight", "bias")]),)),
        Case(learned, "BitFit: biases of the body itself",
             (call({"backbone.block1.fc.weight": tensor(3, 2), "backbone.block1.fc.bias": tensor(3), **block(2)}, ["backbone.block1.fc.bias"]),)),
        Case(learned, "names that begin, end or go on alike",
             (call({"backbone.scale": tensor(2), "backbone.scale2": tensor(2), "backbone.fc.bias": tensor(1), "backbone.fc.bias2": tensor(1), "backbone.old.head.bias": tensor(2), **head()},
                   ["backbone.scale2", "backbone.fc.bias", "head.bias"]),)),
        Case(other, "the head, which trained", (call({**block(1), **head()}, ["head.weight", "head.bias"]),)),
        Case(other, "the head, which was set without training", (call({**block(1), **block(2, update=True), **head()}, lora),)),
        Case(other, "a scale behind the head", (call({**block(1), "temperature": tensor(1), **head()}, ["head.weight", "head.bias"]),)),
        Case(other, "names that hold backbone elsewhere, and whole numbers",
             (call({**block(1), "backbone_scale": tensor(1), "averaged.backbone.scale": tensor(2), "classes": torch.tensor([2, 0, 1])}),)),
        Case(statistics, "in a block without an update", (call({**block(1, norm="bn"), **block(2, update=True)}, lora),)),
        Case(statistics, "in two blocks", (call({**block(1, norm="bn"), **block(2, norm="norm")}, []),)),
        Case(statistics, "names that look like theirs", (call({**block(1, norm="norm"), "backbone.gate.log_running_var": tensor(2), "backbone.gate.running_scale": tensor(1),
                                                               "backbone.running_mean_of.weight": tensor(2)}, []),)),
        Case("all of it together", "LoRA, a head, norms", (call({**block(1, norm="bn"), **block(2, norm="norm", update=True), **head()},
                                                               [*lora, "head.weight", "head.bias"]),)),
        Case("all of it together", "BitFit, a head, norms", (call({**block(1, norm="bn"), **block(2, norm="norm"), **head()}, [*biases, "head.weight"]),)),
    ]


def _kept(trained=lambda name, learned: name in learned, other=lambda name: not name.startswith("backbone."),
          statistic=lambda name: name.rpartition(".")[2] in _STATISTICS, gives=dict):
    """What is kept, with one mistake."""

    def small_artefact(state, trained_names):
        return gives({name: values for name, values in state.items() if trained(name, trained_names) or other(name) or statistic(name)})

    return small_artefact


def _never(*names):
    return False


KEEP = Exercise(
    id="09.keep",
    title="what a small artefact holds",
    name="small_artefact",
    parameters=("state", "trained"),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.artefact:without_body",
    cases=_keep_cases,
    hint="Three reasons to keep a tensor. Go through the names, and ask of each whether one of them holds.",
    shrinks=False,
    misconceptions=(
        Misconception("the updates alone", "They are what the method is about, and a file of them loads without complaint. The head is then whatever it was drawn "
                      "as: accuracy as by guessing.", "What turns features into classes?", _kept(other=_never, statistic=_never)),
        Misconception("only what trained", "It seems to be what changed. A head that was set, and statistics that moved, did not “train”.",
                      "Which tensors differ from the published body although no optimiser held them?", _kept(other=_never)),
        Misconception("statistics are missing", "They moved in training without a gradient, trained or not, and whoever loads the artefact needs them as they are.",
                      "Which tensors can change without a gradient (unit 05)?",
                      _kept(statistic=_never)),
        Misconception("the head alone", "That is all of a linear probe; here something was learned in the body too.", "Which names does `trained` hold?",
                      _kept(trained=_never, statistic=_never)),
        Misconception("all but what was learned in the body", "Head and statistics are there, and the point of it all is missing.", "Which names does `trained` hold?",
                      _kept(trained=_never)),
        Misconception("the head only if it trained", "Head and body are told apart by the name, not by whether they trained.",
                      "Where would a head that was set to class means come from when you load?", _kept(other=_never, statistic=lambda name: name.rpartition(".")[2] in _STATISTICS or "temperature" in name)),
        Misconception("everything", "It is right, and as large as the body.", "What does everybody who loads it have already?", _kept(other=lambda name: True)),
        Misconception("what is called head", "Not all that is no body is called so.", "How does the exercise tell what is not of the body?",
                      _kept(other=lambda name: name.startswith("head."))),
        Misconception("all of BatchNorm", "Its scale and shift are weights, and stayed; they are in the published body.",
                      "Which three tensors of a BatchNorm are statistics?", _kept(statistic=lambda name: ".bn." in name or ".norm." in name)),
        Misconception("names that merely look like statistics", "`log_running_var` ends so too, and a module may be called `running_mean_of`. The last part says it, the whole of it.",
                      "What stands behind the last dot?", _kept(statistic=lambda name: any(end in name for end in _STATISTICS))),
        Misconception("names that end like statistics", "`log_running_var` ends so too. The last part says it, the whole of it.",
                      "What stands behind the last dot?", _kept(statistic=lambda name: name.endswith(_STATISTICS))),
        Misconception("the dot behind `backbone` is left out", "`backbone_scale` begins so too, and is not of the body.", "With which letters do names of the body begin?",
                      _kept(other=lambda name: not name.startswith("backbone"))),
        Misconception("backbone anywhere in the name", "What is of the body begins so; elsewhere the word means nothing.", "With which letters do names of the body begin?",
                      _kept(other=lambda name: "backbone." not in name)),
        Misconception("names that begin like one that trained", "`fc.bias2` begins like `fc.bias`, and is another tensor.", "When are two names the same?",
                      _kept(trained=lambda name, learned: any(name.startswith(each) for each in learned))),
        Misconception("tensors of zeros are left out", "A B that is still zero was learned as well as any, and whoever loads the artefact looks for it.",
                      "Which three reasons to keep a tensor does the exercise give?", lambda state, trained: {name: values for name, values in _kept()(state, trained).items() if values.any()}),
        Misconception("mean and variance without the count", "The count of batches decides how fast a running mean moves if momentum is None; it belongs to the state.",
                      "Which three tensors of a BatchNorm are statistics?", _kept(statistic=lambda name: "running_" in name)),
        Misconception("names that look like LoRA", "An adapter, or biases, would be lost.", "What tells you what was learned: the end of a name, or `trained`?",
                      _kept(trained=lambda name, learned: name.endswith((".down", ".up")))),
        Misconception("what did not train", "The condition is the wrong way round.", "What does everybody who loads it have already?",
                      _kept(trained=lambda name, learned: name not in learned)),
        Misconception("the names are shortened", "Without `backbone.` in front nobody finds the place that a tensor belongs to.", "Which names will `restore` look for?",
                      _kept(gives=lambda found: {name.removeprefix("backbone."): values for name, values in found.items()})),
        Misconception("names without their tensors", "A list of what to keep, and not what is kept.", "What does a file have to hold?", _kept(gives=list)),
        Misconception("the body, and not the rest", "That is what everybody has.", "What does everybody who loads it have already?",
                      lambda state, trained: {name: values for name, values in state.items() if name.startswith("backbone.") and name not in trained}),
    ),
)
