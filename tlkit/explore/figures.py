"""What the interactive figures share: pictures (`tlkit.drawing`), and widgets that do not hide their errors."""

import traceback
from collections.abc import Callable
from html import escape

from tlkit.drawing import (
    BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, Picture, as_html, new_figure, quiet_axes,
)  # fmt: skip

__all__ = [
    "BLUE", "GREEN", "GREY", "ORANGE", "PINK", "RED", "SKY", "Picture", "as_html", "explorable", "failures", "new_figure",
    "quiet_axes",
]  # fmt: skip

failures: list[str] = []
"""Tracebacks of widget callbacks that failed in this session; tests look here, readers see them in the figure."""


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

    def drawn() -> str:
        picture = draw(**{name: control.value for name, control in controls.items()})
        return f'<section aria-label="{escape(label, quote=True)}">{picture}</section>'

    page = (ipywidgets.HTMLMath if formulas else ipywidgets.HTML)(drawn())

    def redraw(_change):
        try:
            page.value = drawn()
        except Exception:
            failures.append(traceback.format_exc())
            page.value = f"<p><strong>This figure could not be drawn.</strong></p><pre>{escape(failures[-1])}</pre>"

    for control in controls.values():
        control.observe(redraw, names="value")
    # No tooltip: the browser's side of a box cannot draw a box that has one.
    return ipywidgets.VBox([*controls.values(), page])
