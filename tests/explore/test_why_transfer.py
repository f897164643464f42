import numpy as np
import pytest

from tlkit.explore import figures, why_transfer

LABELS = [1, 5, 20]
CURVES = {
    "scratch": np.array([[0.4, 0.5, 0.6], [0.7, 0.75, 0.8], [0.9, 0.9, 0.93]]),
    "finetuned": np.array([[0.6, 0.7, 0.8], [0.9, 0.91, 0.92], [0.95, 0.96, 0.96]]),
}


def test_each_strategy_is_a_curve_of_its_means_and_a_marker_of_its_own():
    left, right = why_transfer.draw_learning_curves(LABELS, CURVES, chosen=5).axes
    curves = {line.get_label(): line for line in left.lines if not line.get_label().startswith("_")}
    assert set(curves) == {"network from scratch", "fine-tuned"}
    assert curves["fine-tuned"].get_ydata() == pytest.approx([0.7, 0.91, 0.9567], abs=1e-4)
    assert len({line.get_marker() for line in curves.values()}) == 2


def test_every_single_run_at_the_chosen_count_is_on_the_right():
    _, right = why_transfer.draw_learning_curves(LABELS, CURVES, chosen=1).axes
    assert sorted(right.lines[0].get_ydata()) == [0.4, 0.5, 0.6]


def test_the_target_is_read_sideways_only_where_it_was_measured():
    def dotted(target):
        left, _ = why_transfer.draw_learning_curves(LABELS, CURVES, 5, target).axes
        return [line.get_xdata()[0] for line in left.lines if line.get_linestyle() == ":"]

    assert len(dotted(0.85)) == 2
    assert len(dotted(0.55)) == 1
    assert dotted(0.99) == []


def test_the_table_shows_the_figures_numbers():
    table = why_transfer.table_of(LABELS, CURVES, 5, 0.99)
    assert "0.750 ±" in table
    assert table.count("not in the measured range") == 2


def test_shipped_results_hold_every_strategy_seed_by_seed():
    shipped = why_transfer.results()
    shape = (len(shipped["labels_per_class"]), len(shipped["seeds"]))
    assert shape[1] >= 20
    for strategy in why_transfer.STYLE:
        assert why_transfer.accuracies(strategy).shape == shape
        assert ((why_transfer.accuracies(strategy) > 0.1) & (why_transfer.accuracies(strategy) <= 1)).all()


def test_moving_a_slider_changes_the_picture_and_breaks_nowhere():
    pytest.importorskip("ipywidgets")
    figures.failures.clear()
    labels_slider, target_slider, page = why_transfer.explore_learning_curves().children
    seen = set()
    for count in labels_slider.options:
        labels_slider.value = count
        seen.add(page.value)
    for target in (0.5, 0.75, 0.99):
        target_slider.value = target
        seen.add(page.value)
    assert len(seen) >= len(labels_slider.options) + 2
    assert figures.failures == []


def test_the_picture_says_its_numbers_in_words():
    assert "fine-tuned 0." in why_transfer.learning_curves(5).alt
