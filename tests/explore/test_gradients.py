import subprocess
import sys

import numpy as np
import pytest

from tlkit.explore import figures, gradients


def test_the_curves_slopes_are_those_of_its_losses():
    z, step = np.linspace(-6, 6, 25), 1e-6
    for label in (0.0, 0.3, 1.0):
        for loss, slope in ((gradients.cross_entropy, gradients.cross_entropy_slope),
                            (gradients.squared_error, gradients.squared_error_slope)):
            tried = (loss(z + step, label) - loss(z - step, label)) / (2 * step)
            assert slope(z, label) == pytest.approx(tried, abs=1e-8)


def test_the_curves_hold_for_logits_of_any_size():
    z = np.array([-1e4, 1e4])
    assert gradients.cross_entropy(z, 1.0).tolist() == [1e4, 0.0]
    assert gradients.sigmoid(z).tolist() == [0.0, 1.0]


def test_the_arrow_points_downhill_and_the_tangent_touches():
    for logit, label in ((-4.5, 1.0), (3.0, 0.0), (1.0, 0.5)):
        left, _ = gradients.draw_loss_curve(logit, label).axes
        tangent = next(line for line in left.lines if line.get_label() == "tangent")
        slope = np.ptp(tangent.get_ydata()) / np.ptp(tangent.get_xdata())
        assert slope == pytest.approx(abs(float(gradients.cross_entropy_slope(logit, label))))
        arrow = next(text for text in left.texts if getattr(text, "arrow_patch", None))
        moved = arrow.xy[0] - arrow.xyann[0]
        assert np.sign(moved) == -np.sign(float(gradients.cross_entropy_slope(logit, label)))


def test_the_surfaces_arrow_lowers_the_loss_and_the_bars_add_up_to_zero():
    logits, label = np.array([-1.0, 2.0, 0.5]), 0
    left, right = gradients.draw_loss_surface(logits, label).axes
    arrow = next(text for text in left.texts if getattr(text, "arrow_patch", None))
    moved = np.array([*arrow.xy, logits[2]])
    assert gradients.softmax(moved)[label] > gradients.softmax(logits)[label]
    bars = [bar.get_height() for bar in right.patches]
    assert sum(bars[6:9]) == pytest.approx(0, abs=1e-12)
    assert bars[6:9] == pytest.approx(gradients.softmax(logits) - np.eye(3)[label])


def test_the_words_say_the_figures_numbers():
    assert "cross-entropy 4.511, its gradient -0.9890" in gradients.words_of_loss_curve(-4.5, 1.0)
    assert "the gradients add up to 0" in gradients.words_of_loss_surface(np.array([1.0, 2.0, 3.0]), 2)


def test_the_first_figure_comes_without_torch():
    script = ("import sys; from tlkit.explore import gradients; gradients.loss_curve()._repr_html_(); "
              "print('torch' in sys.modules, 'sympy' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["False", "False"]


def test_moving_any_control_changes_the_picture_and_breaks_nowhere():
    pytest.importorskip("ipywidgets")
    figures.failures.clear()
    logit, label, page = gradients.explore_loss_curve().children
    seen = set()
    for value in (logit.min, 0.0, logit.max):
        for target in (0.0, 0.5, 1.0):
            logit.value, label.value = value, target
            seen.add(page.value)
    assert len(seen) == 9
    *sliders, which, page = gradients.explore_loss_surface().children
    for slider in sliders:
        for value in (slider.min, slider.max):
            slider.value = value
            seen.add(page.value)
    for value in (0, 1, 2):
        which.value = value
        seen.add(page.value)
    assert len(seen) >= 9 + 8
    assert figures.failures == []


def test_every_derivation_can_be_walked_to_its_end():
    pytest.importorskip("ipywidgets")
    from tlkit.gradients import derivations, derive

    figures.failures.clear()
    which, line, page = gradients.explore_derivation().children
    assert type(page).__name__ == "HTMLMath"
    assert line.max == max(len(derive(name).lines) for name in derivations())
    for name in derivations():
        which.value = name
        for number in range(1, line.max + 1):
            line.value = number
            shown = min(number, len(derive(name).lines))
            assert page.value.count('role="math"') == shown
            assert f"Line {shown} of {len(derive(name).lines)}" in page.value
    assert figures.failures == []
