"""Limits around an answer's call: time, memory and output, as far as one process can set them.

What one process cannot stop: a single call into C code that neither returns nor looks at signals (such as
`sum(range(10**12))`) runs to its end, and `os._exit` or a crash inside a library ends the process. The
autograder runs answers in a process of their own for that reason.
"""

import contextlib
import ctypes
import io
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

MAX_OUTPUT = 2_000
MAX_EXTRA_BYTES = 2 << 30
PATIENCE = 4
_AGAIN = 0.05


class TimeLimit(BaseException):
    """The answer took too long. Not an Exception, so that `except Exception` in an answer does not swallow it."""


class BoundedText(io.TextIOBase):
    """A stream that keeps the first characters and forgets the rest."""

    def __init__(self):
        self.kept, self.length = [], 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text = str(text)
        if self.length < MAX_OUTPUT:
            self.kept.append(text[: MAX_OUTPUT - self.length])
            self.length += len(self.kept[-1])
        return len(text)

    def getvalue(self) -> str:
        return "".join(self.kept)


@contextlib.contextmanager
def bounded_output() -> Iterator[BoundedText]:
    """Keep what is printed, up to a length, and show nothing: neither streams nor displays nor warnings.

    nbgrader gives nothing for a cell that wrote to stderr, so an answer's warnings must not end there.
    """
    import warnings

    output = BoundedText()
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(contextlib.redirect_stdout(output))
        stack.enter_context(contextlib.redirect_stderr(BoundedText()))
        ipython = sys.modules.get("IPython")
        if ipython and ipython.get_ipython():
            from IPython.core.displaypub import CapturingDisplayPublisher

            shell = ipython.get_ipython()
            before, shell.display_pub = shell.display_pub, CapturingDisplayPublisher()
            stack.callback(setattr, shell, "display_pub", before)
        yield output


def time_limit(seconds: float) -> contextlib.AbstractContextManager[None]:
    """Raise TimeLimit inside the block after `seconds`, again and again until it has left the block.

    What counts is the processor time of the block's thread, so that a busy machine makes no right answer late. A
    block that only waits is interrupted when `PATIENCE` times as much has passed on the clock.

    In the main thread a timer interrupts; elsewhere (and on systems without timers) another thread does. An
    answer that catches everything is interrupted once more inside its `except`, where its `try` no longer holds.
    """
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        return _Timer(seconds)
    return _watcher(seconds)


class _Timer:
    """A timer's signals, as a block; one that comes while the block is being left must not keep it from being left."""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def __enter__(self) -> None:
        self.is_open, self.is_over, self.tracer_before, self.around = True, _deadline(self.seconds), sys.gettrace(), sys._getframe(1)
        self.handler_before = signal.signal(signal.SIGALRM, self._stop)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, _AGAIN)

    def _stop(self, _, frame: Any) -> None:
        if self.is_open and not self._is_at_the_door(frame) and self.is_over():
            _break_out_of_handlers(frame, self.around, lambda: self.is_open)
            raise TimeLimit

    def _is_at_the_door(self, frame: Any) -> bool:
        """Whether what is interrupted is `__enter__` or `__exit__` or called by them, as a trace function is."""
        while frame not in (None, self.around):
            if frame.f_code in (_Timer.__enter__.__code__, _Timer.__exit__.__code__):
                return True
            frame = frame.f_back
        return False

    def __exit__(self, *error: object) -> None:
        self.is_open = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.handler_before)
        sys.settrace(self.tracer_before)
        self.around = None  # a frame that holds this


def _deadline(seconds: float) -> Callable[[], bool]:
    """Whether the thread that this is called in has used up its time, as any thread may ask."""
    clock, began = None, time.perf_counter()
    if hasattr(time, "pthread_getcpuclockid"):
        clock = time.pthread_getcpuclockid(threading.get_ident())
        used_before = time.clock_gettime(clock)

    def is_over() -> bool:
        if clock is None or time.perf_counter() - began > PATIENCE * seconds:
            return time.perf_counter() - began > seconds
        return time.clock_gettime(clock) - used_before > seconds

    return is_over


def _break_out_of_handlers(frame: Any, around: Any, applies: Callable[[], bool]) -> None:
    """Raise TimeLimit once more on the first line of every handler that catches it, in the answer's frames: those within `around`."""

    def tracer(traced, event, argument):
        if event == "exception" and argument[0] is TimeLimit:
            traced.f_trace_lines = True
            return catcher
        return tracer

    def catcher(traced, event, argument):
        if event == "line" and applies():
            raise TimeLimit
        return catcher

    sys.settrace(tracer)
    while frame not in (None, around) and frame.f_globals.get("__name__", "").partition(".")[0] != "tlkit":
        frame.f_trace = tracer
        frame = frame.f_back


@contextlib.contextmanager
def _watcher(seconds: float) -> Iterator[None]:
    thread, done, is_over = threading.get_ident(), threading.Event(), _deadline(seconds)
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def watch():
        if done.wait(seconds):
            return
        while not is_over() and not done.wait(_AGAIN):
            pass
        while not done.is_set():
            raise_in(ctypes.c_ulong(thread), ctypes.py_object(TimeLimit))
            done.wait(_AGAIN * 10)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        _let_arrive(watching)


def _let_arrive(watching: threading.Thread) -> None:
    """Wait for the watching thread to end; an exception that it sent last arrives here and is dropped.

    (Taking it back with a null pointer leaves Python 3.11's evaluation loop with a flag that it never clears.)
    """
    while True:
        try:
            watching.join()
            for _ in range(3):
                time.sleep(0)
            return
        except TimeLimit:
            continue


@contextlib.contextmanager
def memory_limit(extra_bytes: int = MAX_EXTRA_BYTES) -> Iterator[None]:
    """Let the process grow by at most `extra_bytes` of address space within the block (MemoryError beyond).

    On Linux, by the soft limit RLIMIT_AS, which is put back. Elsewhere, and with a GPU in use (whose driver
    reserves far more than it fills), there is no limit.
    """
    size = None if _uses_gpu() else _address_space()
    if size is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    hard, limit = before[1], size + min(extra_bytes, _free_memory() // 2)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    if before[0] != resource.RLIM_INFINITY:
        limit = min(limit, before[0])
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    except (ValueError, OSError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _uses_gpu() -> bool:
    torch = sys.modules.get("torch")
    return bool(torch and torch.cuda.is_available())


def _address_space() -> int | None:
    """Bytes of address space that the process has now; None where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * 4096
    except (OSError, ValueError):
        return None


def _free_memory() -> int:
    """Bytes that the machine could still give; a lot where it does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        return 1 << 40
