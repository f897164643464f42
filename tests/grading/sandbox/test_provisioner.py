"""A Jupyter kernel in bubblewrap, started as any program that uses jupyter_client starts one."""

from importlib.metadata import entry_points

import nbclient
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbformat import v4

from tests.grading.classwork.conftest import needs_sandbox

CELLS = {
    "works": "1 + 1",
    "network": "import socket\nsocket.create_connection(('127.0.0.1', 22), 2)",
    "writes": "open('/usr/x', 'w')",
    "reads": "import os\nprint(os.path.exists(HERE))",
    "memory": "bytearray(20 << 30)",
    "unshare": "import ctypes\nprint(ctypes.CDLL(None).unshare(0x10000000))",
    "environment": "print('SECRET_OF_MINE' in os.environ, os.getcwd())",
}


def test_the_provisioner_is_an_entry_point():
    found = {point.name: point for point in entry_points(group="jupyter_client.kernel_provisioners")}
    assert found["tlkit-sandbox"].load().__name__ == "SandboxProvisioner"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    needs_sandbox()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_OF_MINE", "x")
        cells = [v4.new_code_cell(source.replace("HERE", repr(__file__))) for source in CELLS.values()]
        notebook = v4.new_notebook(cells=cells)
        manager = AsyncKernelManager(kernel_name="python3")
        manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": "tlkit-sandbox"}
        nbclient.NotebookClient(notebook, km=manager, allow_errors=True, timeout=60).execute()
    return dict(zip(CELLS, [str(cell.outputs) for cell in notebook.cells]))


def test_a_kernel_in_the_sandbox_works_and_reaches_nothing(outputs):
    assert "'text/plain': '2'" in outputs["works"]
    assert "OSError" in outputs["network"] or "ConnectionRefused" in outputs["network"]
    assert "Read-only file system" in outputs["writes"]
    assert "False" in outputs["reads"]
    assert "MemoryError" in outputs["memory"]
    assert "-1" in outputs["unshare"]
    assert "False" in outputs["environment"]
