import json

import pytest

from tlkit import plans
from tlkit.data.augmentation import Jitter

ALL = [plans.scratch(), plans.linear_probe(), plans.full(), plans.lp_ft()]


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
