import pytest

from tlkit import plans
from tlkit.errors import TlkitError
from tlkit.unfreezing import stages_that_train

STAGES = ["stem", "block1", "block2", "head"]


def test_the_head_comes_first_and_then_one_stage_more_at_each_step():
    seen = [stages_that_train(epoch, STAGES, 2, 3) for epoch in range(12)]
    assert seen == [STAGES[3:]] * 2 + [STAGES[2:]] * 3 + [STAGES[1:]] * 3 + [STAGES] * 4


def test_a_step_without_epochs_is_refused():
    with pytest.raises(TlkitError, match="epochs_a_step=0 must be 1 or more"):
        stages_that_train(0, STAGES, 1, 0)


def test_the_plan_of_gradual_unfreezing_goes_by_it():
    plan = plans.gradual_unfreezing(steps=3, epochs=4, learning_rate=2e-3, depth_decay=0.25, probe_epochs=6)
    assert [(phase.epochs, phase.frozen, phase.learning_rate) for phase in plan.phases] == [
        (6, (), 0.0), (4, -1, 2e-3), (4, -2, 2e-3), (4, -3, 2e-3)]
