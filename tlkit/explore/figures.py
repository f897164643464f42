"""What every figure shares: a palette for all eyes, pictures with words, widgets that do not hide their errors."""

import base64
import io
import traceback
from collections.abc import Callable
from html import escape

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by all common kinds of colour vision; every series also has its own marker.
BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#666666"

failures: list[str] = []
"""Tracebacks of widget callbacks that failed in this session; tests look here, readers see them in the figure."""


def new_figure(width: float = 8.0, height: float = 3.6, **options) -> Figure:
    """An empty figure that belongs to no global state, so that nothing is drawn twice and nothing leaks."""
    figure = Figure(figsize=(width, height), layout="constrained", **options)
    FigureCanvasAgg(figure)
    return figure


def quiet_axes(axes) -> None:
    """Take away the frame's right and upper lines, and draw a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)


def as_html(figure: Figure, alt: str, dpi: int = 100) -> str:
    """The figure as an HTML image on white, with a text for those who cannot see it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{escape(alt, quote=True)}" style="max-width:100%" src="data:image/png;base64,{data}">'


class Picture:
    """A figure and its words, shown as an image in a notebook and as the words alone in a terminal."""

    def __init__(self, figure: Figure, alt: str):
        self.figure = figure
        self.alt = alt

    def _repr_html_(self) -> str:
        return as_html(self.figure, self.alt)

    def __repr__(self) -> str:
        return self.alt


def explorable(draw: Callable[..., str], controls: dict, label: str):
    """Widgets above a picture that is drawn anew whenever one of them moves.

    The first drawing happens here, so that an error in it fails the cell. An error in a later one is shown in
    the picture's place and kept in `failures`.

    Args:
        draw: takes the controls' values by name and returns HTML.
        controls: name -> widget.
        label: what the whole is, for screen readers.
    """
    import ipywidgets

    def drawn() -> str:
        picture = draw(**{name: control.value for name, control in controls.items()})
        return f'<section aria-label="{escape(label, quote=True)}">{picture}</section>'

    page = ipywidgets.HTML(drawn())

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
