"""What a container says of its limits, and what a machine says that has none."""

import subprocess
import sys
import time

import psutil
import pytest

from tlkit import machine

MIB = 1 << 20
V2 = {"memory.max": f"{500 * MIB}", "memory.current": f"{300 * MIB}", "memory.stat": f"anon 1\ninactive_file {40 * MIB}\nactive_file {10 * MIB}\n",
      "memory.events": "low 0\noom 3\noom_kill 2\n", "cpu.max": "150000 100000"}
V1 = {"memory/memory.limit_in_bytes": f"{500 * MIB}", "memory/memory.usage_in_bytes": f"{300 * MIB}",
      "memory/memory.stat": f"cache 1\ntotal_inactive_file {40 * MIB}\ntotal_active_file {10 * MIB}\n",
      "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
      "cpu,cpuacct/cpu.cfs_quota_us": "150000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Control groups as a container shows them."""
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)

    def show(files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text + "\n")

    return show


@pytest.mark.parametrize("files", [V2, V1], ids=["version 2", "version 1"])
def test_a_container_has_its_own_memory_and_cpus(shown, files):
    shown(files)
    assert machine.memory() == machine.Memory(500 * MIB, 250 * MIB, True, 2)
    assert machine.cpus() == 2


@pytest.mark.parametrize("files", [{}, {"memory.max": "max", "memory.current": "1", "cpu.max": "max 100000"}, {"memory.max": "?", "cpu.max": "?"},
                                   {"memory/memory.limit_in_bytes": str(2**62), "memory/memory.usage_in_bytes": "1",
                                    "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}])
def test_without_a_limit_the_machine_counts(shown, files):
    shown(files)
    found = machine.memory()
    assert (found.total, found.is_limited, found.kills) == (psutil.virtual_memory().total, False, 0)
    assert machine.cpus() == 8


def test_another_kernel_is_found_and_this_one_is_not(tmp_path):
    before = len(machine.other_kernels())
    kernel = subprocess.Popen([sys.executable, "-m", "ipykernel_launcher", "-f", str(tmp_path / "kernel.json")],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while len(machine.other_kernels()) <= before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(machine.other_kernels()) > before and min(machine.other_kernels()) > 0
    finally:
        kernel.kill()
        kernel.wait()
