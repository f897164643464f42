"""A report in a terminal (rich) and in a notebook (HTML, with pictures that have words).

Axes: C classes.
"""

from collections.abc import Iterable, Sequence
from html import escape
from io import StringIO
from typing import NamedTuple

from tlkit.quality import LOWER_IS_BETTER, CalibrationBin, Evaluation

ROWS_SHOWN = 12


class Table(NamedTuple):
    """Words in rows and columns; the first of each row names it."""

    caption: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def headline(report) -> str:
    """"full on digits (classification), glyphnet, seed 0, judged on the test split: 360 examples"."""
    return (f"{report.plan['name']} on {report.task} ({report.kind}), {report.backbone}, seed {report.seed}, "
            f"judged on the {report.split} split: {report.after.count:,} {report.after.unit}")


def tables(report) -> list[Table]:
    """What the card shows in words and numbers: metrics, classes, the most frequent confusions, cost."""
    columns = report.evaluations
    level = next(iter(report.after.metrics.values())).level
    shown = [Table(
        f"Metrics, with {level:.0%} bootstrap intervals", ("metric", *columns),
        [(f"{name} (less is better)" if name in LOWER_IS_BETTER else name, *(str(each.metrics[name]) for each in columns.values()))
         for name in report.after.metrics],
    )]  # fmt: skip
    if report.after.per_class:
        shown.append(_classes(columns))
    if report.after.confusion:
        shown.append(_confusions(report.after))
    shown.append(Table("Cost of training", ("what", "how much"), list(_cost(report))))
    return shown


def _classes(columns: dict[str, Evaluation]) -> Table:
    after = columns["after"].per_class
    hardest = sorted(range(len(after)), key=lambda at: (after[at].f1 != after[at].f1, after[at].f1))[:ROWS_SHOWN]
    order = sorted(hardest) if len(after) <= ROWS_SHOWN else hardest
    caption = "Each class after training" if len(after) <= ROWS_SHOWN else f"The {ROWS_SHOWN} hardest of {len(after)} classes"
    heads = ("class", "precision", "recall", "F1", *(f"F1 {when}" for when in columns if when != "after"), "examples")
    rows = [(after[at].name, *map(_share, (after[at].precision, after[at].recall, after[at].f1)),
             *(_share(each.per_class[at].f1) for when, each in columns.items() if when != "after"), f"{after[at].support:,}")
            for at in order]  # fmt: skip
    return Table(caption, heads, rows)


def _confusions(evaluation: Evaluation) -> Table:
    """The most frequent confusions as words; the whole matrix is the picture's."""
    rows = [(truth, taken, f"{count:,}", f"{count / total:.0%}") for count, truth, taken, total in _mistakes(evaluation)]
    return Table("Most frequent mistakes after training", ("class", "taken for", "times", "of the class"),
                 rows[:ROWS_SHOWN] or [("none", "", "", "")])


def _mistakes(evaluation: Evaluation) -> list[tuple[int, str, str, int]]:
    """(times, class, taken for, examples of the class), the most frequent first."""
    names = evaluation.classes
    return sorted(((count, names[row], names[column], sum(counts)) for row, counts in enumerate(evaluation.confusion)
                   for column, count in enumerate(counts) if count and row != column), key=lambda each: -each[0])


def _cost(report) -> Iterable[tuple[str, str]]:
    yield "seconds", f"{report.seconds:,.1f}"
    if report.peak_memory_mb is not None:
        yield "peak memory", f"{report.peak_memory_mb:,.0f} MB"
    share = f" ({report.trainable_parameters / report.total_parameters:.2%})" if report.total_parameters else ""
    yield "trained parameters", f"{report.trainable_parameters:,} of {report.total_parameters:,}{share}"
    if report.training_flops is not None:
        yield "operations", operations(report.training_flops)


def operations(flops: float) -> str:
    """"1.23 TFLOP"."""
    for size, unit in ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP")):
        if flops >= size:
            return f"{flops / size:.3g} {unit}"
    return f"{flops / 1e6:.3g} MFLOP"


def _share(value: float) -> str:
    return "not known" if value != value else f"{value:.3f}"


def as_rich(report):
    """The report as tables that rich draws."""
    from rich import box
    from rich.console import Group
    from rich.table import Table as RichTable
    from rich.text import Text

    parts = [Text(headline(report), style="bold")]
    for table in tables(report):
        drawn = RichTable(title=Text(table.caption), title_justify="left", box=box.SIMPLE_HEAD)
        for number, name in enumerate(table.columns):
            drawn.add_column(Text(name), justify="right" if number else "left", overflow="fold")
        for row in table.rows:
            drawn.add_row(*map(Text, row))
        parts.append(drawn)
    return Group(*parts, *(Text(f"note: {note}") for note in report.notes))


def as_text(report, width: int = 120) -> str:
    """The report as plain text without colours."""
    from rich.console import Console

    page = StringIO()
    Console(file=page, width=width, color_system=None, force_terminal=False).print(as_rich(report))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()).strip()


def as_html(report) -> str:
    """The report as HTML: tables with headers and captions, pictures with words, no scripts; every word escaped."""
    pictures = [*confusion_pictures(report), *calibration_pictures(report)]
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return (
        f'<section aria-label="Report of a fine-tuning run" style="color:inherit"><p><strong>{escape(headline(report))}</strong></p>'
        + "".join(map(_html_table, tables(report))) + "".join(f"<figure style='margin:8px 0'>{each}</figure>" for each in pictures)
        + (f"<ul>{notes}</ul>" if notes else "") + "</section>"
    )  # fmt: skip


def _html_table(table: Table) -> str:
    style = 'style="text-align:left;padding:1px 20px 1px 0"'
    head = "".join(f'<th scope="col" {style}>{escape(name)}</th>' for name in table.columns)
    rows = "".join(
        f'<tr><th scope="row" {style}>{escape(first)}</th>' + "".join(f"<td {style}>{escape(cell)}</td>" for cell in cells) + "</tr>"
        for first, *cells in table.rows
    )
    return (f'<table style="line-height:1.5;margin:8px 0"><caption style="text-align:left">{escape(table.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")


def confusion_pictures(report) -> list[str]:
    """The confusion after training as an HTML image, if there is one."""
    from tlkit import drawing

    after = report.after
    if not after.confusion:
        return []
    right = sum(row[at] for at, row in enumerate(after.confusion))
    words = f"Confusion after training: {right:,} of {after.count:,} {after.unit} right."
    if mistakes := _mistakes(after):
        count, truth, taken, total = mistakes[0]
        words += f" Most often {truth} was taken for {taken}: {count:,} of its {total:,}."
    return [drawing.as_html(draw_confusion(after.confusion, after.classes), words)]


def calibration_pictures(report) -> list[str]:
    """Confidence against being right, before and after, as an HTML image, if it was measured."""
    from tlkit import drawing

    curves = {when: each.calibration for when, each in report.evaluations.items() if each.calibration}
    if not curves:
        return []
    errors = ", ".join(f"{when} {report.evaluations[when].metrics['ECE'].mean:.3f}" for when in curves)
    words = f"Calibration: the share that is right against the confidence; expected calibration error {errors}."
    return [drawing.as_html(draw_calibration(curves), words)]


def draw_confusion(confusion: Sequence[Sequence[int]], classes: Sequence[str]):
    """How often each class (row) was taken for each (column), as shares of the row, with counts where there is room.

    Args:
        confusion: counts, C x C.
        classes: C names.
    Returns:
        A matplotlib figure.
    """
    import numpy as np

    from tlkit.drawing import new_figure

    counts = np.asarray(confusion)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    has_room = len(classes) <= ROWS_SHOWN
    side = 2.2 + 0.45 * min(len(classes), 12)
    figure = new_figure(side + 0.8, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape) if has_room else ():
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=8,
                  color="black" if shares[row, column] > 0.5 else "white")
    if has_room:
        names = [name.replace("$", r"\$") for name in classes]  # matplotlib would read formulas
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="taken for", ylabel="class", title="confusion after training")
    figure.colorbar(image, ax=axes, label="share of the class", shrink=0.8)
    return figure


def draw_calibration(curves: dict[str, Sequence[CalibrationBin]]):
    """The share that is right against the confidence, a line for each of "before", "after", "scratch".

    Returns:
        A matplotlib figure.
    """
    from tlkit.drawing import BLUE, GREEN, ORANGE, new_figure, quiet_axes

    style = {"before": (ORANGE, "s"), "after": (BLUE, "o"), "scratch": (GREEN, "D")}
    figure = new_figure(4.8, 4.2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--", label="as confident as right")
    for when, bins in curves.items():
        colour, marker = style[when]
        most = max(each.count for each in bins)
        line = [each.confidence for each in bins], [each.accuracy for each in bins]
        axes.plot(*line, color=colour, linewidth=1, marker=marker, markersize=3, label=when)
        axes.scatter(*line, color=colour, marker=marker, s=[12 + 60 * each.count / most for each in bins])
    axes.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1.02), ylim=(-0.02, 1.02),
             title="calibration (larger marks: more examples)")
    axes.legend(loc="upper left", fontsize=9)
    quiet_axes(axes)
    return figure
