"""Exercise 05.lp_ft: first the head, then everything, as a plan."""

import numpy as np

from tlkit.exercises.record import Case, Exercise, Misconception


def _plan_cases(rng: np.random.Generator) -> list[Case]:
    def call():
        return int(rng.integers(5, 30)), float(np.round(rng.uniform(1e-4, 9e-3), 5)), int(rng.integers(31, 90))

    return [
        Case("first the head alone", "a long probe", (call(),)),
        Case("first the head alone", "another one", (call(),)),
        Case("then everything", "after the probe", (call(),)),
        Case("then everything", "another rate", (call(),)),
    ]


def _plan_view(values: list, calls: tuple) -> dict:
    """What a plan does, phase by phase: the same however it says so."""
    (plan,) = values
    phases = plan["phases"]
    facts = {"the number of phases": len(phases)}
    for number, phase in enumerate(phases, 1):
        frozen = phase["learning_rate"] == 0 and not phase["rates"]
        facts |= {
            f"phase {number}: epochs": phase["epochs"], f"phase {number}: the body is frozen": frozen,
            f"phase {number}: the body's learning rate": 0.0 if frozen else phase["learning_rate"],
            f"phase {number}: the head's learning rate": phase["head_learning_rate"],
            f"phase {number}: stages frozen by name or number": phase["frozen"] if not frozen else [],
            f"phase {number}: slower by depth": phase["depth_decay"] if not frozen else 1.0,
        }
    facts["the weights are drawn anew"] = plan["fresh_weights"]
    facts |= {f"setting {name}": plan[name] for name in ("batch_size", "weight_decay", "optimizer", "schedule", "warmup", "accumulate", "patience")}
    return facts


def _plan(first=lambda rate: (0.0, 1e-2), second=lambda rate: (rate, rate), swapped=False, epochs=lambda epochs, probe: (probe, epochs),
          phases=slice(None), **settings):
    """A plan with one mistake; `first` and `second` give the rates of body and head."""

    def lp_ft(epochs_, learning_rate, probe_epochs):
        from tlkit.plans import Phase, Plan

        lengths = epochs(epochs_, probe_epochs)
        made = [Phase(length, *rates(learning_rate)) for length, rates in zip(lengths, (first, second), strict=True)]
        return Plan("lp_ft", tuple((made[::-1] if swapped else made)[phases]), **settings)

    return lp_ft


LP_FT = Exercise(
    id="05.lp_ft",
    title="a probe, then fine-tuning, as a plan",
    name="lp_ft",
    parameters=("epochs", "learning_rate", "probe_epochs"),
    points=2,
    minutes=6,
    difficulty="easy",
    reference="tlkit.plans:lp_ft",
    cases=_plan_cases,
    view=_plan_view,
    shrinks=False,
    rtol=1e-9,
    equivalent_mutants={
        "return Plan('lp_ft', phases)": "the exercise asks for no other settings",
        "phases = (Phase(probe_epochs, 0.0), Phase(epochs, learning_rate, learning_rate))": "0.01 is what a phase takes for the head where nothing is said",
    },
    hint="Two `Phase`s in a tuple. What freezes the body in the first one?",
    shortcuts=("tlkit.plans:gradual_unfreezing", "tlkit.defaults:default_plan"),
    misconceptions=(
        Misconception("the body trains during the probe", "A small rate is not none: the wild gradients of a new head reach the body.",
                      "Which learning rate freezes the body?", _plan(first=lambda rate: (rate, 1e-2))),
        Misconception("the phases are in the other order", "Fine-tuning first distorts the features that the probe then has to live with.",
                      "Which of the two comes first?", _plan(swapped=True)),
        Misconception("the lengths are swapped", "`epochs` belongs to the phase that trains everything.", "How long is the probe?",
                      _plan(epochs=lambda epochs, probe: (epochs, probe))),
        Misconception("the head keeps its fast rate", "It has settled in the probe; from then on it learns as fast as the body.",
                      "At which rate does the head learn in the second phase?", _plan(second=lambda rate: (rate, 1e-2))),
        Misconception("the head stops in the second phase", "It is done, one thinks; but the features under it begin to move.",
                      "What should the head do when the features change?", _plan(second=lambda rate: (rate, 0.0))),
        Misconception("the body stays frozen", "Two probes one after the other are one long probe.", "What should be different in the second phase?",
                      _plan(second=lambda rate: (0.0, rate))),
        Misconception("the probe is missing", "Full fine-tuning from the first step is the plan that this one improves on.",
                      "How many phases are asked for?", _plan(phases=slice(1, 2))),
        Misconception("the probe alone", "It is the first half of the plan.", "How many phases are asked for?", _plan(phases=slice(0, 1))),
        Misconception("the probe at the small rate", "A new head has far to go; the small rate is for what was pretrained.",
                      "At which rate does the head learn in the probe?", _plan(first=lambda rate: (0.0, rate))),
        Misconception("the probe's epochs are counted in", "`epochs` is the length of the second phase, not of both.",
                      "How many epochs are there together?", _plan(epochs=lambda epochs, probe: (probe, epochs + probe))),
        Misconception("fresh weights", "With `fresh_weights=True` the pretrained body is thrown away before training.",
                      "What is there to probe in a body that was just drawn?", _plan(fresh_weights=True)),
    ),
)
