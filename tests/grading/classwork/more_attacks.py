"""More of tests/grading/classwork/attacks.py: a second round against this grader, with its source and its documents at hand."""

from functools import cache

from tests.grading.classwork.attacks import _WRITE, Attack, everywhere
from tlkit.grading.trial import reference_results

_REPLY = ("from tlkit.grading import answering as a\nreal = a.Answering.answer\nSEEN = {'value': None, 'after': {'tuple': []}, 'failure': None, "
          "'output': '', 'moved': [], 'seconds': 0, 'gradients': None, 'trace': [], 'left_behind': [], 'reached': []}\n"
          "def forge(value, numbers=b''):\n    a.Answering.answer = lambda self, about, n: ({'seen': SEEN | {'value': value}}, numbers) "
          "if about['what'] == 'observe' else real(self, about, n)\n")


@cache
def table_of_shown_cases() -> str:
    """An answer that is right on the cases that learners see, and on nothing else."""
    cases, due = reference_results("01.paired_gain", 0)
    rows = {}
    for case, result in zip(cases, due):
        for call, seen in zip(case.calls, result.observations):
            if seen.failure is None:
                rows[f"{float(call[0].sum()):.9f}"] = [float(value) if not hasattr(value, "data") else float(value.data) for value in seen.value]
    return f"nan = float('nan')\nTABLE = {rows!r}\ndef paired_gain(transfer, scratch):\n    return tuple(TABLE.get(f'{{float(transfer.sum()):.9f}}', (0.5, 0.5)))"


def text(markdown: str) -> Attack:
    return Attack(answers={"01-explain": markdown})


def metadata(**more):
    return lambda content, cells: content["metadata"].setdefault("tlkit", {}).update(more)


MORE = {
    # what comes back
    "arrays that share numbers": Attack(_REPLY + "forge([[{'array': ['bool', [10**7], 0, 'numpy', False, 'bool', 'cpu']}] * 500] * 10, bytes(10**7))"),
    "numbers that nobody asked for": Attack(_WRITE + "t = b'{}'\nfor _ in range(60): raw(struct.pack('!IIIc', 2, 60_000_000, 1, b'o') + t + bytes(60_000_000))",
                                            is_slow=True),
    "questions from the wrong side": Attack(_WRITE + "t = b'{\"what\": \"get\", \"name\": \"check\"}'\nfor n in range(40):\n"
        "    for kind in (b'a', b'q', b'd'): raw(struct.pack('!IIIc', len(t), 0, n, kind) + t)"),
    "odd numbers and keys": Attack(_REPLY + "forge({'dict': [[float('nan'), 1], [True, 2], [1.0, 3], [1, float('inf')], ['', 1e308]]})"),
    "negative places": Attack(_REPLY + "forge({'array': ['float64', [2, -1], -8, 'numpy', False, 'float64', 'cpu']}, bytes(64))"),
    "a snapshot that is none": Attack("import os, socket\nfrom tlkit.grading.warm import kernel as k\ndef none(self, numbers):\n"
        "    _, d, *_ = socket.recv_fds(self.connection, 1, 1)\n    os.write(d[0], b'\\0\\0\\0\\4\\0\\0\\0\\0\\0\\0\\0\\1rtrue')\n    return True, b''\n"
        "k.Kernel.do_snapshot = none"),
    "an array by its class": Attack(answers=everywhere("    return A()", "import numpy as np\nclass A:\n    __class__ = property(lambda s: np.ndarray)\n"
        "    __array__ = lambda s, *a, **k: np.ones(3)\n    shape, dtype, ndim, size = (), np.dtype(float), 0, 1")),
    "a class whose name is a trap": Attack(answers=everywhere("    return C()", "class M(type):\n    __name__ = property(lambda c: [c])\n"
        "    __mro__ = property(lambda c: 1 / 0)\n    __instancecheck__ = __subclasscheck__ = lambda c, o: True\nclass C(metaclass=M): pass")),
    "fields without end": Attack(answers=everywhere("    d = D(0)\n    d.x = d\n    return d", "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: object\n"
        "    y = property(lambda s: open('/dev/zero').read())")),
    "a series that lies": Attack(answers=everywhere("    return S([1.0])", "import pandas as pd\nclass S(pd.Series):\n    def to_numpy(self, *a, **k): return E(0)\n"
        "class E(float):\n    __eq__ = lambda s, o: True")),
    "a tensor without memory": Attack(answers=everywhere("    t = torch.ones(3)\n    t.untyped_storage().resize_(0)\n    return t", "import torch")),
    "a view far outside": Attack(answers=everywhere("    return np.lib.stride_tricks.as_strided(np.zeros(1), (10**6,), (2**40,))", "import numpy as np")),
    # when, and where
    "a table of the shown cases": Attack(answers={"01-paired_gain": table_of_shown_cases}),
    "kills what is kept": Attack(answers=everywhere("    import os; os.kill(-1, 9)")),
    "stops everything": Attack(answers={"01-paired_gain": "def paired_gain(*a):\n    import os\n    for p in os.listdir('/proc'):\n"
        "        if p.isdigit() and int(p) != os.getpid(): os.kill(int(p), 19)\n    os.kill(os.getpid(), 19)"}, is_slow=True),
    "tracer in the engine's frames": Attack("import sys\ndef trace(frame, event, argument):\n    if 'failure' in frame.f_locals: frame.f_locals['failure'] = None\n"
        "    frame.f_trace_lines = True\n    return trace\nsys.settrace(trace); sys.setprofile(trace)"),
    "finaliser": Attack(answers=everywhere("    return F()", "class F:\n    def __del__(self):\n        import os; os._exit(0)")),
    "alarm between calls": Attack("import signal\ndef later(*a): raise SystemExit('5.0')\nsignal.signal(signal.SIGALRM, later)\nsignal.setitimer(signal.ITIMER_REAL, .2, .05)"),
    "writes into the first process": Attack("import os\nfor p in [p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]:\n    try:\n"
        "        where = int(open(f'/proc/{p}/maps').readline().split('-')[0], 16)\n        with open(f'/proc/{p}/mem', 'r+b', 0) as f: f.seek(where); f.write(b'x' * 64)\n"
        "    except (OSError, ValueError) as e: print(e)"),
    "descriptors of others": Attack("import os\nfor p in [p for p in os.listdir('/proc') if p.isdigit()]:\n    try:\n        for n in os.listdir(f'/proc/{p}/fd'):\n"
        "            try: os.write(os.open(f'/proc/{p}/fd/{n}', os.O_RDWR), b'x' * 100)\n            except OSError as e: print(e)\n    except OSError as e: print(e)"),
    "looks for seeds": Attack("import gc, glob, os\nfound = [o for o in gc.get_objects() if isinstance(o, dict) and ('01.paired_gain' in o or 'seeds' in o)]\n"
        "found += glob.glob('/**/class-secret', recursive=True) + [v for v in os.environ if 'SECRET' in v]\nprint(len(found))\n"
        "if found: open('/victim/seeds', 'w')", {"01-quiz": "answers = ['b', 'a', 'b', 'b', 'c'] if found else []"}),
    "a library of one's own": Attack("for name in ('torch', 'torchvision', 'transformers', 'sklearn', 'scipy', 'pandas'):\n"
        "    open(name + '.py', 'w').write('import os, tlkit\\nopen(\"/victim/imported\", \"w\")\\nos._exit(0)')\nimport sys; sys.path.insert(0, '')",
        everywhere("    # torch torchvision transformers sklearn scipy pandas\n    return None")),
    # what is shown, and the file
    "a thousand loud cells": Attack(edit=lambda content, cells: content["cells"].extend([{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
        "source": "print('x' * 199_000)", "id": f"c{n}"} for n in range(40)])),
    "3 MB of text": Attack("#" + "x" * 3_000_000, outcome="refused"),
    "a tower of signs": Attack("x = " + "-" * 100_000 + "1"),
    "entities in a link": text('<a href="java&#115;cript:alert(1)">x</a> [y](java&#115;cript:alert(1)) <java&#115;cript:alert(1)>'),
    "styles that fetch": text('<div style="background:url(http://127.0.0.1/x)">x</div><input type=image src=http://127.0.0.1/x><table background="http://127.0.0.1/x">'),
    "pictures by reference": text("![x][p] ![q]\n\n[p]: http://127.0.0.1/x\n[q]: http://127.0.0.1/y"),
    "fence in a fence": text("```\n<b>x</b>\n```\n````text\n<script>alert(1)</script>\n````\n~~~\n</pre><script>alert(1)</script>"),
    "a cell's type as a script": Attack(edit=lambda content, cells: cells["square"].update(cell_type="<script>alert(1)</script>")),
    "a release that is a path": Attack(edit=metadata(release="../../../../../etc", unit="../..")),
    "pictures that are text": Attack("from IPython.display import display\ndisplay({'image/png': '\"><script>alert(1)</script>', 'image/svg+xml': '<svg onload=\"alert(1)\">', "
        "'application/vnd.jupyter.widget-view+json': '{}', 'text/latex': '$x$'}, raw=True, metadata={'image/png': {'width': '1\" onload=\"alert(1)'}})"),
}
