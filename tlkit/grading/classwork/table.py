"""What a run found, as a table for a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlkit.grading.classwork.grade_class import Summary
from tlkit.grading.records import FAILED, GRADED, Record
from tlkit.grading.score import printable

MAX_ROWS = 60


def print_summary(summary: Summary, console: Console | None = None) -> None:
    """Print points by student and notebook, what was refused or went wrong, and how it was limited."""
    console = console or Console()
    table = Table(title=None, box=None, pad_edge=False)
    for name, justify in (("student", "left"), ("assignment", "left"), ("notebook", "left"), ("points", "right"),
                          ("of", "right"), ("notes", "right"), ("", "left")):
        table.add_column(name, justify=justify)
    for record in summary.records[:MAX_ROWS]:
        table.add_row(*(Text(text) for text in _row(record)))
    console.print(table)
    if len(summary.records) > MAX_ROWS:
        console.print(f"... and {len(summary.records) - MAX_ROWS} more; all of them are in grades.csv")
    for line in summary.notes:
        console.print(Text(printable(line)))
    console.print(Text(_last_line(summary)))


def _row(record: Record) -> tuple[str, ...]:
    points = "" if record.outcome == FAILED else f"{record.points:g}"
    said = "" if record.outcome == GRADED else f"{record.outcome}: {record.reason}"[:80]
    return tuple(map(printable, (record.student, record.assignment, record.notebook, points, f"{record.max_points:g}",
                                 str(len(record.notes) or ""), said)))


def _last_line(summary: Summary) -> str:
    counts = {name: sum(record.outcome == name for record in summary.records) for name in ("graded", "refused", "failed")}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "graded")
    seconds = sum(record.seconds for record in summary.records)
    limited = f"; memory and processes limited by {summary.limits_by}" if summary.limits_by else ""
    return (f"{len(summary.records)} notebooks: {said}; {summary.graded_now} of them now{limited}; "
            f"{seconds / max(1, len(summary.records)):.1f} s each")
