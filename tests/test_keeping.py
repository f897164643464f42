import pytest

import tlkit
from tlkit import plans
from tlkit.data.augmentation import Jitter
from tlkit.feature_cache import freeze_boundary
from tlkit.freezing import freeze
from tlkit.keeping import kept_behind


def stages(**at):
    rows = [{"name": name, "trains": False, "looks_at_batch": False, "training_mode": False} for name in ("stem", "block", "pool")]
    for cause, number in at.items():
        rows[number][cause] = True
    return rows


@pytest.mark.parametrize(("rows", "changes", "due"), [
    (stages(), (False, 0, 0.0), ("pool", "head")),
    (stages(trains=1), (False, 0, 0.0), ("stem", "trains")),
    (stages(training_mode=2), (False, 0, 0.0), ("block", "training_mode")),
    (stages(trains=1, training_mode=0), (False, 0, 0.0), (None, "training_mode")),
    (stages(looks_at_batch=1, training_mode=1), (False, 0, 0.0), ("stem", "looks_at_batch")),
    (stages(), (True, 0, 0.0), (None, "jitter")),
    (stages(), (True, 3, 0.0), ("pool", "head")),
    (stages(), (True, 3, 0.2), (None, "mixup")),
])
def test_activations_are_kept_up_to_the_first_thing_that_can_change(rows, changes, due):
    assert kept_behind(rows, *changes) == due


def test_the_cache_goes_by_this_rule_and_says_why_in_words():
    task = tlkit.load_task("digits", labels_per_class=2, seed=0)
    model = freeze(tlkit.adapt(tlkit.load_backbone("glyphnet"), task), 2).train()
    assert freeze_boundary(model) == ("block1", "stage block2 trains its 0.residual.0.weight")
    assert freeze_boundary(model, plans.full(jitter=Jitter(shift=1.0)))[1].startswith("images are changed at random")
    assert freeze_boundary(model, plans.full(jitter=None, mixup=0.1))[0] is None
    model.stages["stem"].train()
    assert freeze_boundary(model) == (None, "Conv2d 0 of stage stem is in training mode")
