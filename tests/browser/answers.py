"""Wrong and right answers to every exercise of the course, as sources of a cell."""

import pkgutil
from importlib import import_module

from tests.course.conftest import PROJECT
from tlkit.course.build import read_source
from tlkit.exercises.record import Exercise, Quiz

_LETTERS = "abcdefgh"


def wrong_answer(record: Exercise | Quiz, which: int = 0) -> tuple[str, str]:
    """A wrong answer, and what its card must say: the first misconception of an exercise, the first wrong choices of a quiz."""
    if isinstance(record, Quiz):
        letters = [next(letter for letter, choice in zip(_LETTERS, question.choices) if not choice.right) for question in record.questions]
        return f"{record.name} = {letters}", record.questions[-1].choices[_LETTERS.index(letters[-1])].explanation
    module, variable = _home(record)
    return _TYPED.format(module=module, variable=variable, name=record.name, which=which), record.misconceptions[which].name


# Run here, so that it is the learner's own: what an answer calls in the library's exercises is refused as being no answer.
_TYPED = """from importlib.resources import files

exec(files("tlkit.exercises").joinpath("{module}.py").read_text("utf-8"), typed := {{"__name__": "__main__"}})
{name} = typed["{variable}"].misconceptions[{which}].answer"""


def _home(record: Exercise) -> tuple[str, str]:
    """Where a record stands: the file's path below tlkit/exercises without its ending, and the variable's name."""
    import tlkit.exercises

    for found in pkgutil.walk_packages(tlkit.exercises.__path__, "tlkit.exercises."):
        if not found.ispkg:
            for variable, value in vars(import_module(found.name)).items():
                if value is record:
                    return found.name.removeprefix("tlkit.exercises.").replace(".", "/"), variable
    raise ValueError(f"{record.id} stands in no module of tlkit.exercises")


def right_answers(notebook: str) -> dict[str, str]:
    """grade_id -> answer, as the source of a notebook ("01_why_transfer/01_why_transfer") has it."""
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in read_source(PROJECT / "solutions" / f"{notebook}.py").cells
            if cell.metadata.get("nbgrader", {}).get("solution")}
