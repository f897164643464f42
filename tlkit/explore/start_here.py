"""Figures of unit 00: the map of the field's concepts, as the course's source draws it and as the course corrects it."""

from html import escape

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from tlkit.course.units import units
from tlkit.explore.concepts import ARROWS, CONCEPTS, SOURCE_ARROWS, SOURCE_CONCEPTS, leading_from, leading_to
from tlkit.explore.figures import BLUE, GREY, Picture, as_html, box, keep_drawn, new_figure

COLUMN, ROW = 200, 84  # pixels of a cell of the map
_BOX = np.array([158, 44])  # pixels of a concept's box in it


def draw_map(names: dict[str, tuple[str, tuple[float, float]]], arrows, chosen: str | None = None):
    """Boxes with arrows between them, on a grid of cells of COLUMN by ROW pixels.

    Args:
        names: key -> (name, (column, row)).
        arrows: pairs of keys, from and to.
        chosen: a key, whose box and arrows are picked out.
    Returns:
        A matplotlib figure, COLUMN x columns by ROW x rows pixels large.
    """
    columns = int(max(place[0] for _, place in names.values())) + 1
    rows = int(max(place[1] for _, place in names.values())) + 1
    figure = new_figure(columns * COLUMN / 100, rows * ROW / 100, dpi=100)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, columns * COLUMN), ylim=(rows * ROW, 0))
    axes.axis("off")
    centres = {key: (np.array(place) + 0.5) * (COLUMN, ROW) for key, (_, place) in names.items()}
    for start, end in arrows:
        of_chosen = chosen in (start, end)
        tail, tip = _between(centres[start], centres[end])
        axes.add_patch(FancyArrowPatch(tail, tip, arrowstyle="-|>", mutation_scale=14, shrinkA=0, shrinkB=0,
                                       linewidth=2.4 if of_chosen else 1.2, color=BLUE if of_chosen else GREY))
    for key, (name, _) in names.items():
        corner = centres[key] - _BOX / 2
        axes.add_patch(FancyBboxPatch(corner, *_BOX, boxstyle="round,pad=0,rounding_size=6", facecolor="#dcebf7" if key == chosen else "#f4f4f4",
                                      edgecolor=BLUE if key == chosen else GREY, linewidth=2 if key == chosen else 1))
        axes.text(*centres[key], name, ha="center", va="center", fontsize=9)
    return figure


def _between(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the line from one box's centre to another's leaves the one and meets the other."""
    with np.errstate(divide="ignore"):
        share = np.min((_BOX / 2 + 2) / np.abs(end - start))
    return start + share * (end - start), end - share * (end - start)


def source_map() -> Picture:
    """The diagram of the course's source, as it stands there."""
    listed = "; ".join(f"{SOURCE_CONCEPTS[start][0]} to {SOURCE_CONCEPTS[end][0]}" for start, end in SOURCE_ARROWS)
    return Picture(draw_map(SOURCE_CONCEPTS, SOURCE_ARROWS), f"The source's diagram. Its arrows: {listed}.")


def _draw_concepts(chosen: str):
    return draw_map({key: (concept.name, concept.place) for key, concept in CONCEPTS.items()},
                    [(arrow.start, arrow.end) for arrow in ARROWS], chosen)


def words_of(key: str) -> str:
    """What the map tells of one concept: name, Chinese name, meaning, formula, its arrows, and where it is taught. HTML."""
    concept = CONCEPTS[key]
    arrows = [f"<li>from <b>{escape(CONCEPTS[arrow.start].name)}</b> to {escape(concept.name)}, {escape(arrow.says)}</li>" for arrow in leading_to(key)]
    arrows += [f"<li>from {escape(concept.name)} to <b>{escape(CONCEPTS[arrow.end].name)}</b>, {escape(arrow.says)}</li>" for arrow in leading_from(key)]
    return (f'<h4 style="margin:0.3em 0">{escape(concept.name)} <span lang="zh">{concept.chinese}</span></h4><p>{escape(concept.meaning)}</p>'
            f"<p>${escape(concept.formula)}$</p><ul>{''.join(arrows)}</ul><p>Where: {escape(taught_in(concept.unit))}.</p>")


def taught_in(number: str) -> str:
    """The unit with this number as readers know it, or that it is still to come."""
    titles = {unit.number: unit.title for unit in units()}
    return f"unit {number} ({titles[number]})" if number in titles else f"unit {number}, still to be written"


def explore_concept_map(chosen: str = "pretrained_model"):
    """The map with a button for every concept; the one that was pressed is explained below."""
    import ipywidgets

    columns, rows = (max(concept.place[axis] for concept in CONCEPTS.values()) + 1 for axis in (0, 1))
    concept = ipywidgets.Dropdown(options=[(each.name, key) for key, each in CONCEPTS.items()], value=chosen)  # remembers, and is not shown
    background = ipywidgets.HTML(layout={"grid_area": f"1 / 1 / {rows + 1} / {columns + 1}", "margin": "0"})
    words = ipywidgets.HTMLMath(layout={"max_width": f"{columns * COLUMN}px"})
    keep_drawn(background, lambda key: as_html(_draw_concepts(key), "Arrows between the concepts; they are listed in words below."), {"key": concept})
    keep_drawn(words, lambda key: f'<section aria-live="polite">{words_of(key)}</section>', {"key": concept})
    buttons = [_button(key, concept) for key in CONCEPTS]
    board = ipywidgets.GridBox([background, *buttons], layout={
        "grid_template_columns": f"repeat({columns}, {COLUMN}px)", "grid_template_rows": f"repeat({rows}, {ROW}px)", "overflow": "auto"})
    return box([board, words], lambda: background.value + words.value + glossary()._repr_html_())


def _button(key: str, concept):
    """A button that lies on the concept's box and chooses it; it stays pressed while the concept is chosen."""
    import ipywidgets

    column, row = CONCEPTS[key].place
    width, height = _BOX
    button = ipywidgets.Button(description=CONCEPTS[key].name, style={"font_size": "13px"}, layout={
        "grid_area": f"{row + 1} / {column + 1} / {row + 2} / {column + 2}", "width": f"{width}px", "height": f"{height}px",
        "margin": f"{(ROW - height) // 2}px {(COLUMN - width) // 2}px", "padding": "0"})

    def show(_change=None):
        button.button_style = "info" if concept.value == key else ""

    def choose(_button):
        concept.value = key

    button.on_click(choose)
    concept.observe(show, names="value")
    show()
    return button


class Glossary:
    """Every concept with its Chinese name and its meaning, as a table in a notebook and as text elsewhere."""

    def __repr__(self) -> str:
        return "\n".join(f"{each.name} ({each.chinese}): {each.meaning}" for each in CONCEPTS.values())

    def _repr_html_(self) -> str:
        left = 'style="text-align:left"'
        rows = "".join(
            f'<tr><th scope="row" {left}>{escape(each.name)}</th><td {left} lang="zh">{each.chinese}</td><td {left}>{escape(each.meaning)}</td>'
            f"<td {left}>{escape(taught_in(each.unit))}</td></tr>" for each in CONCEPTS.values())
        head = "".join(f'<th scope="col" {left}>{name}</th>' for name in ("concept", "Chinese", "meaning", "where"))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def glossary() -> Glossary:
    """The map's concepts as a glossary."""
    return Glossary()
