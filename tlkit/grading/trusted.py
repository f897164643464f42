"""The checks' side: a kernel in which no line of a learner's runs. Graded cells run here and ask the other process."""

import ast
import builtins
import dataclasses
import math
import socket
from typing import Any

from tlkit.errors import TlkitError
from tlkit.exercises import find_exercise
from tlkit.grading import check as checks
from tlkit.grading import trial
from tlkit.grading.engine import judge
from tlkit.grading.hidden import judge_with_hidden, without_the_answers_words
from tlkit.grading.quiz import judge_quiz
from tlkit.grading.remote import AnswerError, RemoteObject, RemoteSubject, fetched
from tlkit.grading.verdict import Verdict
from tlkit.grading.warm import wire
from tlkit.grading.warm.kernel import Kernel
from tlkit.grading.warm.shell import Shell

SHOWN_SEED = 0
Seeds = dict[str, list[int]]
"""Exercise's id -> the seeds of its hidden cases; an exercise without any is judged by the cases that learners see."""


def prepare(seeds: Seeds) -> list[str]:
    """Compute what is due in these exercises, in shown and hidden cases, and what their misconceptions make of them.

    Returns:
        One line for each exercise that cannot be prepared.
    """
    faults = []
    for exercise_id, hidden in seeds.items():
        try:
            exercise = find_exercise(exercise_id)
        except TlkitError:
            continue  # another course's own `check`
        if exercise.kind == "choice":
            continue
        try:
            for seed in (SHOWN_SEED, *hidden):
                cases, _ = trial.reference_results(exercise_id, seed)
                for index in range(len(exercise.misconceptions)):
                    for position in range(len(cases)):
                        trial.misconception_result(exercise_id, index, seed, position)
        except Exception as error:
            faults.append(f"{exercise_id}: {type(error).__name__}: {error}")
    return faults


class ChecksKernel(Kernel):
    """Where graded cells run."""

    def __init__(self, connection: socket.socket, shell: Shell, seeds: Seeds):
        super().__init__(connection, shell)
        self.seeds, self.verdicts, self.sources, self.is_silent = seeds, [], [], False
        self.shown: dict[str, Verdict] = {}
        checks.judge_elsewhere(self.verdict)
        shell.user_ns["check"] = checks.check

    def ask(self, about: dict[str, Any], numbers: bytes) -> tuple[Any, bytes]:
        """Ask the learner's process, by way of whoever grades."""
        wire.send(self.connection, wire.ASK, self.request, about, numbers)
        reply = wire.receive(self.connection)
        try:
            return reply.content(), reply.numbers
        except wire.Refused as error:
            raise AnswerError(str(error)) from None

    def verdict(self, exercise_id: str) -> Verdict:
        """Judge an exercise, on hidden cases too where it has seeds for them."""
        record = find_exercise(exercise_id)
        subject, shown = RemoteSubject(record, self.ask, self.sources), self.shown.pop(exercise_id, None)
        if record.kind == "choice":
            found = shown or judge_quiz(record, subject)
        else:
            found = judge_with_hidden(record, subject, self.seeds.get(exercise_id, ()), shown)
        if self.is_silent and shown is None:
            found = without_the_answers_words(record, found)
        self.verdicts.append(found)
        return found

    def do_judge_shown(self, source: str, sources: list[str], numbers: bytes) -> tuple[Any, bytes]:
        """Judge, by the cases that learners see, the exercises that a graded cell will check.

        It is done for all checks of a notebook before any hidden case is used: what comes of it is shown with the
        answer's own values and words, which afterwards could hold a hidden case.
        """
        self.sources = sources
        for exercise_id in _checked_in(source):
            record = find_exercise(exercise_id)
            subject = RemoteSubject(record, self.ask, sources)
            self.shown[exercise_id] = judge_quiz(record, subject) if record.kind == "choice" else judge(record, subject, SHOWN_SEED)
        return True, b""

    def do_grade(self, source: str, points: float, sources: list[str], is_silent: bool, numbers: bytes) -> tuple[Any, bytes]:
        """Run a graded cell: {"points", "note", "verdicts"}.

        Args:
            points: what the cell is worth.
            sources: the learner's code cells before it.
            is_silent: whether hidden cases were used before, so that no word or value of an answer's may be told.
        """
        self.verdicts, self.sources, self.is_silent = [], sources, is_silent
        for name in _unknown_names(source, self.shell.user_ns):
            try:
                self.shell.user_ns[name] = RemoteName(self.ask, name).resolved()
            except NameError:
                self.shell.user_ns.pop(name, None)
        result = self.shell.run(source)
        earned, note = points_of(result.result, points) if result.success else (0.0, "")
        return {"points": earned, "note": note, "verdicts": [_as_json(verdict) for verdict in self.verdicts]}, b""


class RemoteName:
    """A name that a graded cell uses and that only the learner's process can define."""

    def __init__(self, ask: Any, name: str):
        self.ask, self.name = ask, name

    def resolved(self) -> Any:
        found = fetched(self.ask, {"name": self.name})
        if isinstance(found, RemoteObject):
            return RemoteObject(self.ask, {"name": self.name}, found._type_name)
        return found


def points_of(result: Any, due: float) -> tuple[float, str]:
    """The points that the last value of a graded cell stands for, and a remark on it.

    A number (Python's, numpy's, a tensor with one element) is the points, cut to what the cell can give; so is a pair of
    a number and a text. True and None, and what is no number, mean that the cell passed; False that it did not.
    """
    if type(result) is tuple and len(result) == 2 and isinstance(result[1], str):
        result = result[0]
    if isinstance(result, bool) or result is None:
        return (0.0 if result is False else due), ""
    if type(getattr(result, "dtype", None)).__name__ == "BoolDType" or str(getattr(result, "dtype", "")) in ("bool", "torch.bool"):
        return points_of(bool(result), due) if getattr(result, "shape", None) == () else (due, "")
    try:
        number = result if isinstance(result, int | float) else result.item()
        number = float(number)
    except (AttributeError, TypeError, ValueError, RuntimeError, OverflowError):
        return due, ""
    if math.isnan(number):
        return 0.0, "the graded cell gave nan, which counts as 0 points"
    if not 0 <= number <= due:
        return min(max(number, 0.0), due), f"the graded cell gave {number:g} of {due:g} points, which was cut to what it can give"
    return number, ""


def _checked_in(source: str) -> list[str]:
    """The ids in a cell's calls of `check`."""
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except SyntaxError:
        return []
    return [call.args[0].value for call in calls if isinstance(call.func, ast.Name) and call.func.id == "check"
            and len(call.args) == 1 and isinstance(call.args[0], ast.Constant)]


def _unknown_names(source: str, namespace: dict[str, Any]) -> list[str]:
    """Names that a cell reads and that nothing on this side defines."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    stored |= {argument.arg for node in ast.walk(tree) if isinstance(node, ast.arguments)
               for argument in (*node.posonlyargs, *node.args, *node.kwonlyargs, node.vararg, node.kwarg) if argument}
    stored |= {(alias.asname or alias.name).split(".")[0] for node in ast.walk(tree)
               if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names}
    stored |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)} - stored
    return sorted(name for name in read if not hasattr(builtins, name)
                  and (name not in namespace or isinstance(namespace[name], RemoteObject)))


def _as_json(verdict: Verdict) -> dict[str, Any]:
    return dataclasses.asdict(verdict) | {"outcome": verdict.outcome.value}
