"""Where an answer lives. The engine asks a Subject; this one is in the same kernel as the learner."""

import ast
import builtins
import contextlib
import dis
import inspect
import linecache
import sys
import textwrap
import time
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol

from tlkit.grading.actions import ACTIONS
from tlkit.grading.encoding import decode, encode
from tlkit.grading.limits import TimeLimit, bounded_output, memory_limit, time_limit
from tlkit.grading.observation import Failure, Observation, Opaque
from tlkit.grading.reach import Forbidden, watch
from tlkit.grading.recipes import Trace, build, look
from tlkit.grading.session import other_dice, put_right, random_states_kept, settings_kept
from tlkit.grading.shortcuts import shortcut_in

_USUAL = {"np": "numpy", "numpy": "numpy", "torch": "torch", "F": "torch.nn.functional", "nn": "torch.nn",
          "plt": "matplotlib.pyplot", "math": "math", "random": "random", "pd": "pandas", "sp": "sympy"}


class Subject(Protocol):
    """What the engine may ask of an answer, wherever it runs: only plain data crosses.

    `is_ours` says that the answer is not a learner's: a function may then stand for the value that is due.
    """

    is_ours: bool

    def value(self) -> Any:
        """The answer itself, encoded; raises KeyError where its name is not defined."""

    def source(self) -> str | None:
        """The answer's source text, or None where there is none."""

    def observe(self, action: str, arguments: tuple, upstream: Any = None) -> Observation:
        """Do something with the answer (tlkit.grading.actions) and encoded arguments."""

    def mentions(self) -> str | None:
        """The forbidden function that the answer is or mentions, as it is written there, or None."""

    def surroundings(self) -> dict[str, str]:
        """Names that the answer uses and that no longer mean what they usually do: name -> usual meaning."""

    def other_dice(self) -> contextlib.AbstractContextManager[None]:
        """The global random states of the answer's process somewhere else for the block."""


class LocalSubject:
    """An answer in this process: the object that `name` stands for in `namespace`.

    Args:
        given: functions that stand in, while the answer runs, for the learner's own of the same name.
        seconds_per_call: after which a call is interrupted.
        forbidden: what the answer may not reach.
        shares_process: whether the engine is in this process too, and must find the libraries as they were.
    """

    def __init__(self, namespace: dict[str, Any], name: str, given: dict[str, Callable] | None = None,
                 seconds_per_call: float = 10.0, forbidden: Forbidden | None = None, shares_process: bool = True):
        self.namespace = namespace
        self.name = name
        self.given = given or {}
        self.seconds_per_call = seconds_per_call
        self.forbidden = forbidden or Forbidden()
        self.shares_process = shares_process
        self.is_ours = False
        self._is_prepared = False

    @classmethod
    def of(cls, answer: Any, seconds_per_call: float = 10.0) -> "LocalSubject":
        """An answer of our own (a reference, a misconception), seen exactly as a learner's is."""
        subject = cls({"answer": answer}, "answer", seconds_per_call=seconds_per_call)
        subject.is_ours = True
        return subject

    def value(self) -> Any:
        return encode(self.namespace[self.name])

    def source(self) -> str | None:
        answer = self.namespace.get(self.name)
        with contextlib.suppress(TypeError, OSError, IndexError, SyntaxError):
            return _source_of_class(answer) if isinstance(answer, type) else textwrap.dedent(inspect.getsource(answer))
        return None

    def mentions(self) -> str | None:
        return shortcut_in(self.forbidden, self.namespace[self.name], self.namespace, self.source())

    def surroundings(self) -> dict[str, str]:
        answer = self.namespace.get(self.name)
        scope = getattr(answer, "__globals__", self.namespace)
        strange = {}
        for name in _names_used(answer):
            if name in _USUAL and name in scope and not isinstance(scope[name], type(sys)):
                strange[name] = _USUAL[name]
            elif name in scope and callable(getattr(builtins, name, None)) and not callable(scope[name]):
                strange[name] = "Python's own"
        return strange

    def other_dice(self) -> contextlib.AbstractContextManager[None]:
        return other_dice()

    def observe(self, action: str, arguments: tuple, upstream: Any = None) -> Observation:
        """See Subject; an answer that exits, hangs or allocates without end is a Failure like any other."""
        trace = Trace()
        given, objects = build(tuple(decode(argument) for argument in arguments), trace)
        value, failure, gradients, reached = None, None, None, []
        answer = self.namespace[self.name]
        if not self._is_prepared:
            _load_libraries(self.source())
            self._is_prepared = True
        if upstream is not None:
            _first_gradient()
        with random_states_kept() as moved, settings_kept() as left_behind, bounded_output() as output:
            trace.entries.clear()
            started = time.perf_counter()
            try:
                with (memory_limit(), _names_replaced(answer, self.given), watch(self.forbidden) as reached,
                      time_limit(self.seconds_per_call)):  # the last, so that the others are put back without interruption
                    returned = ACTIONS[action](answer, given, trace)
                    gradients = None if upstream is None else _gradients(returned, given, upstream)
                    value = encode(returned)
            except TimeLimit:
                failure = Failure("TimeLimit", f"it had not finished after {self.seconds_per_call:g} s")
            except (Exception, SystemExit, GeneratorExit) as error:
                failure = Failure.of(error, _line_in_answer(error), _is_raised_by_answer(error))
            seconds = time.perf_counter() - started
        if self.shares_process:
            put_right()
        names = {id(made): name for name, made in objects.items()}
        after = tuple(encode(look(objects[names[id(a)]])) if id(a) in names else encode(a) for a in given)
        if action == "use":
            after = ()
        return Observation(value, after, failure, output.getvalue(), tuple(moved), seconds, gradients,
                           tuple(trace.entries), tuple(left_behind), tuple(dict.fromkeys(reached)))


@cache
def _first_gradient() -> None:
    """Let torch import what it takes for its first gradient: that time is not the answer's."""
    import torch

    one = torch.ones(1, requires_grad=True)
    torch.autograd.grad(2 * one, one, torch.ones(1))


_LARGE = {name: name for name in ("torch", "torchvision", "transformers", "sklearn", "scipy", "pandas")} | dict.fromkeys(
    ("optim.", "torch.optim"), "torch._dynamo")  # which torch imports when the first optimiser is made


def _load_libraries(source: str | None) -> None:
    """Import large libraries that the answer imports itself: their time and memory are not the answer's.

    An import that a time limit interrupts would leave them half there for the rest of the session. Where one fails,
    the answer fails when it imports them, and is told so.
    """
    for mentioned, name in _LARGE.items():
        if mentioned in (source or "") and name not in sys.modules:
            with contextlib.suppress(Exception, SystemExit):
                import_module(name)


def _source_of_class(made: type) -> str | None:
    """A class's source, by where its methods were written: a notebook's module has no file to look into."""
    methods = [value.__code__ for value in vars(made).values() if hasattr(value, "__code__")]
    text = "".join(linecache.getlines(methods[0].co_filename)) if methods else ""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name == made.__name__ and (
                node.lineno <= methods[0].co_firstlineno <= node.end_lineno):
            return textwrap.dedent(ast.get_source_segment(text, node, padded=True))
    return None


def is_stub(source: str | None) -> bool:
    """Whether a function or class still holds its bare `...` and returns nothing: nobody has begun."""
    if source is None:
        return False
    try:
        made = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.ClassDef))
    except (SyntaxError, StopIteration):
        return False
    holds_ellipsis = any(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis
        for node in ast.walk(made)
    )
    returns = any(isinstance(node, ast.Return | ast.Yield) and node.value is not None for node in ast.walk(made))
    return holds_ellipsis and not returns


def _gradients(returned: Any, given: list, upstream: Any) -> tuple | Opaque:
    """The gradients that come back into the arguments, of several results from the first; Opaque where it has no graph."""
    import torch

    returned = returned[0] if isinstance(returned, tuple | list) and returned else returned
    wanted = [a for a in given if isinstance(a, torch.Tensor) and a.requires_grad]
    if not isinstance(returned, torch.Tensor) or not returned.requires_grad:
        return Opaque("detached")
    upstream = torch.as_tensor(upstream, dtype=returned.dtype).expand(returned.shape)
    found = iter(torch.autograd.grad(returned, wanted, upstream, allow_unused=True, retain_graph=True))
    return tuple(encode(next(found)) if any(a is w for w in wanted) else None for a in given)


def _names_used(answer: Any) -> set[str]:
    """Global names in a function or in the methods of a class, inner functions included."""
    codes = [getattr(answer, "__code__", None)]
    if isinstance(answer, type):
        codes = [getattr(value, "__code__", None) for value in vars(answer).values()]
    names, codes = set(), [code for code in codes if code]
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, type(code))]
    return names


@contextlib.contextmanager
def _names_replaced(function: Any, given: dict[str, Callable]):
    """Let a function's global names stand for other functions, and put them back."""
    scope = getattr(function, "__globals__", {})
    before = {name: scope[name] for name in given if name in scope}
    scope.update(given)
    try:
        yield
    finally:
        for name in given:
            scope.pop(name, None)
        scope.update(before)


def _line_in_answer(error: BaseException) -> int | None:
    """The line, counted within its own cell or file, of the answer's first frame; None where there is none."""
    first = _first_of_answer(error)
    return first.tb_lineno if first else None


def _is_raised_by_answer(error: BaseException) -> bool:
    """Whether a `raise` or `assert` in the answer's first frame is where the exception comes from."""
    trace = _first_of_answer(error)
    return (trace is not None and trace.tb_next is None
            and trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"])


def _first_of_answer(error: BaseException) -> TracebackType | None:
    """Where an exception leaves the answer's own code: the first frame that is neither ours nor torch's, which calls `forward`."""
    trace = error.__traceback__
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith(("tlkit.grading", "torch.")):
        trace = trace.tb_next
    return trace
