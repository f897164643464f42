"""Answers and sessions that do what they should not: the outcome is honest, and the session lives on."""

import builtins
import importlib
import linecache
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tlkit.grading.check import verdict_on
from tlkit.grading.engine import judge
from tlkit.grading.limits import TimeLimit, memory_limit, time_limit
from tlkit.grading.session import put_right, remember
from tlkit.grading.subject import LocalSubject, _load_libraries
from tlkit.grading.verdict import Outcome

RIGHT = """
def paired_gain(transfer, scratch):
    difference = np.asarray(transfer) - np.asarray(scratch)
    if len(difference) < 2:
        return difference.mean(), float("nan")
    return difference.mean(), difference.std(ddof=1) / len(difference) ** 0.5
"""
HEAD = "def paired_gain(transfer, scratch):\n    "


def session(*cells: str) -> dict:
    """What the cells of a notebook define."""
    namespace = {"__name__": "__main__", "np": np}
    for number, source in enumerate(cells):
        filename = f"<robustness {hash(source)} {number}>"
        linecache.cache[filename] = (1, None, source.splitlines(keepends=True), filename)
        exec(compile(source, filename, "exec"), namespace)
    return namespace


def outcome(*cells: str):
    return verdict_on("01.paired_gain", session(*cells))


@pytest.fixture(autouse=True)
def the_session_lives():
    """Whatever an answer did: handlers, limits, tracing, dice, streams, folder and libraries are as before."""
    np.random.seed(3)
    before = (signal.getsignal(signal.SIGALRM), sys.gettrace(), sys.getprofile(), sys.stdout, os.getcwd(), np.mean,
              builtins.len, builtins.__import__)
    limits = _address_limit()
    yield
    assert before == (signal.getsignal(signal.SIGALRM), sys.gettrace(), sys.getprofile(), sys.stdout, os.getcwd(), np.mean,
                      builtins.len, builtins.__import__)
    assert limits == _address_limit()
    assert np.random.rand() == np.random.RandomState(3).rand()
    assert outcome(RIGHT).outcome is Outcome.RIGHT


def _address_limit():
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)


ANSWERS = {
    "raises": ("raise RuntimeError('no')", "it raised RuntimeError"),
    "raises an exception whose text raises": (
        "class E(Exception):\n        def __str__(self): raise ValueError\n    raise E", "it raised Exception"),
    "exits": ("exit()", "it raised SystemExit"),
    "exits through sys": ("import sys; sys.exit(3)", "it raised SystemExit"),
    "raises GeneratorExit": ("raise GeneratorExit", "it raised GeneratorExit"),
    "calls itself without end": ("return paired_gain(transfer, scratch)", "it raised RecursionError"),
    "returns lazily, a generator": ("yield 1.0", "returns a generator that has not computed anything yet"),
    "returns lazily, a map": ("return map(float, [1, 2])", "returns a map that has not computed anything yet"),
    "returns lazily, a dict view": ("return {1: 2}.values()", "returns a dict_values that has not computed anything yet"),
    "returns a set": ("return {1.0, 2.0}", "returns an object of type set"),
    "returns a class with lying names": (
        "class M(type):\n        __name__ = property(lambda s: 1 / 0)\n    class C(metaclass=M): pass\n    return C()",
        "returns an object of type C"),
    "returns itself, nested": ("x = []; x.append(x); return x", ""),
    "returns a very long number": ("return 10 ** 5000, 1", ""),
    "returns a very large array": ("return np.broadcast_to(1.0, (10**6, 10**6))", "returns an object of type very large array"),
    "prints a megabyte": ("print('x' * 1_000_000)", "prints instead of returning"),
    "prints without end": ("for _ in range(10**5): print('x' * 100)", "prints instead of returning"),
    "writes to stderr": ("import sys; sys.stderr.write('x' * 1_000_000); return 1.0, 2.0", ""),
    "closes its stdout": ("import sys; sys.stdout.close()", "returns None"),
    "replaces stdout": ("import sys; sys.stdout = None", "returns None"),
    "leaves the folder": ("import os; os.chdir('/')", "returns None"),
    "takes too few arguments": (None, "another number of arguments"),
}


@pytest.mark.parametrize("case", ANSWERS, ids=str)
def test_an_answer_that_misbehaves_is_not_yet_and_the_session_lives(case, capsys):
    body, name = ANSWERS[case]
    verdict = outcome(HEAD + body) if body else outcome("def paired_gain(transfer):\n    return 1.0, 2.0")
    assert verdict.outcome is Outcome.NOT_YET and verdict.points < verdict.max_points
    assert name in (verdict.diagnosis.name if verdict.diagnosis else "")
    shown = capsys.readouterr()
    assert len(shown.out) < 5_000 and shown.err == ""


def limited(source: str, seconds: float = 0.3):
    from tlkit.exercises import find_exercise

    return judge(find_exercise("01.paired_gain"), LocalSubject(session(source), "paired_gain", seconds_per_call=seconds))


HANGS = {
    "sleeps": "import time; time.sleep(60)",
    "loops": "while True: pass",
    "computes a huge power": "return 9 ** 9 ** 9, 1",
    "swallows exceptions": "import time\n    while True:\n        try: time.sleep(0.01)\n        except Exception: pass",
    "swallows everything": "import time\n    while True:\n        try: time.sleep(0.01)\n        except BaseException: pass",
    "swallows everything and goes on": "while True:\n        try:\n            while True: pass\n        except BaseException:\n            continue",
    "hides in finally": "while True:\n        try:\n            while True: pass\n        finally:\n            continue",
}


@pytest.mark.parametrize("case", HANGS, ids=str)
def test_an_answer_that_hangs_is_stopped_once_for_all_cases(case):
    verdict = limited(HEAD + HANGS[case])
    assert verdict.outcome is Outcome.NOT_YET and verdict.points == 0
    assert "had not finished after 0.3 s" in verdict.diagnosis.name
    assert verdict.seconds < 20


def test_an_answer_that_hangs_outside_of_the_main_thread_is_stopped_too():
    found = []
    thread = threading.Thread(target=lambda: found.append(limited(HEAD + "while True: pass")))
    thread.start()
    thread.join(60)
    assert found and "had not finished" in found[0].diagnosis.name


def test_a_time_limit_that_is_not_reached_leaves_no_trace():
    with time_limit(0.2):
        pass
    time.sleep(0.3)
    with pytest.raises(TimeLimit), time_limit(0.05):
        time.sleep(5)


@pytest.mark.parametrize("in_thread", [False, True], ids=["main thread", "another thread"])
def test_time_in_which_the_machine_does_something_else_is_not_the_answers(in_thread):
    def wait_then_work():
        with time_limit(1.0):
            time.sleep(1.5)
        with pytest.raises(TimeLimit), time_limit(0.2):
            while True:
                pass
        ended.append(True)

    ended = []
    if in_thread:
        thread = threading.Thread(target=wait_then_work)
        thread.start()
        thread.join(60)
    else:
        wait_then_work()
    assert ended


@pytest.mark.parametrize("body", ["return [0.0] * 10**10", "return np.ones(10**10)", "x = []\n    while True: x.append(bytearray(10**7))"])
def test_an_answer_that_allocates_without_end_is_stopped(body):
    verdict = outcome(HEAD + body)
    assert verdict.outcome is Outcome.NOT_YET
    assert "more memory" in verdict.diagnosis.name


def test_a_torch_tensor_that_is_too_large_is_a_memory_error():
    pytest.importorskip("torch")
    assert "more memory" in outcome(HEAD + "import torch; return torch.ones(10**11).sum(), 0.0").diagnosis.name


def test_importing_a_large_library_is_not_the_answers_memory():
    script = """
from tlkit import check
source = "def accuracy(predicted, labels):\\n    import torch\\n    if len(predicted) != len(labels) or len(labels) == 0:\\n"
source += "        raise ValueError\\n    return (torch.as_tensor(predicted) == torch.as_tensor(labels)).double().mean()\\n"
import linecache
linecache.cache["answer.py"] = (len(source), None, source.splitlines(True), "answer.py")
exec(compile(source, "answer.py", "exec"))
check("00.warm_up")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert "right, 2 of 2 points" in done.stdout, done.stdout + done.stderr


def test_the_memory_limit_is_put_back():
    before = _address_limit()
    with pytest.raises(MemoryError), memory_limit(1 << 28):
        bytearray(1 << 30)
    assert _address_limit() == before
    assert len(bytearray(1 << 28)) == 1 << 28


WRONG = HEAD + "return 0.5, 0.25\n"
CHEATS = {
    "numpy.allclose says yes": "np.allclose = lambda *a, **k: True",
    "numpy.array_equal says yes": "np.array_equal = lambda *a, **k: True",
    "numpy.mean is gone": "del np.mean",
    "the comparison says yes": "import tlkit.grading.compare as c\nc.first_difference = lambda *a, **k: None",
    "the judge says yes": "import tlkit.grading.engine as e, tlkit.grading.trial as t\nt.problem_of = e.problem_of = lambda *a, **k: None",
    "the reference is the answer": "import tlkit.comparison as c\nc.paired_gain = lambda *a: (0.5, 0.25)",
    "builtins.all says yes": "import builtins\nbuiltins.all = lambda *a: True",
    "builtins.len is broken": "import builtins\nbuiltins.len = 3",
    "builtins.abs lies": "import builtins\nbuiltins.abs = lambda x: 0",
    "an audit of clocks": "import time\ntime.perf_counter = lambda: 0.0",
}


@pytest.mark.parametrize("case", CHEATS, ids=str)
@pytest.mark.parametrize("when", ["before", "during"])
def test_patched_libraries_fool_nobody(case, when):
    remember()
    try:
        if when == "before":
            verdict = outcome(CHEATS[case], WRONG)
        else:
            body = "\n    ".join(CHEATS[case].splitlines())
            verdict = outcome(HEAD + body + "\n    return 0.5, 0.25\n")
        assert verdict.outcome is Outcome.NOT_YET and verdict.points < verdict.max_points
    finally:
        put_right()


def test_a_patch_is_set_aside_for_the_check_said_and_put_back():
    remember()
    mine = lambda *a, **k: 0.0  # noqa: E731
    original, np.std = np.std, mine
    try:
        verdict = outcome(RIGHT)
        assert verdict.outcome is Outcome.RIGHT
        assert any("`numpy.std` was replaced" in note for note in verdict.notes)
        assert np.std is mine
    finally:
        np.std = original


SHADOWS = {"np = 3": "`np` is no longer the module numpy", "len = 3": "`len` no longer means Python's own function"}


@pytest.mark.parametrize("cell", SHADOWS)
def test_a_shadowed_name_is_named(cell):
    verdict = outcome(RIGHT, cell)
    assert verdict.outcome is Outcome.NOT_YET
    assert verdict.diagnosis.name == SHADOWS[cell]


def test_a_name_from_a_cell_that_was_not_run_says_so():
    verdict = outcome(HEAD + "return helper(transfer, scratch)")
    assert verdict.diagnosis.name.startswith("`helper` is not defined")
    assert "out of order" in verdict.diagnosis.hint


@pytest.mark.parametrize("module", ["tlkit.exercises.record", "tlkit.grading.verdict", "tlkit.comparison", "math"])
def test_reloaded_modules_do_no_harm(module):
    loaded = importlib.import_module(module)
    before = dict(vars(loaded))
    try:
        importlib.reload(loaded)
        assert outcome(RIGHT).outcome.value == "right"
        assert outcome(WRONG).outcome.value == "not yet"
    finally:
        vars(loaded).update(before)  # its classes are those again that other tests' objects are of


def test_an_answer_that_redefines_check_hides_only_its_own():
    verdict = outcome("check = None\ndef verdict_on(*a): return 1\n" + RIGHT)
    assert verdict.outcome.value == "right"


def test_an_answer_that_looks_up_what_is_due_gets_nothing():
    look = ("import tlkit.grading.trial as t\n    for due in t.reference_results('01.paired_gain', 0)[1]: pass\n"
            "    return due.seen")
    outcome(WRONG)  # what is due is cached from here on
    verdict = outcome(HEAD + look)
    assert (verdict.outcome.value, verdict.points) == ("not yet", 0)


def test_an_answer_that_switches_the_guard_off_is_told():
    verdict = outcome(RIGHT.replace("difference =", "import sys; sys.setprofile(None); difference =", 1))
    assert (verdict.outcome.value, verdict.points) == ("not yet", 0)
    assert "sys.setprofile" in verdict.message


@pytest.mark.parametrize("error", [OSError("a shared library is missing"), ImportError("no"), SystemExit(1)])
def test_a_library_that_cannot_be_imported_beforehand_stops_nothing(error, monkeypatch):
    """The answer meets the same error when it imports it, and is told so."""
    tried = []

    def fails(name):
        tried.append(name)
        raise error

    monkeypatch.setattr("tlkit.grading.subject.import_module", fails)
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    _load_libraries("def f(x):\n    import sklearn")
    _load_libraries("def f(x):\n    import os")
    assert tried == ["sklearn"]


def test_what_torch_imports_for_its_first_optimizer_is_not_the_answers_time():
    code = ("import sys, torch\nfrom tlkit.grading.subject import _load_libraries\n"
            "_load_libraries('def f(layer):\\n    return torch.optim.SGD(layer.parameters())')\nbefore = set(sys.modules)\n"
            "torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=1)\nprint(len(set(sys.modules) - before))")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "0"
