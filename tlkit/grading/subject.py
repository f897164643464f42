"""Where an answer lives. The engine asks a Subject; this one is in the same kernel as the learner."""

import ast
import contextlib
import inspect
import io
import random
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from tlkit.grading.observation import Failure, Observation, decode, encode

MAX_OUTPUT = 2_000


class Subject(Protocol):
    """What the engine may ask of an answer, wherever it runs: only plain data crosses."""

    def value(self) -> Any:
        """The answer itself, encoded; raises KeyError where its name is not defined."""

    def source(self) -> str | None:
        """The answer's source text, or None where there is none."""

    def observe(self, arguments: tuple) -> Observation:
        """Call the answer with encoded arguments."""


class TimeLimit(BaseException):
    """The answer took too long. Not an Exception, so that `except Exception` in an answer does not swallow it."""


class LocalSubject:
    """An answer in this process: the object that `name` stands for in `namespace`.

    Args:
        given: functions that stand in, while the answer runs, for the learner's own of the same name.
    """

    def __init__(self, namespace: dict[str, Any], name: str, given: dict[str, Callable] | None = None,
                 seconds_per_call: float = 10.0):
        self.namespace = namespace
        self.name = name
        self.given = given or {}
        self.seconds_per_call = seconds_per_call

    @classmethod
    def of(cls, function: Callable) -> "LocalSubject":
        """A function of our own (a reference, a misconception), seen exactly as a learner's is."""
        return cls({function.__name__: function}, function.__name__)

    def object(self) -> Any:
        return self.namespace[self.name]

    def value(self) -> Any:
        return encode(self.namespace[self.name])

    def source(self) -> str | None:
        try:
            return textwrap.dedent(inspect.getsource(self.namespace[self.name]))
        except (KeyError, TypeError, OSError):
            return None

    def observe(self, arguments: tuple) -> Observation:
        given = tuple(decode(argument) for argument in arguments)
        value, failure = None, None
        output = _BoundedText()
        with _random_states_kept() as moved, contextlib.redirect_stdout(output), _quiet_warnings():
            started = time.perf_counter()
            try:
                with _time_limit(self.seconds_per_call), _names_replaced(self.object(), self.given):
                    value = encode(self.namespace[self.name](*given))
            except TimeLimit:
                failure = Failure("TimeLimit", f"it had not finished after {self.seconds_per_call:g} s")
            except (Exception, SystemExit) as error:
                failure = Failure.of(error, _line_in_answer(error))
            seconds = time.perf_counter() - started
        after = tuple(encode(argument) for argument in given)
        return Observation(value, after, failure, output.getvalue(), tuple(moved), seconds)


def is_stub(source: str | None) -> bool:
    """Whether a function's source still holds its bare `...` and returns nothing: nobody has begun."""
    if source is None:
        return False
    try:
        function = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    except (SyntaxError, StopIteration):
        return False
    holds_ellipsis = any(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis
        for node in ast.walk(function)
    )
    returns = any(isinstance(node, ast.Return | ast.Yield) and node.value is not None for node in ast.walk(function))
    return holds_ellipsis and not returns


class _BoundedText(io.StringIO):
    def write(self, text: str) -> int:
        if self.tell() < MAX_OUTPUT:
            super().write(text[: MAX_OUTPUT - self.tell()])
        return len(text)


@contextlib.contextmanager
def _time_limit(seconds: float):
    """Interrupt the block after `seconds`, where the system has timers and this is the main thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise TimeLimit

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


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


@contextlib.contextmanager
def _random_states_kept():
    """Put every global random state back as it was; the yielded list then names those that had moved."""
    moved: list[str] = []
    torch = sys.modules.get("torch")
    before = random.getstate(), np.random.get_state(), torch.get_rng_state().clone() if torch else None
    try:
        yield moved
    finally:
        if random.getstate() != before[0]:
            moved.append("python")
            random.setstate(before[0])
        now = np.random.get_state()
        if now[2] != before[1][2] or not np.array_equal(now[1], before[1][1]):
            moved.append("numpy")
            np.random.set_state(before[1])
        if torch and not torch.equal(torch.get_rng_state(), before[2]):
            moved.append("torch")
            torch.set_rng_state(before[2])


@contextlib.contextmanager
def _quiet_warnings():
    """nbgrader gives nothing for a cell that wrote to stderr, so an answer's warnings must not end there."""
    import warnings

    with warnings.catch_warnings(), contextlib.redirect_stderr(_BoundedText()):
        warnings.simplefilter("ignore")
        yield


def _line_in_answer(error: BaseException) -> int | None:
    """The line, counted within its own cell or file, at which the answer failed: the frame just below ours."""
    trace = error.__traceback__
    frames = []
    while trace is not None:
        frames.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return frames[1][1] if len(frames) > 1 else None
