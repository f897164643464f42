"""Limits around a call are gone once it is over, whenever the clock strikes."""

import signal
import sys

import pytest

from tlkit.grading import limits


@pytest.fixture
def is_over(monkeypatch):
    monkeypatch.setattr(limits, "_deadline", lambda seconds: lambda: True)


def test_a_clock_that_strikes_within_the_block_ends_it(is_over):
    with pytest.raises(limits.TimeLimit), limits.time_limit(1000):
        signal.raise_signal(signal.SIGALRM)


@pytest.mark.parametrize("door", ["__enter__", "__exit__"])
def test_a_clock_that_strikes_at_the_door_does_not_keep_the_limit_from_being_lifted(is_over, door):
    handler, tracer = signal.getsignal(signal.SIGALRM), sys.gettrace()
    struck = []

    def strike(frame, event, argument):
        if frame.f_code.co_name == door and frame.f_globals["__name__"] in (limits.__name__, "contextlib") and event in ("call", "return"):
            if signal.getsignal(signal.SIGALRM) != handler:
                struck.append(event)
                signal.raise_signal(signal.SIGALRM)
        return strike

    sys.settrace(strike)
    try:
        with limits.time_limit(1000):
            sys.settrace(strike)
    finally:
        sys.settrace(tracer)
    assert struck
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0) and signal.getsignal(signal.SIGALRM) == handler
