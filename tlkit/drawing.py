"""What every figure shares: a palette for all eyes, an empty figure, and pictures with words."""

import base64
import io
from html import escape

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by all common kinds of colour vision; every series also has its own marker.
BLUE, ORANGE, GREEN, PINK, SKY, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#666666"


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
