"""Figures of unit 10: what is shipped is whole, the figure follows its controls, and numbers are what they say."""

import numpy as np
import pytest

from tlkit.explore import distillation
from tlkit.explore.figures import failures
from tlkit.explore.heads_and_losses import softmax


def test_every_way_has_every_fact_of_every_seed():
    found = distillation.results()
    seeds = len(found["seeds"])
    assert seeds >= 3
    for result in found["results"]:
        for way in ("teacher", *distillation.WAYS):
            assert [len(result[way][fact]) for fact in ("val", "test", "agreement", "ece")] == [seeds] * 4
        by = result["soft, all examples"]["by_temperature"]
        assert np.array(by["test"]).shape == np.array(by["val"]).shape == (len(found["temperatures"]), seeds)
        assert (np.array(result["teacher"]["agreement"]) == 1).all()


def test_the_students_are_a_quarter_of_their_teachers_or_less():
    assert all(small <= large / 4 for large, small in distillation.results()["parameters"].values())


def test_the_picture_says_its_numbers():
    found, words = distillation.results()["results"], distillation.ways().alt
    for result in found:
        assert distillation.named(result) in words
        for way in distillation.WAYS:
            assert f"{np.mean(result[way]['test']):.3f}" in words


def test_every_seed_is_drawn():
    found = distillation.results()
    axes = distillation.draw_ways(found["results"]).axes[0]
    points = [line for line in axes.get_lines() if line.get_marker() in {marker for _, _, marker in distillation.WAYS.values()}]
    assert len(points) == len(found["results"]) * len(distillation.WAYS)
    assert all(len(line.get_ydata()) == len(found["seeds"]) for line in points)


def test_the_table_has_the_share_of_the_gap():
    text = distillation.table()
    assert len(text.splitlines()) == 1 + len(distillation.results()["results"]) * (1 + len(distillation.WAYS))
    for result in distillation.results()["results"]:
        assert f"{distillation.closed(result, 'soft, all examples'):.2f}" in text


def test_the_example_shows_test_images_with_their_labels():
    import tlkit

    example, task = distillation.results()["example"], tlkit.load_task("digits")
    images = (task.test.inputs[:, 0] * 16).round().int().tolist()
    for image, label in zip(example["images"], example["labels"], strict=True):
        assert int(task.test.labels[images.index(image)]) == label


@pytest.mark.parametrize(("p", "bits"), [([1.0, 0.0, 0.0], 0.0), ([0.5, 0.5, 0.0], 1.0), ([0.25] * 4, 2.0)])
def test_entropy_is_in_bits(p, bits):
    assert distillation.entropy(np.array(p)) == pytest.approx(bits)


def test_the_words_are_the_numbers_of_the_bars():
    logits, classes = np.array([4.0, 2.0, 0.0]), ["a", "b", "c"]
    words = distillation.words_of_soft_targets(logits, classes, 1, 2.0)
    assert "says a, which is wrong: it is a b" in words and f"gets {softmax(logits / 2)[0]:.3f}" in words
    assert "which is right" in distillation.words_of_soft_targets(logits, classes, 0, 2.0)


def test_the_figure_follows_image_and_temperature():
    image, temperature, page = distillation.explore_temperature().children
    seen = {page.value}
    for control, value in ((temperature, 8.0), (temperature, 32.0), (image, 1)):
        control.value = value
        seen.add(page.value)
        assert f"T = {temperature.value:g}" in page.value
    assert len(seen) == 4 and failures == []
    assert "test accuracy:" not in page.value  # 32 was not measured
    temperature.value = 4.0
    assert "test accuracy:" in page.value


def test_temperature_1_is_shown_once():
    image, temperature, page = distillation.explore_temperature().children
    rows = page.value.count("<th scope='row'")
    temperature.value = 1.0
    assert page.value.count("<th scope='row'") == rows - 1
    found = distillation.results()
    logits = np.array(found["example"]["logits"][0])
    drawn = [len(distillation.draw_soft_targets(np.zeros((8, 8)), logits, list("0123456789"), t, found["results"], found["temperatures"]).axes[1].patches) for t in (1.0, 4.0)]
    assert drawn == [10, 20]
    assert "(at T = 1:" not in distillation.words_of_soft_targets(logits, list("0123456789"), 0, 1.0)
