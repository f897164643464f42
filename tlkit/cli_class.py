"""`tlkit secret`, `insights`, `late`, `export`, `similar` and `regrade`: thin shells around what a class needs."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from tlkit.errors import TlkitError

OptionalRoot = Annotated[Optional[Path], typer.Option("--root", help="The course's folder; the current one if not given.")]


def secret(root: OptionalRoot = None) -> None:
    """Make your class's secret, from which its hidden cases follow, and try whether they are fair."""
    from tlkit.course.units import checkout
    from tlkit.grading import hidden_exam
    from tlkit.grading.secret import make_secret, read_secret

    root = root or Path.cwd()
    path = make_secret(root)
    faults = hidden_exam.unfair_cases(read_secret(root), checkout() / "solutions")
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        path.unlink()
        raise TlkitError("the hidden cases of this secret are not fair, so it was thrown away; make another")
    for line in hidden_exam.not_hidden():
        typer.echo(line)
    typer.echo(f"wrote {path}; right answers are right on its hidden cases, and known wrong ones are not. Keep it out of "
               "any repository that learners can see")


def insights(
    assignment: Annotated[Optional[str], typer.Argument(help="As nbgrader names it; all of them if not given.")] = None,
    root: OptionalRoot = None,
    out: Annotated[Optional[Path], typer.Option("--out", help="The folder to write to; insights/ if not given.")] = None,
) -> None:
    """Say what your class has understood: misconceptions, points, exercises, and what each learner should look at next."""
    from tlkit.grading.cohort.insights import write_insights

    paths, notes = write_insights(root or Path.cwd(), assignment, out)
    for note in notes:
        typer.echo(f"Note: {note}")
    for path in paths:
        typer.echo(f"wrote {path}")


def late(
    policy: Annotated[Path, typer.Option("--policy", help="A CSV: assignment, due, percent_per_day, ...")],
    assignment: Annotated[Optional[str], typer.Argument(help="All that the policy names if not given.")] = None,
    extensions: Annotated[Optional[Path], typer.Option("--extensions", help="A CSV: student, assignment, until or hours.")] = None,
    root: OptionalRoot = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write it to the gradebook.")] = False,
) -> None:
    """Say what lateness costs by your policy, extensions counted, and write it to the gradebook if you wish."""
    from tlkit.grading.cohort.penalties import apply_lateness

    found, notes = apply_lateness(root or Path.cwd(), policy, extensions, assignment, write=apply)
    for line in (*found, *(f"Note: {note}" for note in notes)):
        typer.echo(line)
    typer.echo(f"{len(found)} late; " + ("written to the gradebook" if apply else "nothing is changed; --apply writes it"))


def export(
    to: Annotated[Path, typer.Option("--to", help="The CSV to write.")] = Path("grades.csv"),
    layout: Annotated[str, typer.Option("--for", help="canvas, moodle or plain")] = "plain",
    columns: Annotated[Optional[Path], typer.Option("--columns", help="A CSV: column, value; your own columns.")] = None,
    assignments: Annotated[Optional[list[str]], typer.Argument(help="All of them if none is given.")] = None,
    missing_is_zero: Annotated[bool, typer.Option("--missing-is-zero", help="0 for what was not handed in.")] = False,
    root: OptionalRoot = None,
) -> None:
    """Write the grades as a CSV that Canvas, Moodle or another system takes."""
    from tlkit.grading.cohort.export import export_grades

    for note in export_grades(root or Path.cwd(), to, layout, columns, assignments or (), "0" if missing_is_zero else ""):
        typer.echo(f"Note: {note}")
    typer.echo(f"wrote {to}")


def similar(
    assignment: Annotated[str, typer.Argument(help="As nbgrader names it.")],
    root: OptionalRoot = None,
    out: Annotated[Optional[Path], typer.Option("--out", help="The folder to write to; similar/ if not given.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many pairs are shown.")] = 20,
) -> None:
    """Show which answers are more alike than they have to be, whatever their names and layout."""
    from tlkit.grading.cohort.similar import write_similar

    paths, notes = write_similar(root or Path.cwd(), assignment, out, most)
    for note in notes:
        typer.echo(f"Note: {note}")
    for path in paths:
        typer.echo(f"wrote {path}")


def regrade(
    assignment: Annotated[str, typer.Argument(help="As nbgrader names it.")],
    root: OptionalRoot = None,
    release: Annotated[Optional[str], typer.Option("--release", help="The id of a kept release; the current one if not given.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write down what an earlier call showed.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="How many notebooks at a time.")] = 2,
    no_sandbox: Annotated[bool, typer.Option("--no-sandbox", help="Run what learners wrote with all of your rights.")] = False,
) -> None:
    """Grade an assignment again, after a unit was mended: show who changes by how much, then write it down."""
    from tlkit.grading.cohort.regrade import regrade_class
    from tlkit.grading.cohort.regrade_apply import apply_regrade

    root = root or Path.cwd()
    if apply:
        written, notes = apply_regrade(root, assignment)
        done = f"{written} notebooks written; what people gave is as it was"
    else:
        changes, notes = regrade_class(root, assignment, release, jobs, not no_sandbox)
        for change in changes:
            typer.echo(change)
        done = f"{len(changes)} notebooks differ; nothing is changed yet, and --apply writes it down"
    for note in notes:
        typer.echo(f"Note: {note}")
    typer.echo(done)
