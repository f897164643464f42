"""Figures of unit 06: the numbers beside a threshold are counted, pictures have words, and maps follow the choice."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score

from tlkit.explore import medical_images as pictures
from tlkit.explore.figures import failures

TASKS = sorted(pictures.results())


@pytest.mark.parametrize("task", TASKS)
def test_shipped_results_are_whole(task):
    found = pictures.results()[task]
    for way in pictures.WAYS:
        for split in ("val", "test"):
            assert len(found["margins"][way][split]) == len(found["labels"][split])
        assert len(found["auc"][way]) == 3 and found["auc"][way][0] == pytest.approx(pictures.auc(*pictures.scores_of(task, way)), abs=1e-3)


def test_what_the_unit_says_of_the_seeds_is_in_the_results():
    """Fine-tuning is ahead of fresh weights on the phantoms and on the X-rays, in every seed."""
    for task in ("cells", "pneumoniamnist"):
        assert all(after > max(scratch, before) for before, after, scratch in zip(*pictures.results()[task]["auc"].values()))


def test_the_first_figure_says_its_numbers_in_words():
    alt = pictures.curves().alt
    assert all(pictures.TITLES[task] in alt for task in TASKS) and alt.count("AUC") == 3 * len(TASKS)


@pytest.mark.parametrize("called", (0.0, 0.2, 0.5, 1.0))
def test_facts_of_a_threshold_are_counted(called):
    scores, labels = pictures.scores_of("cells", "after")
    facts = pictures.threshold_facts(scores, labels, called, None)
    said = (scores >= facts["score"]).astype(int)
    assert said.mean() == pytest.approx(called, abs=0.01)
    assert facts["accuracy"] == pytest.approx((said == labels).mean())
    assert (pictures.confusion(said, labels) == confusion_matrix(labels, said, labels=[0, 1])).all()
    if called:
        assert facts["positive predictive value"] == pytest.approx(precision_score(labels, said))
    else:
        assert np.isnan(facts["positive predictive value"])


def test_an_alarm_is_worth_less_where_few_are_ill():
    scores, labels = pictures.scores_of("cells", "after")
    many, few = (pictures.threshold_facts(scores, labels, 0.4, share) for share in (None, 0.01))
    assert few["positive predictive value"] < many["positive predictive value"]
    assert (few["sensitivity"], few["specificity"]) == (many["sensitivity"], many["specificity"])


def test_the_threshold_follows_every_control():
    box = pictures.explore_threshold()
    *controls, page = box.children
    seen = {page.value}
    for control, value in zip(controls, (TASKS[-1], "before", 0, "1 in 100")):
        control.value = value
        seen.add(page.value)
    assert len(seen) >= 4 and failures == []


def test_reliability_says_both_errors():
    rng = np.random.default_rng(0)
    alt = pictures.reliability(rng.normal(0, 3, (60, 2)), rng.integers(0, 2, 60), 2.0).alt
    assert "as trained: ECE" in alt and "T = 2.00: ECE" in alt


def test_maps_follow_network_and_picture():
    from tlkit import adapt
    from tlkit.scans import small_body, small_phantoms, with_mark

    task = small_phantoms(views=1)
    marked = with_mark(task)
    assert "PHANTOMS" in pictures.phantoms(task).alt
    models = {name: adapt(small_body(), task, seed=seed) for seed, name in enumerate(("one", "other"))}
    picture = pictures.maps({"one": (models["one"], task.test), "other": (models["other"], marked.test)}, [0, 5])
    assert "one:" in picture.alt and "other:" in picture.alt
    *controls, page = pictures.explore_maps(models, task.test, marked.test).children
    before = page.value
    for control, value in zip(controls, ("one", "block3", "without", 3)):
        control.value = value
    assert page.value != before and failures == []


def test_the_share_on_the_mark_counts_a_sixteenth_of_the_places():
    assert pictures.share_on_mark(np.ones((8, 8))) == pytest.approx(1 / 16)
    assert np.isnan(pictures.share_on_mark(np.zeros((8, 8))))
