"""Everything works without root too: in user namespaces, limited by rlimits where no control group can be had."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.grading.classwork.conftest import needs_sandbox

CHECKOUT = Path(__file__).parents[3]
NOBODY = "65534"
SCRIPT = """
import json, os, sys, tempfile
from pathlib import Path
from tests.grading.classwork.conftest import RIGHT, SEEDS, WORTH, WRONG, grade, make_release, submission, total
from tlkit.grading.classwork.course import code_to_run
from tlkit.grading.kernel import Limits
from tlkit.grading.sandbox import bubblewrap
from tlkit.grading.sandbox.allowance import Allowance
from tlkit.grading.warm.parents import WarmParents
assert os.geteuid() != 0 and bubblewrap.why_not() is None, bubblewrap.why_not()
release = make_release(Path(tempfile.mkdtemp()) / "course" / "01_small")
with WarmParents([code_to_run(release)]) as parents:
    assert parents.prepare(SEEDS) == []
    right = total(grade(parents, release, submission(release, RIGHT)))
    wrong = total(grade(parents, release, submission(release, WRONG)))
    with parents.learners_kernel(Allowance(memory_bytes=1 << 30, processes=40)) as kernel:
        def said(source):
            return kernel.run(source, Limits(cell_seconds=10)).outputs[0].get("text", "").strip()
        forks = said("import os, time\\nn = 0\\ntry:\\n    for n in range(200):\\n        if os.fork() == 0: time.sleep(60); os._exit(0)\\n"
                     "except OSError: pass\\nprint(n)")
        memory = said("try:\\n    bytearray(3 << 30); print('got it')\\nexcept MemoryError: print('refused')")
        places = said("found = []\\nfor f in ('/', '/dev', '/home', '/usr', '/tmp', '/dev/shm', os.path.expanduser('~')):\\n"
                      "    try: open(f + '/x', 'w').close(); found.append(f)\\n    except OSError: pass\\nprint(found)")
        powers = said("print([l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp:'))])")
print(json.dumps({"right": right, "wrong": wrong, "worth": WORTH, "limits_by": parents.limits_by, "forks": int(forks),
                  "memory": memory, "places": eval(places), "powers": eval(powers)}))
"""


KERNEL = """
import nbclient
from jupyter_client.manager import AsyncKernelManager
from nbformat import v4
cells = [v4.new_code_cell(source) for source in ("6 * 7", "import os, time\\nn = 0\\ntry:\\n    for n in range(200):\\n"
         "        if os.fork() == 0: time.sleep(60); os._exit(0)\\nexcept OSError: pass\\nprint(n)")]
manager = AsyncKernelManager(kernel_name="python3")
manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": "tlkit-sandbox"}
nbclient.NotebookClient(v4.new_notebook(cells=cells), km=manager, allow_errors=True, timeout=60).execute()
print(manager.provisioner.limits_by, cells[0].outputs[0].data["text/plain"], int(cells[1].outputs[0].text) < 64)
"""


def as_nobody() -> list[str]:
    """A prefix that runs a command as somebody without any rights, to whom this Python is readable."""
    line = [shutil.which("bwrap"), "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--cap-add", "ALL"]
    base = Path(sys.base_prefix)
    if base.is_relative_to("/root"):
        line += ["--perms", "0755", "--tmpfs", "/root"]
        for parent in reversed([path for path in base.parents if path.is_relative_to("/root") and path != Path("/root")]):
            line += ["--perms", "0755", "--dir", str(parent)]
        line += ["--ro-bind", str(base), str(base)]
    return [*line, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def said_by_an_ordinary_user(script: str, home: str = "/nonexistent") -> str:
    """The last line that a program of somebody without rights prints."""
    needs_sandbox()
    prefix = as_nobody() if os.geteuid() == 0 else []
    environment = os.environ | {"HOME": home, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT), "MPLCONFIGDIR": "/tmp", "IPYTHONDIR": home,
                                "JUPYTER_RUNTIME_DIR": home}
    if prefix and subprocess.run([*prefix, sys.executable, "-c", "import tlkit"], env=environment, capture_output=True).returncode:
        pytest.skip("this environment cannot be read by an ordinary user")
    done = subprocess.run([*prefix, sys.executable, "-c", script], env=environment, cwd="/", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_the_provisioner_starts_kernels_for_an_ordinary_user():
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        limits_by, value, is_limited = said_by_an_ordinary_user(KERNEL, home).split()
    assert limits_by in ("rlimits", "cgroup v2", "cgroup v1") and (value, is_limited) == ("42", "True")


def test_an_ordinary_user_grades_behind_the_same_walls():
    import json

    found = json.loads(said_by_an_ordinary_user(SCRIPT))
    assert found["right"] == found["worth"] and found["wrong"] < 1
    assert found["limits_by"] in ("rlimits", "cgroup v2", "cgroup v1")
    assert found["forks"] < 40 and found["memory"] == "refused"
    assert set(found["places"]) == {"/tmp", "/dev/shm", "/home/learner"}
    assert found["powers"] == ["0000000000000000", "0000000000000000", "1", "2"]
