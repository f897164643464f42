"""Run a rebuilt notebook in two kernels: what a learner wrote in one, the checks in another that only asks it.

First every cell of the learner's runs, in order; where a check stands, the kernel is kept as it is at that moment (a
fork that waits). Then the checks run, each against what was kept: those without hidden cases first. So no hidden input is
seen before the last cell has run, and nothing that could show one is kept afterwards; an answer that ends its process
takes only its own check along.
"""

import ast
import builtins
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, v4
from nbgrader.utils import is_locked

from tlkit.grading.kernel import Limits
from tlkit.grading.rebuild import SETUP, is_check, is_demo
from tlkit.grading.sandbox.allowance import Allowance
from tlkit.grading.warm import wire
from tlkit.grading.warm.parents import WarmParents
from tlkit.grading.warm.remote_kernel import RemoteKernel, Run

_OURS, _BUILTINS = {"check"}, set(dir(builtins))
_ASK_SECONDS = 25.0   # for one question; the answer's process itself stops a call after 10
_NOT_SHOWN = "What this cell showed is left out, since it ran after a check had used hidden cases.\n"


@dataclass
class Grading:
    """What running a notebook brought.

    Args:
        points: cell's index -> points, for every check.
        verdicts: of the checks, in order, as JSON.
        remarks: cell's index -> what happened to it, where it did not simply run.
        cell_seconds: that the cells themselves took, each run once, checks among them.
    """

    points: dict[int, float] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    remarks: dict[int, str] = field(default_factory=dict)
    cell_seconds: float = 0.0


class TwoKernels:
    """One notebook in its two kernels.

    Args:
        notebook: rebuilt; its cells take their outputs.
        folder: the released unit's, whose files both kernels get.
        seeds: exercise's id -> seeds of hidden cases.
        seconds: for all of the notebook.
    """

    def __init__(self, parents: WarmParents, notebook: NotebookNode, folder: Path, seeds: dict[str, list[int]],
                 limits: Limits = Limits(), allowance: Allowance = Allowance(), seconds: float = 600):
        self.parents, self.cells, self.folder, self.seeds = parents, notebook.cells, folder, seeds
        self.limits, self.allowance = limits, allowance
        self.deadline = time.monotonic() + seconds
        self.seconds = seconds
        self.result = Grading()
        self._kernels: list[RemoteKernel] = []
        self._kept: dict[int, RemoteKernel | None] = {}
        self._deadly: set[int] = set()
        self._checks: RemoteKernel | None = None
        self._set_up = 0
        self._revealed = False
        self._room = limits.kept_in_all

    def run(self) -> Grading:
        """Run everything.

        Raises:
            TlkitError: no kernel starts.
        """
        with self._ending_kernels():
            self._run_learners_cells()
            checks = [index for index in self._due(is_check) if index not in self.result.points]
            if any(self.seeds.values()):
                for index in checks:
                    self._judge_shown(index)
            for index in sorted(checks, key=self._uses_hidden):
                self._run_check(index, self._kept.get(index))
        for index, remark in self.result.remarks.items():
            outputs = self.cells[index].outputs  # nbgrader gives nothing for stderr, so points are not followed by any
            has_points = any(output.output_type == "execute_result" for output in outputs) and is_check(self.cells[index])
            outputs.append(v4.new_output("stream", name="stdout" if has_points else "stderr", text=f"tlkit: {remark}\n"))
        return self.result

    @contextlib.contextmanager
    def _ending_kernels(self) -> Iterator[None]:
        try:
            yield
        finally:
            for kernel in [*self._kernels, *([self._checks] if self._checks else [])]:
                kernel.close()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.result.cell_seconds += time.perf_counter() - started

    def _due(self, is_due: Any) -> list[int]:
        return [index for index, cell in enumerate(self.cells) if cell.cell_type == "code" and cell.source.strip()
                and not is_demo(cell) and is_due(cell)]

    def _run_learners_cells(self) -> None:
        """Run all cells but the checks; at a check, keep the kernel. After a cell that ends its kernel, begin again
        without that cell."""
        due, reached = self._due(lambda cell: True), 0
        while reached < len(due) and len(self._deadly) <= self.limits.restarts:
            kernel = self._new_learners_kernel()
            for turn, index in enumerate(due):
                is_replay, cell = turn < reached, self.cells[index]
                if index in self._deadly or is_replay and is_check(cell):
                    continue
                if is_check(cell):
                    self._keep(kernel, index)
                    reached = turn + 1
                    continue
                with contextlib.nullcontext() if is_replay else self._counted():
                    run = kernel.run(cell.source, self._limits())
                if not is_replay:
                    cell.outputs = self._shown(self._within_room(run))
                    reached = turn + 1
                if not run.goes_on:
                    self._deadly.add(index)
                    run.remark += "; the rest of the notebook was run without it"
                if run.remark:
                    self.result.remarks.setdefault(index, run.remark)
                if not run.goes_on:
                    break
        for index in due[reached:]:
            self.result.remarks[index] = (f"this cell was not run, since {self.limits.restarts + 1} cells before it had taken "
                                          "their kernel along")

    def _within_room(self, run: Run) -> list[NotebookNode]:
        """What a cell showed, as far as there is room for it in the graded notebook."""
        size = sum(len(str(output)) for output in run.outputs)
        if size > self._room:
            run.remark = run.remark or f"all cells together showed more than {self.limits.kept_in_all / 1e6:g} MB; the rest is dropped"
            return []
        self._room -= size
        return run.outputs

    def _uses_hidden(self, index: int) -> bool:
        """Whether a graded cell may use hidden cases, which only `check` does."""
        return any(self.seeds.values()) and "check" in _names_read(self.cells[index].source)

    def _shown(self, outputs: list[NotebookNode]) -> list[NotebookNode]:
        return [v4.new_output("stream", name="stdout", text=_NOT_SHOWN)] if self._revealed and outputs else outputs

    def _keep(self, kernel: RemoteKernel, index: int) -> None:
        """Keep the kernel for a check; where it cannot be, the check runs now, and what is shown later is left out."""
        self._kept[index] = kernel.snapshot(self.limits.grace_seconds)
        if self._kept[index] is None:
            self._run_check(index, kernel)

    def _judge_shown(self, index: int) -> None:
        """Judge by shown cases, before hidden ones are used anywhere."""
        answer, _ = self._answering(self._kept.get(index))
        checks = self._checks_kernel(index)
        if not checks.judge_shown(self.cells[index].source, self._sources_before(index), self._limits(), answer).goes_on:
            checks.close()
            self._checks = None

    def _run_check(self, index: int, asked: RemoteKernel | None) -> None:
        """Run a graded cell. Once hidden cases have been used, nothing is kept of it that a learner's process could choose."""
        cell = self.cells[index]
        speaks_for_itself = _names_read(cell.source) - _OURS <= _BUILTINS
        due = float(cell.metadata["nbgrader"]["points"])
        self.result.points[index] = 0.0
        answer, gone = self._answering(asked)
        checks = self._checks_kernel(index)
        with self._counted():
            run = checks.grade(cell.source, due, self._sources_before(index), self._limits(), answer, self._revealed)
        is_left_out = self._revealed and not speaks_for_itself
        self._revealed = self._revealed or self._uses_hidden(index)
        cell.outputs = self._shown(run.outputs) if is_left_out else _without_errors(run.outputs) if self._revealed else run.outputs
        if run.goes_on and isinstance(run.reply, dict):
            self.result.points[index] = float(run.reply["points"])
            self.result.verdicts += run.reply["verdicts"]
            run.remark = "; ".join(filter(None, [run.remark, "" if is_left_out else run.reply["note"]]))
            _make_plain(cell, self.result.points[index])
        else:
            run.remark = run.remark or "the check could not be run to its end"
            checks.close()
            self._checks = None
        if gone:
            run.remark = "; ".join(filter(None, [run.remark, f"while this check ran: {gone[0]}"]))
        if asked is not None and asked is self._kept.get(index):
            asked.connection.close()
        if run.remark:
            self.result.remarks[index] = run.remark

    def _answering(self, asked: RemoteKernel | None) -> tuple[Any, list[str]]:
        """How questions are answered, and why they no longer are, once that is so; a kernel that once was gone stays so."""
        reasons: list[str] = []

        def answer(question: wire.Message, deadline: float) -> tuple[Any, wire.Message | None]:
            if asked is None:
                return {"gone": "the process in which the answer was has ended"}, None
            reply = None
            if not asked.gone:
                content, reply = asked.ask(question, min(deadline, time.monotonic() + _ASK_SECONDS), self.limits)
                asked.gone = content if reply is None else {}
            if asked.gone and not reasons:
                reasons.append(asked.gone["gone"])
            return asked.gone or None, reply

        return answer, reasons

    def _limits(self) -> Limits:
        """The limits of the next cell, within what is left for the notebook."""
        return replace(self.limits, cell_seconds=max(0.1, min(self.limits.cell_seconds, self.deadline - time.monotonic())))

    def _new_learners_kernel(self) -> RemoteKernel:
        kernel = self.parents.learners_kernel(self.allowance)
        self._kernels.append(kernel)
        kernel.write_files(self.folder)
        return kernel

    def _checks_kernel(self, index: int) -> RemoteKernel:
        """The kernel for checks; where their code uses more than `check`, the release's own set-up up to there runs in it first."""
        wanted = {name for position in self._due(is_check) for name in _names_read(self.cells[position].source)}
        needs_set_up = bool(wanted - _OURS - _BUILTINS)
        if self._checks is None:
            self._checks, self._set_up = self.parents.checks_kernel(self.seeds, self.allowance), 0
            if needs_set_up:
                self._checks.write_files(self.folder)
        for position in self._due(lambda cell: not is_check(cell)) if needs_set_up else []:
            cell = self.cells[position]
            if self._set_up <= position < index and (is_locked(cell) or SETUP in cell.metadata.get("tags", [])):
                self._checks.run(cell.source, self._limits())
        self._set_up = max(self._set_up, index)
        return self._checks

    def _sources_before(self, index: int) -> list[str]:
        return [self.cells[position].source for position in self._due(lambda cell: not is_check(cell))
                if position < index and position not in self._deadly]


def _without_errors(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs without what an exception said: it may quote a value."""
    return [v4.new_output("error", ename=output.ename, evalue="", traceback=[output.ename]) if output.output_type == "error"
            else output for output in outputs]


def _make_plain(cell: NotebookNode, points: float) -> None:
    """Let nbgrader read the same points out of the cell: it takes the first result, nothing for anything on stderr,
    and everything for a number that is not written as Python's own."""
    for output in cell.outputs:
        if output.output_type == "stream":
            output.name = "stdout"
    if any(output.output_type == "error" for output in cell.outputs):
        return
    shown = []
    for output in cell.outputs:
        if output.output_type == "execute_result":
            text = output.data.get("text/plain", "")
            if _is_number(text):
                continue
            output = v4.new_output("display_data", data=output.data)
        shown.append(output)
    cell.outputs = [*shown, v4.new_output("execute_result", data={"text/plain": repr(float(points))}, execution_count=None)]


def _is_number(text: str) -> bool:
    try:
        float(text)
        return True
    except ValueError:
        return False


def _names_read(source: str) -> set[str]:
    try:
        return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    except SyntaxError:
        return set()
