import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from tlkit.explore import figures, heads_and_losses

SETTINGS = [(temperature, smoothing, twice) for temperature in (0.5, 1.0, 4.0) for smoothing in (0.0, 0.3) for twice in (False, True)]


@pytest.mark.parametrize(("temperature", "smoothing", "twice"), SETTINGS)
def test_loss_and_gradient_are_those_of_torch(temperature, smoothing, twice):
    logits = torch.tensor([[2.0, -1.0, 0.5, 3.0]], dtype=torch.float64, requires_grad=True)
    scores = (logits / temperature).softmax(1) if twice else logits / temperature
    expected = functional.cross_entropy(scores, torch.tensor([2]), label_smoothing=smoothing)
    expected.backward()
    loss, gradient, predicted = heads_and_losses.loss_and_gradient(logits.detach().numpy()[0], 2, temperature, smoothing, twice)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert gradient == pytest.approx(logits.grad[0].numpy(), abs=1e-12)
    assert predicted == pytest.approx(scores.softmax(1)[0].detach().numpy())


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize(("smoothing", "twice"), [(0.0, False), (0.2, False), (0.5, False), (0.0, True), (0.2, True), (0.5, True)])
def test_nothing_lies_below_the_floor_and_something_reaches_it(classes, smoothing, twice):
    floor = heads_and_losses.floor(smoothing, twice, classes)
    z = np.random.default_rng(0).normal(0, 5, (20_000, classes))
    assert heads_and_losses.loss_and_gradient(z, 0, 1.0, smoothing, twice)[0].min() >= floor - 1e-9
    best = 60.0 * np.eye(classes)[0] if twice or smoothing == 0 else np.log(heads_and_losses.wanted(0, smoothing, classes))
    assert heads_and_losses.loss_and_gradient(best, 0, 1.0, smoothing, twice)[0] == pytest.approx(floor, abs=1e-9)


def test_losses_hold_for_logits_of_any_size():
    assert heads_and_losses.loss_and_gradient(np.array([0.0, 1e4, -1e4]), 0)[0] == 1e4


def test_the_figure_draws_the_loss_that_it_names_and_shades_right_answers():
    settings = dict(right=3.0, rival=1.0, temperature=2.0, smoothing=0.1, twice=False)
    left, bars = heads_and_losses.draw_loss(**settings).axes
    loss, gradient, _ = heads_and_losses.loss_and_gradient(heads_and_losses.logits_of(3.0, 1.0), 0, 2.0, 0.1)
    lines = {line.get_label(): line for line in left.lines}
    x, y = lines["with your settings"].get_data()
    assert np.interp(3.0, x, y) == pytest.approx(loss, abs=1e-3)
    assert lines["plain cross-entropy"].get_ydata() == pytest.approx(
        heads_and_losses.loss_and_gradient(np.stack([heads_and_losses.logits_of(v, 1.0) for v in x]), 0)[0])
    shaded = left.patches[0].get_extents().transformed(left.transData.inverted())
    assert shaded.x0 == pytest.approx(1.0, abs=0.02)
    heights = [bar.get_height() for bar in bars.patches]
    assert heights[6:9] == pytest.approx([gradient[0], gradient[1], gradient[2:].sum()])
    assert sum(heights[6:9]) == pytest.approx(0, abs=1e-12)


def test_the_words_answer_the_units_question():
    plain = heads_and_losses.words_of_loss(2.5, 2.0, 1.0, 0.0, False)
    assert "The answer is right" in plain and "floor 0.000" in plain and "moves it up" in plain
    assert "moves it down" in heads_and_losses.words_of_loss(12.0, 0.0, 1.0, 0.2, False)
    assert "floor 1.461" in heads_and_losses.words_of_loss(12.0, 0.0, 1.0, 0.0, True)
    assert "The answer is wrong" in heads_and_losses.words_of_loss(0.0, 2.0, 1.0, 0.0, False)


def test_the_first_figure_comes_without_torch():
    script = "import sys; from tlkit.explore import heads_and_losses as h; h.ends()._repr_html_(); h.differences(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["False"]


def test_the_first_figure_shows_every_shipped_run():
    shipped = heads_and_losses.results()
    picture = heads_and_losses.ends()
    left, right = picture.figure.axes
    dots = [line.get_ydata() for line in left.lines if line.get_linestyle() == "None" and len(line.get_ydata())]
    assert sorted(np.concatenate(dots)) == pytest.approx(sorted(
        value for end in heads_and_losses.ENDS for optimizer in ("adamw", "sgd") for value in shipped["digits"][end][optimizer]["test"]))
    assert [len(line.get_ydata()) for line in right.lines] == [shipped["epochs"]] * 2
    assert f"ten classes {heads_and_losses.accuracies('classes').mean():.2f} with AdamW" in picture.alt


def test_differences_are_paired_by_seed():
    from tlkit.evaluation import paired_difference

    ends = heads_and_losses.results()["scans"]["ends"]
    mean, margin = heads_and_losses.paired(ends["yes or no"]["auc"], ends["two classes"]["auc"])
    interval = paired_difference(ends["yes or no"]["auc"], ends["two classes"]["auc"])
    assert (mean - margin, mean + margin) == pytest.approx((interval.low, interval.high))
    axes = heads_and_losses.differences().figure.axes[0]
    first = axes.containers[0].lines[0]
    assert first.get_xdata()[3] == pytest.approx(mean)
    assert [label.get_text() for label in axes.get_yticklabels()][3] == "AUC"


def test_moving_any_control_changes_the_picture_and_breaks_nowhere():
    pytest.importorskip("ipywidgets")
    figures.failures.clear()
    right, rival, temperature, smoothing, twice, page = heads_and_losses.explore_loss().children
    seen = {page.value}
    for control, values in ((right, (right.min, 2.0, right.max)), (rival, (rival.min, rival.max)), (temperature, temperature.options[:2]),
                            (smoothing, (0.1, smoothing.max)), (twice, (True,))):
        for value in values:
            control.value = value
            seen.add(page.value)
    assert len(seen) == 1 + 10 and figures.failures == []


def test_shipped_results_say_how_they_were_made():
    shipped = heads_and_losses.results()
    assert shipped["command"] == "python -m benchmarks.heads_and_losses" and len(shipped["seeds"]) >= 10
    assert json.dumps(shipped).count("NaN") == 0
