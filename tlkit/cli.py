"""The `tlkit` command. Each command is a thin shell: it imports its module when it is called."""

import warnings
from pathlib import Path
from typing import Annotated, Optional

import typer
from typer.core import TyperGroup

from tlkit import cli_class, cli_training
from tlkit.errors import TlkitError, TlkitWarning

_LAB_PACKAGES = {
    "jupyterlab", "jupyter_server", "jupyter_client", "nbgrader", "jupytext", "nbformat", "nbconvert", "nbclient",
    "traitlets",
}


class _OneLineErrors(TyperGroup):
    """What a user can mend, and should know, is said in one line on stderr, without a traceback or a place in the code."""

    def invoke(self, ctx):
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _say_ours_in_a_line(warnings.showwarning)
                return super().invoke(ctx)
        except TlkitError as error:
            _fail(str(error))
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in _LAB_PACKAGES:
                raise
            _fail(f"{error.name} is not installed; install the course's tools with: pip install 'tlkit[lab]'")


def _say_ours_in_a_line(usual):
    def show(message, category, *where):
        if issubclass(category, TlkitWarning):
            typer.echo(f"tlkit: note: {message}", err=True)
        else:
            usual(message, category, *where)

    return show


def _fail(message: str) -> None:
    typer.echo(f"tlkit: {message}", err=True)
    raise typer.Exit(1)


app = typer.Typer(
    cls=_OneLineErrors,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A course on deep transfer learning, and the library it teaches with.",
)

_unit = typer.Argument(metavar="UNIT", help='A number or a name: "01", "01_why_transfer".')
OptionalUnit = Annotated[Optional[str], _unit]
OneUnit = Annotated[str, _unit]


@app.callback()
def main() -> None:
    """A course on deep transfer learning, and the library it teaches with."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context, unit: OptionalUnit = None) -> None:
    """Open the course in JupyterLab, in your own copies below work/.

    Options that are not tlkit's go to JupyterLab: `tlkit lab 01 --no-browser --port 8890`.
    """
    from tlkit.course.lab import open_lab

    arguments = list(context.args)
    if unit and unit.startswith("-"):
        unit, arguments = None, [unit, *arguments]
    raise typer.Exit(open_lab(unit, arguments))


@app.command()
def reset(unit: OneUnit) -> None:
    """Start a unit afresh; your copy is kept under another name."""
    from tlkit.course import workspace

    typer.echo(workspace.reset(unit))


@app.command()
def update(
    unit: OneUnit,
    carry_answers: Annotated[bool, typer.Option("--carry-answers", help="Copy your answers into it.")] = False,
) -> None:
    """Put a newer release of a unit beside the one that you have begun."""
    from tlkit.course import workspace

    typer.echo(workspace.update(unit, carry_answers))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say whether everything that the course needs is in order, and what to do about what is not."""
    from tlkit.doctor import main as examine

    raise typer.Exit(examine(as_json))


@app.command()
def progress() -> None:
    """Say how far you have come: exercises, points and minutes of every unit, and what is next."""
    from tlkit.grading.progress_page import progress as page

    typer.echo(repr(page()))


@app.command()
def grade(
    path: Annotated[Path, typer.Argument(help="Your notebook, which is not changed; or a class's folder.")],
    out: Annotated[Optional[Path], typer.Option("--out", help="A notebook's: the folder for the feedback.")] = None,
    assignment: Annotated[Optional[str], typer.Option("--assignment", help="A class's: this one only.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="A class's: how many at a time.")] = 2,
    force: Annotated[bool, typer.Option("--force", help="A class's: also what is graded already.")] = False,
    no_sandbox: Annotated[
        bool, typer.Option("--no-sandbox", help="A class's: run what learners wrote with all of your rights.")] = False,
    scheduler: Annotated[
        Optional[str], typer.Option("--scheduler", help='A class\'s: the address of a dask scheduler, or "local".')] = None,
) -> None:
    """Grade a notebook of your own, or what a class handed in: points, feedback as pages, and a gradebook."""
    if not path.is_dir():
        from tlkit.grading.notebook import grade_notebook, print_result

        print_result(grade_notebook(path, out))
        return
    from tlkit.grading.classwork.grade_class import NO_SANDBOX, grade_class
    from tlkit.grading.classwork.table import print_summary

    if no_sandbox:
        typer.echo(f"tlkit: {NO_SANDBOX}", err=True)
    summary = grade_class(path, assignment, jobs, not no_sandbox, force, scheduler)
    print_summary(summary)
    if any(record.outcome == "failed" for record in summary.records):
        raise typer.Exit(1)


@app.command()
def build(
    unit: OptionalUnit = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where course/ differs.")] = False,
    root: Annotated[Optional[Path], typer.Option("--root", help="The checkout; found by itself if not given.")] = None,
) -> None:
    """Turn the sources in solutions/ into the notebooks of course/."""
    from tlkit.course.units import checkout

    root = root or checkout()
    from tlkit.course import build as building

    if not check:
        changed = building.build(root, unit, _points)
        for path in changed:
            typer.echo(f"{'wrote' if path.exists() else 'removed'} {path.relative_to(root.resolve())}")
        typer.echo(f"{len(building.source_folders(root, unit))} units built, {len(changed)} files changed")
        return
    faults = building.differences(root, unit, _points)
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo("course/ is what its sources give, and holds no answer")


def _points(exercise_id: str) -> float:
    """What the exercise's record says a check is worth."""
    from tlkit.exercises import find_exercise

    return find_exercise(exercise_id).points


data_app = typer.Typer(no_args_is_help=True, help="Say which data there is, and what is in it.")
app.add_typer(data_app, name="data")


@data_app.command("list")
def list_data() -> None:
    """List every task: what it is, its splits, its licence, and whether it is on this machine."""
    from tlkit.data.listing import list_tasks

    typer.echo(list_tasks())


@data_app.command("inspect")
def inspect_data(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file, a folder, or the name of a task.")],
    text: Annotated[Optional[str], typer.Option("--text", help="The column of the texts.")] = None,
    label: Annotated[Optional[str], typer.Option("--label", help="The column of the labels.")] = None,
    kind: Annotated[Optional[str], typer.Option("--kind", help="Of the task, if it is not to be guessed.")] = None,
    backbone: Annotated[Optional[str], typer.Option("--backbone", help="Whose tokenizer counts tokens.")] = None,
) -> None:
    """Say what a data set holds: classes, counts, lengths, repeats, leaks between splits, imbalance."""
    from tlkit.data import load_task
    from tlkit.data.inspection import inspect

    given = {name: value for name, value in (("text", text), ("label", label), ("kind", kind)) if value is not None}
    typer.echo(inspect(load_task(path, **given), backbone).describe())


@app.command()
def verify(
    as_json: Annotated[Optional[Path], typer.Option("--json", help="Write the figures to this file.")] = None,
    mutate_alternatives: Annotated[
        bool, typer.Option("--mutate-alternatives", help="Also try mutants of every alternative; takes longer.")] = False,
) -> None:
    """Try every exercise's grader with answers of which it is known what they deserve."""
    from tlkit.course.units import checkout
    from tlkit.grading.verify import main as examine

    raise typer.Exit(examine(as_json, checkout() / "solutions", mutate_alternatives))


@app.command()
def pretrain(
    backbone: Annotated[str, typer.Argument(metavar="BACKBONE", help="glyphnet")],
    out: Annotated[Path, typer.Option("--out", help="The folder for weights and model card.")] = Path("artefacts"),
    seed: Annotated[int, typer.Option("--seed", help="Another seed gives other weights.")] = 0,
) -> None:
    """Pretrain a backbone by the recipe that made the shipped weights."""
    if backbone != "glyphnet":
        raise TlkitError(f"there is no recipe for {backbone!r}; the one there is: glyphnet")
    from tlkit.backbones.pretraining import pretrain_glyphnet

    card = pretrain_glyphnet(out, seed)
    typer.echo(f"wrote {out / 'glyphnet.safetensors'} and its card, sha256 {card['sha256'][:12]}...")


for command in (cli_class.secret, cli_class.insights, cli_class.late, cli_class.export, cli_class.similar, cli_class.regrade,
                cli_training.finetune, cli_training.distill, cli_training.compare, cli_training.predict):
    app.command()(command)


if __name__ == "__main__":
    app()
