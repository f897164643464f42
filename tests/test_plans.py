import json

import pytest

from tlkit import plans
from tlkit.data.augmentation import Jitter
from tlkit.errors import TlkitError

ALL = [plans.scratch(), plans.linear_probe(), plans.full(frozen=("stem",)), plans.full(frozen=-2), plans.lp_ft(), plans.discriminative(),
       plans.gradual_unfreezing(), plans.Plan("own", (plans.Phase(1, 1e-3, rates=(("stem", 1e-5),)),), metric="auc", patience=2)]


@pytest.mark.parametrize("plan", ALL, ids=lambda plan: plan.name)
def test_a_plan_survives_json(plan):
    assert plans.Plan.from_json(plan.to_json()) == plan
    assert plans.Plan.from_json(json.dumps(json.loads(plan.to_json()))) == plan


@pytest.mark.parametrize("plan", ALL, ids=lambda plan: plan.name)
def test_a_plan_prints_what_it_does(plan):
    text = str(plan)
    assert plan.name in text and str(plan.epochs) in text
    assert ("body" in text.splitlines()[2]) == (plan.phases[0].learning_rate == 0)


def test_every_setting_can_be_changed_and_nothing_else_changes():
    plan = plans.lp_ft(epochs=7, learning_rate=0.5, patience=3, jitter=Jitter(shift=1))
    assert (plan.phases[-1].epochs, plan.phases[-1].learning_rate, plan.patience, plan.jitter.shift) == (7, 0.5, 3, 1)
    assert plan.changed(batch_size=4).changed(batch_size=plan.batch_size) == plan


def test_scratch_forgets_the_weights_and_the_probe_keeps_the_body():
    assert plans.scratch().fresh_weights and not plans.lp_ft().fresh_weights
    assert plans.linear_probe().phases[0].learning_rate == 0


def test_unfreezing_goes_from_the_last_stage_to_the_first():
    frozen = [phase.frozen for phase in plans.gradual_unfreezing(steps=3).phases]
    assert frozen == [(), -1, -2, -3] and plans.gradual_unfreezing().phases[0].learning_rate == 0


@pytest.mark.parametrize("make, said", [
    (lambda: plans.Phase(1, 1e-3, frozen=("stem",), rates=(("stem", 1e-4),)), "stage 'stem' is frozen and has a learning rate in one phase"),
    (lambda: plans.Phase(1, 1e-3, rates=(("stem", 1e-4), ("stem", 1e-3))), "stage 'stem' has two learning rates in one phase"),
    (lambda: plans.Phase(0), "epochs=0 must be a whole number from 1 on"),
    (lambda: plans.Phase(1, float("nan")), "learning_rate=nan must be 0 or more"),
    (lambda: plans.full(batch_size=0), "batch_size=0 must be 1 or more"),
    (lambda: plans.full(accumulate=64), "accumulate=64 must lie between 1 and batch_size=32"),
    (lambda: plans.full(optimizer="lion"), "optimizer='lion' must be one of adamw, sgd"),
    (lambda: plans.full(schedule="step"), "schedule='step' must be one of cosine, linear, constant"),
    (lambda: plans.linear_probe(views=2), "views needs a jitter"),
    (lambda: plans.full(patience=0), "patience=0 must be 1 or more, or None"),
    (lambda: plans.Plan("none", ()), "a plan needs one phase or more"),
    (lambda: plans.Plan.from_json('{"name": "x", "phases": [{"epochs": 1}], "speed": 3}'), "plans have no setting 'speed'; settings: name"),
    (lambda: plans.Phase(1, 0.0, 0.0), "learning_rate and head_learning_rate are both 0 in one phase, so nothing would learn"),
    (lambda: plans.Phase(1.5), "epochs=1.5 must be a whole number"),
    (lambda: plans.Phase(1, "fast"), "learning_rate='fast' must be a number"),
    (lambda: plans.Phase(1, frozen=1.5), "frozen=1.5 must be names of stages, or a whole number that counts them"),
    (lambda: plans.Phase(1, rates=("stem", 1e-4)), "must be pairs of a stage and its learning rate"),
    (lambda: plans.full(batch_size="32"), "batch_size='32' must be a whole number"),
    (lambda: plans.full(patience="5"), "patience='5' must be a whole number, or None"),
    (lambda: plans.full(weight_decay=float("nan")), "weight_decay=nan must be 0 or more"),
    (lambda: plans.full(jitter="some"), "jitter='some' must be a Jitter"),
    (lambda: plans.Plan("x", ("full",)), "phases=('full',) must be phases, such as (Phase("),
    (lambda: plans.full().changed(method="lora"), "method='lora' must be settings of one, such as tlkit.peft.LoRA(rank=4), or None"),
    (lambda: plans.few_parameters(None), "method=None must be settings of one, such as tlkit.peft.LoRA(rank=4)"),
])
def test_a_plan_that_makes_no_sense_is_refused(make, said):
    with pytest.raises(TlkitError) as caught:
        make()
    assert said in str(caught.value)


def mine(**changes):
    return json.dumps({**json.loads(plans.lora(rank=4).to_json()), **changes})


@pytest.mark.parametrize("text, said", [
    ("{", "this is no JSON: Expecting property name enclosed in double quotes in line 1, column 2"),
    ("", "this is no JSON"),
    ("{}", "plans need 'name'"),
    ("[1]", "plans are objects in JSON, {\"name\": value, ...}, and [1] was given"),
    ('{"name": "x"}', "plans need 'phases'"),
    (mine(phases={"epochs": 1}), "phases must be a list"),
    (mine(phases=[3]), "phases are objects in JSON"),
    (mine(phases=[{"epochz": 1}]), "phases have no setting 'epochz'; settings: epochs, learning_rate"),
    (mine(phases=[{"learning_rate": 1}]), "phases need 'epochs'"),
    (mine(phases=[{"epochs": "2"}]), "epochs='2' must be a whole number"),
    (mine(batch_size="32"), "batch_size='32' must be a whole number"),
    (mine(batch_size=None), "batch_size=None must be a whole number"),
    (mine(fresh_weights="no"), "fresh_weights='no' must be True or False"),
    (mine(jitter={"degree": 1}), "jitters have no setting 'degree'; settings: degrees"),
    (mine(jitter={"degrees": "1"}), "degrees='1' must be a number"),
    (mine(method="lora"), "methods are objects in JSON"),
    (mine(method={"name": "lore"}), "there is no method 'lore'"),
    (mine(method={"name": "lora", "rank": "4"}), "rank='4' must be a whole number"),
    (mine(method={"name": "lora", "rang": 4}), "rang"),
])
def test_json_that_is_no_plan_is_refused_in_a_sentence(text, said):
    with pytest.raises(TlkitError) as caught:
        plans.Plan.from_json(text)
    assert said in str(caught.value)
