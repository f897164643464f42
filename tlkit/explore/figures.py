"""What the interactive figures share: pictures (`tlkit.drawing`), and widgets that do not hide their errors."""

import traceback
from collections.abc import Callable
from html import escape

from tlkit.drawing import (
    BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, Picture, as_html, new_figure, quiet_axes,
)  # fmt: skip

__all__ = [
    "BLUE", "GREEN", "GREY", "ORANGE", "PINK", "RED", "SKY", "SLIDER", "Picture", "as_html", "box", "choice", "explorable", "failures",
    "keep_drawn", "new_figure", "quiet_axes",
]  # fmt: skip

failures: list[str] = []
"""Tracebacks of widget callbacks that failed in this session; tests look here, readers see them in the figure."""

SLIDER = {"continuous_update": False, "style": {"description_width": "150px"}, "layout": {"width": "450px", "max_width": "calc(100% - 4px)"}}
"""How sliders and boxes to tick are laid out: one below the other, narrower where the window is (less their margins), and asked once they stand
still."""

# A wide table scrolls in a narrow window, and does not make the picture wide as well. ipywidgets puts the label of buttons above
# them, unlike that of sliders, and tells the pressed one by shades of grey, which are close in a dark theme.
_LOOKS = """<style>
.tlkit-explorable :is(.widget-html-content, .widget-htmlmath-content) { min-width: 0 }
.tlkit-explorable section { overflow-x: auto }
.tlkit-explorable table { line-height: 1.5 }
.tlkit-explorable :is(th, td) { padding: 1px 16px 1px 0; text-align: left }
.tlkit-explorable .widget-toggle-buttons { display: flex; flex-wrap: wrap; align-items: baseline }
.tlkit-explorable .widget-toggle-buttons > .widget-label { flex: none; text-align: right; margin-right: 8px }
.tlkit-explorable .widget-toggle-buttons > div { flex: 1 1 200px }
.tlkit-explorable .widget-toggle-button.mod-active { box-shadow: inset 0 -3px var(--jp-ui-font-color1, black) }
</style>"""


def explorable(draw: Callable[..., str], controls: dict, label: str, formulas: bool = False):
    """Widgets above a picture that is drawn anew whenever one of them moves.

    The first drawing happens here, so that an error in it fails the cell. An error in a later one is shown in
    the picture's place and kept in `failures`.

    Args:
        draw: takes the controls' values by name and returns HTML.
        controls: name -> widget.
        label: what the whole is, for screen readers.
        formulas: whether the HTML holds LaTeX that is to be set.
    """
    import ipywidgets

    page = (ipywidgets.HTMLMath if formulas else ipywidgets.HTML)()

    def drawn(**values) -> str:
        return f'{_LOOKS}<section aria-label="{escape(label, quote=True)}">{draw(**values)}</section>'

    keep_drawn(page, drawn, controls)
    for control in controls.values():
        control.tooltip = control.description  # ipywidgets shows "null" without one
    # No tooltip: the browser's side of a box cannot draw a box that has one.
    return box([*controls.values(), page], lambda: page.value.removeprefix(_LOOKS))


STANDS_STILL = ("This figure follows its controls where widgets are shown and a kernel runs: in JupyterLab, VS Code or Colab. Here it "
                "stands still.")


def box(children: list, still: Callable[[], str]):
    """Widgets one below the other; where a page cannot show widgets, what `still` gives, and a line that says so.

    Args:
        still: gives HTML. It is asked when the box is displayed.
    """
    import ipywidgets

    class Box(ipywidgets.VBox):
        def _repr_mimebundle_(self, **kwargs):
            shown = super()._repr_mimebundle_(**kwargs)
            if shown is not None:  # whoever shows widgets prefers them; the rest takes the richest that it knows
                shown["text/html"] = f"{still()}<p><em>{STANDS_STILL}</em></p>"
                shown["text/plain"] = STANDS_STILL
            return shown

    return Box(children).add_class("tlkit-explorable")


def choice(description: str, options, value):
    """Buttons of which one is pressed, to choose with the mouse or with Tab and Enter.

    (A list to pull down cannot be used from the keyboard in JupyterLab, which takes its arrow keys to go to another cell.)
    """
    import ipywidgets

    return ipywidgets.ToggleButtons(options=options, value=value, description=description,
                                    style={"description_width": "150px", "button_width": "auto"})


def keep_drawn(page, draw: Callable[..., str], controls: dict) -> None:
    """Put what `draw` gives into the HTML widget `page`, now and whenever one of the controls moves.

    The first drawing's error is raised; that of a later one is shown in the picture's place and kept in `failures`.
    """

    def drawn() -> str:
        return draw(**{name: control.value for name, control in controls.items()})

    def redraw(_change):
        try:
            page.value = drawn()
        except Exception:
            failures.append(traceback.format_exc())
            page.value = f"<p><strong>This figure could not be drawn.</strong></p><pre>{escape(failures[-1])}</pre>"

    page.value = drawn()
    for control in controls.values():
        control.observe(redraw, names="value")
