"""Does an answer reach what would be the whole answer? A guard that watches while the answer runs.

Every Python function that starts and every C function that is called passes by it, so it does not matter how
the call is spelled: an alias, `getattr`, a partial, a copied function object, or another function of the
library that calls the forbidden one. Calls inside functions that the exercise allows are not looked at.
"""

import builtins
import contextlib
import sys
import threading
from collections.abc import Iterator
from types import CodeType
from typing import Any

from tlkit.exercises.record import load_function
from tlkit.grading.limits import TimeLimit

_HOLD_ANSWERS = ("tlkit.grading.engine", "tlkit.grading.trial", "tlkit.grading.verify", "tlkit.exercises")


class Forbidden:
    """Functions and classes by their addresses.

    Args:
        addresses: "module:function" or "module:Class.method" of what must not run.
        allowed: addresses of functions in which it may.
    """

    def __init__(self, addresses: tuple[str, ...] = (), allowed: tuple[str, ...] = ()):
        self.objects = {address: found for address in addresses if (found := standing_at(address)) is not None}
        self.codes: dict[int, str] = {}
        self.builtins: dict[int, str] = {}
        self.kept: list[CodeType] = []
        for address, found in self.objects.items():
            codes = list(codes_of(found))
            for code in codes:
                self.codes[id(code)] = readable(address)
            if not codes:
                self.builtins[id(found)] = readable(address)
        self.allowed = {id(code) for address in allowed for code in codes_of(standing_at(address))}

    def name_of_code(self, code: CodeType) -> str | None:
        """The forbidden function that a code object is, or is a copy of; "" where it is an allowed one."""
        if id(code) in self.allowed:
            return ""
        for address, found in self.objects.items():
            if any(same_code(code, other) for other in codes_of(found)):
                return readable(address)
        return None


@contextlib.contextmanager
def watch(forbidden: Forbidden) -> Iterator[list[str]]:
    """Note in the yielded list every forbidden function that runs within the block (and a guard switched off)."""
    reached: list[str] = []
    if not forbidden.objects:
        yield reached
        return
    verdicts: dict[int, str | None] = dict(forbidden.codes)
    depth_allowed = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal depth_allowed
        if event == "call":
            code = frame.f_code
            key = id(code)
            if key not in verdicts:
                forbidden.kept.append(code)  # so that no other code object gets its id
                verdicts[key] = _engine_function(frame) or forbidden.name_of_code(code)
            name = verdicts[key]
            if name == "":
                depth_allowed += 1
            elif name and not depth_allowed:
                reached.append(name)
        elif event == "return":
            if verdicts.get(id(frame.f_code)) == "":
                depth_allowed -= 1
        elif event == "c_call" and forbidden.builtins and not depth_allowed:
            name = forbidden.builtins.get(id(argument)) or _method_name(forbidden, argument)
            if name:
                reached.append(name)

    before = sys.getprofile()
    in_threads = threading.getprofile()
    threading.setprofile(profile)
    sys.setprofile(profile)
    dropped = False
    try:
        with _imports_unwatched():
            yield reached
    except (RecursionError, MemoryError, TimeLimit):  # each may come while our function runs, and Python then drops it
        dropped = True
        raise
    finally:
        ours = sys.getprofile() is profile or dropped
        sys.setprofile(before)
        threading.setprofile(in_threads)
        if not ours:
            reached.append("sys.setprofile")


@contextlib.contextmanager
def _imports_unwatched() -> Iterator[None]:
    """A first import runs millions of calls, none of which is the answer's; watching them would take seconds."""
    original = builtins.__import__

    def unwatched(*arguments, **keywords):
        profile = sys.getprofile()
        sys.setprofile(None)
        try:
            return original(*arguments, **keywords)
        finally:
            sys.setprofile(profile)

    builtins.__import__ = unwatched
    try:
        yield
    finally:
        builtins.__import__ = original


def _engine_function(frame: Any) -> str | None:
    """The records and the judge hold what is due; an answer has no business there."""
    module = frame.f_globals.get("__name__", "")
    if isinstance(module, str) and module.startswith(_HOLD_ANSWERS):
        return f"{module}.{frame.f_code.co_name}"
    return None


def _method_name(forbidden: Forbidden, argument: Any) -> str | None:
    """The forbidden method that a bound C method, such as `x.softmax`, is."""
    owner = getattr(argument, "__self__", None)
    if owner is None or isinstance(owner, type(sys)):
        return None
    return forbidden.builtins.get(id(getattr(type(owner), getattr(argument, "__name__", ""), None)))


def codes_of(found: Any) -> Iterator[CodeType]:
    """The code objects of a Python function, or of the methods that a class itself defines."""
    found = getattr(found, "__func__", found)
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    if isinstance(getattr(found, "__code__", None), CodeType):
        yield found.__code__
    elif isinstance(found, type):
        for value in vars(found).values():
            value = getattr(value, "__func__", value)
            if isinstance(getattr(value, "__code__", None), CodeType):
                yield value.__code__


def same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects are one, or one is a copy of the other under whatever name.

    A copy has the same instructions, names and constants, among them the docstring; without a docstring two
    people may well write the same few instructions, and that is no copy.
    """
    return one is other or (
        one.co_code == other.co_code and one.co_names == other.co_names and one.co_varnames == other.co_varnames
        and _constants(one) == _constants(other) and _has_docstring(one)
    )


def _has_docstring(code: CodeType) -> bool:
    return bool(code.co_consts) and isinstance(code.co_consts[0], str) and len(code.co_consts[0]) > 20


def _constants(code: CodeType) -> list:
    return [repr(constant.co_code) if isinstance(constant, CodeType) else repr(constant) for constant in code.co_consts]


def standing_at(address: str) -> Any:
    """What stands at an address, or None where it is not installed (and so cannot be called)."""
    try:
        return load_function(address)
    except (ImportError, AttributeError):
        return None


def readable(address: str) -> str:
    """"tlkit.data.sampling:stratified_sample" as a person writes it."""
    return address.replace(":", ".")
