"""A matplotlib figure as its data: what was drawn, where and how it is labelled; no pixels."""

from typing import Any

import numpy as np


def figure_data(drawn: Any) -> dict:
    """The data of a figure, of axes, or of the figure that an artist belongs to.

    Returns:
        {"axes": [...]}, for each axes: "lines" [{"x", "y", "label"}], "points" [{"xy", "label"}], "bars"
        {"x", "height"}, "images" [array], "title", "x label", "y label", "x scale", "y scale", "legend" [text].
    """
    figure = drawn if hasattr(drawn, "axes") and not hasattr(drawn, "get_lines") else drawn.get_figure()
    return {"axes": [_axes_data(axes) for axes in (figure.axes if figure is not None else [])]}


def _axes_data(axes: Any) -> dict:
    legend = axes.get_legend()
    bars = [patch for container in axes.containers for patch in getattr(container, "patches", ())]
    return {
        "lines": [{"x": _floats(line.get_xdata()), "y": _floats(line.get_ydata()), "label": _label(line)}
                  for line in axes.get_lines()],
        "points": [{"xy": _floats(points.get_offsets()), "label": _label(points)} for points in axes.collections
                   if len(points.get_offsets())],
        "bars": {"x": _floats([bar.get_x() + bar.get_width() / 2 for bar in bars]),
                 "height": _floats([bar.get_height() for bar in bars])},
        "images": [_floats(image.get_array()) for image in axes.get_images()],
        "title": axes.get_title(), "x label": axes.get_xlabel(), "y label": axes.get_ylabel(),
        "x scale": axes.get_xscale(), "y scale": axes.get_yscale(),
        "legend": [text.get_text() for text in legend.get_texts()] if legend else [],
    }


def _label(artist: Any) -> str:
    """The label that a person gave; matplotlib's own begin with an underscore."""
    label = str(artist.get_label())
    return "" if label.startswith("_") else label


def _floats(values: Any) -> np.ndarray:
    """Numbers, also where dates or masked values were drawn; what is no number becomes its position."""
    try:
        return np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    except (TypeError, ValueError):
        return np.arange(len(values), dtype=float)
