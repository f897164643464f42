import math

import numpy as np
import pytest

from tlkit.explore import figures
from tlkit.explore import fine_tuning_loop as pictures
from tlkit.schedules import rate_factor

SIZES = {"val": 100, "test": 200}
RUNS = [
    {"train_loss": [1.0, 0.5, 0.2, 0.1], "val_loss": [1.2, 0.6, 0.7, 0.8], "val_right": [40, 80, 78, 76], "test_right": 150,
     "stopped": {"1": [2, 3, 160], "9": [2, 4, 160]}},
    {"train_loss": [1.0, 0.6, 0.3, 0.2], "val_loss": [1.1, 0.9, 0.8, 0.7], "val_right": [45, 70, 80, 82], "test_right": 164,
     "stopped": {"1": [4, 4, 164], "9": [4, 4, 164]}},
]
LOOPS = {
    "nothing": [{"loss": [1.0, 0.1], "true": [0.5, 0.9], "reported": [0.5, 0.9]}] * 2,
    "eval": [{"loss": [1.0, 0.2], "true": [0.4, 0.6], "reported": [0.4, 0.7]}, {"loss": [1.0, 0.2], "true": [0.4, 0.8], "reported": [0.4, 0.7]}],
}


def lines(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_a_loop_without_a_line_stands_beside_the_whole_one():
    left, right = pictures.draw_missing(LOOPS, "eval").axes
    assert lines(left)["without evaluation mode"].get_ydata() == pytest.approx([1.0, 0.2])
    assert lines(right)["without evaluation mode"].get_ydata() == pytest.approx([0.4, 0.7])
    assert lines(right)["the whole loop"].get_ydata() == pytest.approx([0.5, 0.9])


def test_what_a_loop_reports_is_drawn_only_where_it_is_not_true():
    assert "what that loop reports" in lines(pictures.draw_missing(LOOPS, "eval").axes[1])
    assert "what that loop reports" not in lines(pictures.draw_missing(LOOPS, "nothing").axes[1])


def test_the_table_of_loops_has_every_loop_with_its_spread():
    table = pictures.missing_table(LOOPS)
    assert "evaluation mode" in table and "0.700 (0.600 to 0.800)" in table and "0.900 (0.900 to 0.900)" in table


def test_the_cut_and_what_comes_back_are_marked():
    left, _, right = pictures.draw_runs(RUNS, 0, 1, 1e-2, SIZES).axes
    assert lines(left)["cut"].get_xdata() == pytest.approx([3, 3])
    back = lines(left)["comes back"]
    assert (back.get_xdata()[0], back.get_ydata()[0]) == (2, 0.6)
    assert lines(left)["training"].get_ydata() == pytest.approx(RUNS[0]["train_loss"])
    assert right.lines[0].get_xdata() == pytest.approx([3, 3])


def test_a_run_that_is_not_cut_shows_no_cut():
    left, _, _ = pictures.draw_runs(RUNS, 1, 1, 1e-2, SIZES).axes
    assert "cut" not in lines(left)
    assert "is not cut" in pictures.runs_sentence(RUNS, 1, 1, SIZES)


def test_sentence_and_table_say_the_figures_numbers():
    assert pictures.runs_sentence(RUNS, 0, 1, SIZES) == (
        "With patience 1, seed 0 is cut after epoch 3 of 4; epoch 2 comes back, with validation loss 0.6 and test accuracy 0.800. "
        "At the end of the whole run: 0.8 and 0.750.")
    table = pictures.runs_table(RUNS, SIZES)
    assert "0.785 (0.750 to 0.820)" in table  # the whole runs
    assert "0.810 (0.800 to 0.820)" in table and "3.5" in table  # cut
    assert "0.025 (0.000 to 0.050)" in table  # the paired difference


def test_the_spread_is_a_standard_error_only_where_there_are_seeds_enough():
    assert pictures.interval([0.5]) == "0.500"
    assert pictures.interval([0.4, 0.6]) == "0.500 (0.400 to 0.600)"
    assert pictures.interval([0.4, 0.6, 0.5, 0.4, 0.6]) == "0.500 ± 0.089"
    assert [pictures.seeds_in_words(count)[:7] for count in (1, 4, 5)] == ["1 seed", "4 seeds", "5 seeds"]


def test_schedules_are_drawn_from_the_function_that_is_given():
    axes = pictures.draw_schedules(20, 0.2).axes[0]
    assert lines(axes)["cosine"].get_ydata() == pytest.approx([rate_factor("cosine", step, 20, 0.2) for step in range(20)])
    flat = pictures.draw_schedules(20, 0.2, lambda *_: 0.5).axes[0]
    assert set(lines(flat)["linear"].get_ydata()) == {0.5}


def test_decay_beside_the_gradient_shrinks_all_weights_alike_and_in_it_does_not():
    ends = {(size, coupled): np.mean([pictures.decayed(size, coupled, seed=seed)[-1] for seed in range(20)])
            for size in (10.0, 0.1) for coupled in (True, False)}
    assert ends[10.0, False] == pytest.approx(ends[0.1, False], abs=1e-3)
    assert ends[10.0, True] > ends[0.1, True] + 0.5


def test_one_decoupled_step_is_adamws():
    torch = pytest.importorskip("torch")
    parameter = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = torch.optim.AdamW([parameter], lr=1e-2, weight_decay=0.5)
    for gradient in 3.0 * np.random.default_rng(7).normal(size=5):
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
    assert pictures.decayed(3.0, coupled=False, steps=5, seed=7)[-1] == pytest.approx(parameter.item(), abs=1e-12)


def test_shipped_results_hold_every_setting_seed_by_seed():
    shipped = pictures.results()
    for count in shipped["curves"]["labels_per_class"]:
        for rate in shipped["curves"]["learning_rates"]:
            for epochs in shipped["curves"]["epochs"]:
                runs = pictures.setting(count, rate, epochs)
                assert len(runs) == len(shipped["curves"]["seeds"]) >= 1
                assert all(len(run["val_loss"]) == len(run["val_right"]) == len(run["train_loss"]) == epochs for run in runs)
    assert {len(runs) for runs in shipped["missing"]["runs"].values()} == {len(shipped["missing"]["seeds"])}
    assert {len(runs) for runs in shipped["real"]["runs"].values()} == {len(shipped["real"]["seeds"])}


def test_shipped_cuts_are_those_of_early_stopping():
    from tlkit.early_stopping import stopping_point

    for part in ("curves", "real"):
        for runs in pictures.results()[part]["runs"].values():
            for run in runs:
                assert all(math.isfinite(loss) for loss in run["val_loss"])
                for patience, (epoch, length, _) in run["stopped"].items():
                    assert stopping_point(run["val_loss"], int(patience), lower_is_better=True) == (epoch, length)


def test_moving_the_controls_changes_the_pictures_and_breaks_nowhere():
    pytest.importorskip("ipywidgets")
    figures.failures.clear()
    for explore in (pictures.explore_missing, pictures.explore_runs):
        *controls, page = explore().children
        seen = {page.value}
        for control in controls:
            for option in [value[1] if isinstance(value, tuple) else value for value in control.options][::2]:
                control.value = option
                seen.add(page.value)
        assert len(seen) > 3
    assert figures.failures == []


def test_the_pictures_say_their_numbers_in_words():
    assert "the whole loop 0." in pictures.missing_line("zero_grad").alt
    assert "comes back" in pictures.whole_run().alt and "comes back" in pictures.real_runs(3e-4).alt
