import subprocess
import sys

import pytest

from tlkit.explore import figures


def test_a_picture_has_words_for_those_who_cannot_see_it():
    picture = figures.Picture(figures.new_figure(1, 1), 'a "quoted" curve')
    assert 'alt="a &quot;quoted&quot; curve"' in picture._repr_html_()
    assert repr(picture) == 'a "quoted" curve'


def test_figures_belong_to_no_global_state():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figures.new_figure()
    assert plt.get_fignums() == before


def test_an_error_in_the_first_drawing_fails_the_cell():
    ipywidgets = pytest.importorskip("ipywidgets")

    def draw(value):
        raise ZeroDivisionError("first")

    with pytest.raises(ZeroDivisionError, match="first"):
        figures.explorable(draw, {"value": ipywidgets.IntSlider()}, "broken")


def test_an_error_in_a_callback_reaches_the_reader_and_the_tests():
    ipywidgets = pytest.importorskip("ipywidgets")
    slider = ipywidgets.IntSlider(value=1)
    box = figures.explorable(lambda value: f"<p>{6 // (3 - value)}</p>", {"value": slider}, "breaks at 3")
    assert box.children[-1].value.endswith('<section aria-label="breaks at 3"><p>3</p></section>')
    slider.value = 3
    assert "could not be drawn" in box.children[-1].value
    assert "ZeroDivisionError" in figures.failures.pop()
    slider.value = 2
    assert "<p>6</p>" in box.children[-1].value


def test_where_widgets_cannot_be_shown_the_figure_stands_still_and_says_so():
    ipywidgets = pytest.importorskip("ipywidgets")
    slider = ipywidgets.IntSlider(value=1)
    box = figures.explorable(lambda value: f"<p>drawn at {value}</p>", {"value": slider}, "any")
    slider.value = 2
    shown = box._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "<p>drawn at 2</p>" in shown["text/html"] and shown["text/html"].endswith(f"<p><em>{figures.STANDS_STILL}</em></p>")
    assert shown["text/plain"] == figures.STANDS_STILL


def test_figures_come_without_torch():
    script = "import sys, tlkit.explore.why_transfer; print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["False", "False"]
