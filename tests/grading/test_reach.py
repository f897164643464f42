"""The library is not the answer sheet: however an answer reaches its reference, it is told so and earns nothing."""

import linecache
import sys

import pytest

from tlkit.grading.check import verdict_on
from tlkit.grading.limits import TimeLimit
from tlkit.grading.reach import Forbidden, watch

HEAD = "def labels_needed(labels, accuracy, target):\n    "
REACHES = {
    "imports it": HEAD + "from tlkit.label_efficiency import labels_needed as theirs; return theirs(labels, accuracy, target)",
    "through the module": "import tlkit.label_efficiency as le\n" + HEAD + "return le.labels_needed(labels, accuracy, target)",
    "by an alias": "from tlkit.label_efficiency import labels_needed as theirs\n" + HEAD + "return theirs(labels, accuracy, target)",
    "is it": "from tlkit.label_efficiency import labels_needed",
    "a partial of it": "from functools import partial\nfrom tlkit.label_efficiency import labels_needed as f\nlabels_needed = partial(f)",
    "getattr": HEAD + "import tlkit.label_efficiency as m; return getattr(m, 'labels_needed')(labels, accuracy, target)",
    "getattr, spelled at run time": HEAD + "import tlkit.label_efficiency as m; return getattr(m, 'labels_' + 'needed')(labels, accuracy, target)",
    "importlib": HEAD + "import importlib; return importlib.import_module('tlkit.label_efficiency').labels_needed(labels, accuracy, target)",
    "sys.modules": HEAD + "import sys; return vars(sys.modules['tlkit.' + 'label_efficiency'])['labels_needed'](labels, accuracy, target)",
    "eval": HEAD + "import tlkit.label_efficiency as m; return eval('m.labels_' + 'needed')(labels, accuracy, target)",
    "a list of functions": "import tlkit.label_efficiency as m\nfunctions = [m.labels_needed]\n" + HEAD + "return functions[0](labels, accuracy, target)",
    "a copied function object": (
        "import types, tlkit.label_efficiency as m\n"
        "mine = types.FunctionType(m.labels_needed.__code__, m.labels_needed.__globals__, 'mine')\n"
        + HEAD + "return mine(labels, accuracy, target)"),
    "a copied and renamed code object in a list": (
        "import types, tlkit.label_efficiency as m\n"
        "code = m.labels_needed.__code__.replace(co_name='own')\nkept = [types.FunctionType(code, m.labels_needed.__globals__)]\n"
        + HEAD + "return kept[0](labels, accuracy, target)"),
    "its own code replaced": (
        HEAD + "return 0\nimport tlkit.label_efficiency as m\nlabels_needed.__code__ = m.labels_needed.__code__\n"
        "labels_needed.__globals__['np'] = __import__('numpy')"),
    "through another function of the library": (
        "import numpy as np\nimport tlkit.label_efficiency as m\n" + HEAD +
        "one = m.label_efficiency(np.array(labels), np.array(accuracy), np.array(accuracy), target)\n"
        "    return one * m.label_efficiency.__globals__['labels_needed'](labels, accuracy, target)"),
    "a default argument": (
        "import tlkit.label_efficiency as m\ndef labels_needed(labels, accuracy, target, f=m.labels_needed):\n"
        "    return f(labels, accuracy, target)"),
    "a closure": (
        "import tlkit.label_efficiency as m\ndef make(f):\n    def labels_needed(labels, accuracy, target):\n"
        "        return f(labels, accuracy, target)\n    return labels_needed\nlabels_needed = make(m.labels_needed)"),
    "a helper of the notebook": (
        "import tlkit.label_efficiency as m\ndef helper(*a): return m.labels_needed(*a)\n" + HEAD + "return helper(labels, accuracy, target)"),
    "a thread": (
        "import tlkit.label_efficiency as m\n" + HEAD + "from concurrent.futures import ThreadPoolExecutor\n"
        "    with ThreadPoolExecutor(1) as pool: return pool.submit(m.labels_needed, labels, accuracy, target).result()"),
    "a thread, spelled at run time": (
        "import tlkit.label_efficiency as m\n" + HEAD + "from concurrent.futures import ThreadPoolExecutor\n"
        "    with ThreadPoolExecutor(1) as pool: return pool.submit(vars(m)['labels_' + 'needed'], labels, accuracy, target).result()"),
    "misconceptions that hold it": HEAD + "from tlkit.exercises.why_transfer import labels_needed as w; return w._crossing(labels, accuracy, target)",
}


def verdict(source: str, exercise_id: str = "01.labels_needed"):
    filename = f"<reach {hash(source)}>"
    linecache.cache[filename] = (1, None, source.splitlines(keepends=True), filename)
    namespace = {"__name__": "__main__"}
    exec(compile(source, filename, "exec"), namespace)
    return verdict_on(exercise_id, namespace)


@pytest.mark.parametrize("how", REACHES)
def test_an_answer_that_reaches_its_reference_earns_nothing_and_is_told(how):
    result = verdict(REACHES[how])
    assert (result.outcome.value, result.points) == ("not yet", 0)
    assert "would be the whole answer" in result.message


OWN = """
import numpy as np

def helper(a, b, share):
    return np.exp((1 - share) * np.log(a) + share * np.log(b))

def labels_needed(labels, accuracy, target):
    label_efficiency = None
    for i, reached in enumerate(accuracy):
        if reached == target:
            return labels[i]
        if reached > target:
            return helper(labels[i - 1], labels[i], (target - accuracy[i - 1]) / (reached - accuracy[i - 1])) if i else np.nan
    return np.nan
"""


@pytest.mark.parametrize("before", ["", "from tlkit.label_efficiency import *", "import tlkit.label_efficiency",
                                    "from tlkit.label_efficiency import labels_needed as theirs"])
def test_an_answer_of_ones_own_is_no_reach_even_where_the_library_is_imported(before):
    assert verdict(before + OWN).outcome.value == "right"


def test_a_local_variable_may_be_called_like_the_reference():
    source = "from tlkit.comparison import paired_gain as shared\nimport numpy as np\n" \
             "def paired_gain(transfer, scratch):\n    shared = transfer - scratch\n" \
             "    return shared.mean(), (shared.std(ddof=1) if len(shared) > 1 else np.nan) / len(shared) ** 0.5\n"
    assert verdict(source, "01.paired_gain").outcome.value == "right"


TORCH = "import torch\nimport torch.nn.functional as F\ndef entropy(logits, labels):\n    "


@pytest.mark.parametrize("body", [
    "return F.cross_entropy(logits, labels)", "return torch.nn.CrossEntropyLoss()(logits, labels)",
    "return getattr(F, 'cross_' + 'entropy')(logits, labels)", "return F.nll_loss(torch.log_softmax(logits, 1), labels)",
])
def test_calls_that_would_be_the_whole_answer_are_seen_however_they_are_spelled(example_unit, body):
    result = verdict(TORCH + body, "98.entropy")
    assert (result.outcome.value, result.points) == ("not yet", 0) and "would be the whole answer" in result.message


def test_a_function_that_the_exercise_allows_may_use_the_forbidden_one_inside(example_unit, monkeypatch):
    from dataclasses import replace

    record = replace(example_unit.ENTROPY, allowed=("torch.nn:CrossEntropyLoss.forward",))
    import torch

    forbidden = Forbidden((record.reference, *record.shortcuts), record.allowed)
    logits, labels = torch.zeros(2, 3), torch.tensor([0, 1])
    with watch(forbidden) as reached:
        torch.nn.CrossEntropyLoss()(logits, labels)
    assert reached == []
    with watch(forbidden) as reached:
        torch.nn.functional.cross_entropy(logits, labels)
    assert reached[0] == "torch.nn.functional.cross_entropy"


@pytest.mark.parametrize("ends", [TimeLimit, RecursionError, MemoryError])
def test_an_answer_that_had_to_be_stopped_is_not_said_to_have_switched_the_watch_off(ends):
    with pytest.raises(ends), watch(Forbidden(("math:fsum",))) as reached:
        sys.setprofile(None)  # as Python does when a signal interrupts the watching function
        raise ends
    assert reached == []
    with watch(Forbidden(("math:fsum",))) as reached:
        sys.setprofile(None)
    assert reached == ["sys.setprofile"]


def test_c_functions_and_methods_are_seen(monkeypatch):
    import torch

    forbidden = Forbidden(("torch:softmax", "torch:Tensor.logsumexp", "math:fsum"))
    x = torch.zeros(2, 3)
    for call in (lambda: torch.softmax(x, 1), lambda: x.logsumexp(1), lambda: __import__("math").fsum([1.0])):
        with watch(forbidden) as reached:
            call()
        assert reached
    with watch(forbidden) as reached:
        x.sum(), torch.exp(x), sum([1.0])
    assert reached == []
