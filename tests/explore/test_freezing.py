import subprocess
import sys

import numpy as np
import pytest

from tlkit.explore import figures, freezing

ACCURACY = np.array([[0.7, 0.72, 0.74], [0.68, 0.7, 0.72], [0.6, 0.61, 0.62]])
LETTERS = np.array([[0.4, 0.42, 0.44], [0.5, 0.52, 0.54], [0.7, 0.7, 0.7]])
MEMORY = [dict(zip(freezing.PARTS, sizes)) for sizes in ((4e6, 4e6, 8e6, 3e6), (4e6, 2e6, 4e6, 1e6), (4e6, 0, 0, 0))]


def test_a_depths_figure_shows_means_every_run_seconds_and_stacked_memory():
    shares, time, room = freezing.draw_depths(ACCURACY, LETTERS, 0.7, np.array([3.0, 2.0, 1.0]), MEMORY, chosen=1).axes
    assert shares.containers[0].lines[0].get_ydata() == pytest.approx([0.72, 0.7, 0.61])
    singles = np.concatenate([line.get_ydata() for line in shares.lines if line.get_linestyle() == "None" and line.get_markersize() < 4])
    assert sorted(singles) == pytest.approx(sorted([*ACCURACY.ravel(), *LETTERS.ravel()]))
    assert [bar.get_height() for bar in time.containers[0]] == [3.0, 2.0, 1.0]
    assert sum(container[0].get_height() for container in room.containers) == pytest.approx(19)


def test_the_table_compares_the_chosen_depth_with_nothing_frozen_seed_by_seed():
    table = freezing.depth_table(ACCURACY, LETTERS, np.array([3.0, 2.0, 1.0]), MEMORY, chosen=1)
    assert "The stem frozen minus nothing frozen, seed by seed: accuracy -0.020 ± 0.000" in table
    assert "0.720 ± " in table and "19.00" in table


def test_moving_a_control_changes_the_picture_and_breaks_nowhere():
    pytest.importorskip("ipywidgets")
    figures.failures.clear()
    task, labels, frozen, kept, page = freezing.explore_depths().children
    seen = {page.value}
    for control, values in ((task, task.options), (labels, labels.options), (frozen, frozen.options), (kept, (False, True))):
        for value in values:
            control.value = value
            seen.add(page.value)
    assert len(seen) >= 8 and figures.failures == []


def test_shipped_results_hold_every_depth_seed_by_seed():
    found = freezing.results()
    shape = (len(found["frozen"]), len(found["seeds"]))
    for task in found["tasks"]:
        for labels in found["labels_per_class"]:
            for what in ("accuracy", "letters"):
                values = freezing.measured(what, task, labels)
                assert values.shape == shape and ((values > 0.05) & (values <= 1)).all()
            assert freezing.measured("letters", task, labels)[-1] == pytest.approx(found["letters_before"])  # a frozen body forgets nothing


def test_pictures_say_their_numbers_in_words():
    assert "the body 0." in freezing.depths().alt
    assert "statistics frozen, strength 1:" in freezing.pull().alt
    assert "body frozen, head alone: 0." in freezing.scans().alt


def test_the_first_figure_needs_no_torch():
    code = "import sys; from tlkit.explore import freezing as f; f.depths()._repr_html_(); f.explore_depths(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_timeline_has_a_row_a_stage_and_says_who_moves_when():
    import tlkit
    from tlkit import plans

    model = tlkit.adapt(tlkit.load_backbone("glyphnet"), tlkit.load_task("digits", labels_per_class=2))
    plan = plans.gradual_unfreezing(steps=2, epochs=3, probe_epochs=2, learning_rate=1e-3, depth_decay=0.5)
    names, rates = freezing.rates_over_epochs(model, plan)
    assert names == ["stem", "block1", "block2", "block3", "head"] and rates.shape == (5, 8)
    assert (rates[:2] == 0).all() and (rates[2] > 0).tolist() == [False] * 5 + [True] * 3
    assert rates[4].tolist() == [1e-2] * 2 + [1e-3] * 6
    assert model.frozen_stages == frozenset()
    assert "block3 from epoch 2" in freezing.timeline(model, {"gradual": plan}).alt
