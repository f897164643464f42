"""The parts of a sandbox: which control groups there are, what the filter refuses, what bubblewrap is told."""

import ctypes
import os
import sys
from pathlib import Path

import pytest

from tlkit.grading.sandbox import bubblewrap, seccomp
from tlkit.grading.sandbox.allowance import Allowance
from tlkit.grading.sandbox.cgroups import Cgroups

CHECKOUT = Path(__file__).parents[3]


def version_2(root: Path) -> Path:
    folder = root / "user.slice" / "mine"
    folder.mkdir(parents=True)
    (folder / "cgroup.controllers").write_text("cpu memory pids")
    (folder / "cgroup.subtree_control").write_text("memory pids")
    return folder


def test_version_2_is_used_where_memory_and_processes_are_delegated(tmp_path, monkeypatch):
    folder = version_2(tmp_path)
    groups = Cgroups(tmp_path, "0::/user.slice/mine\n")
    assert (groups.kind, groups.parents) == ("cgroup v2", [folder])
    made = {}
    mkdir = Path.mkdir

    def as_the_kernel_does(path, *arguments, **keywords):
        mkdir(path, *arguments, **keywords)
        for name in ("memory.max", "memory.swap.max", "pids.max", "cgroup.procs"):
            (path / name).write_text("")
        made["path"] = path

    monkeypatch.setattr(Path, "mkdir", as_the_kernel_does)
    group = groups.make(Allowance(memory_bytes=1 << 30, processes=9))
    group.add(123)
    assert (made["path"] / "pids.max").read_text() == "9" and (made["path"] / "cgroup.procs").read_text() == "123"
    assert int((made["path"] / "memory.max").read_text()) >= 1 << 30 and (made["path"] / "memory.swap.max").read_text() == "0"


def test_version_2_without_the_controllers_is_none(tmp_path):
    (version_2(tmp_path) / "cgroup.controllers").write_text("cpu")
    assert Cgroups(tmp_path, "0::/user.slice/mine\n").kind == "rlimits"


def test_version_1_needs_both_controllers(tmp_path):
    own = "8:pids:/\n4:memory,hugetlb:/box\n0::/\n"
    (tmp_path / "memory" / "box").mkdir(parents=True)
    assert Cgroups(tmp_path, own).kind == "rlimits"
    (tmp_path / "pids").mkdir()
    groups = Cgroups(tmp_path, own)
    assert (groups.kind, groups.parents) == ("cgroup v1", [tmp_path / "memory" / "box", tmp_path / "pids"])


def test_without_any_group_it_says_so(tmp_path):
    groups = Cgroups(tmp_path, "")
    assert groups.kind == "rlimits" and groups.make(Allowance()) is None


@pytest.mark.skipif(not sys.platform.startswith("linux") or seccomp.program() is None, reason="no filter for this machine")
def test_the_filter_refuses_what_opens_sandboxes_and_nothing_else():
    reading, writing = os.pipe()
    if os.fork() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        said = [seccomp.load(libc)]
        for call in (lambda: libc.unshare(0x10000000), lambda: libc.ptrace(0, 0, 0, 0), lambda: libc.mount(b"a", b"/", b"tmpfs", 0, None),
                     lambda: libc.chroot(b"/"), lambda: libc.syscall(425, 1, 0)):
            ctypes.set_errno(0)
            said.append(call() == -1 and ctypes.get_errno() == 1)
        child = os.fork()
        if child == 0:
            os._exit(7)
        said.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7)
        os.write(writing, repr(said).encode())
        os._exit(0)
    os.wait()
    assert eval(os.read(reading, 1000)) == [True] * 7


def test_what_is_seen_is_a_list_and_the_course_is_not_on_it():
    seen = bubblewrap.readable_paths()
    assert Path(sys.prefix) in seen or any(Path(sys.prefix).is_relative_to(path) for path in seen)
    for secret in ("solutions", "course", "tests", ".git"):
        assert not any((CHECKOUT / secret).is_relative_to(path) for path in seen)
    assert "SECRET" not in str(bubblewrap.environment())


def test_no_variable_of_the_callers_gets_in(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr(bubblewrap, "find", lambda: "bwrap")
    line = bubblewrap.command(["true"])
    assert "--clearenv" in line and "AWS_SECRET_ACCESS_KEY" not in line


def test_groups_of_programs_that_are_gone_are_removed_where_nothing_is_in_them(tmp_path):
    folder = version_2(tmp_path)
    names = f"tlkit-{2 ** 22 + 1}-0", f"tlkit-{2 ** 22 + 1}-1", f"tlkit-{os.getpid()}-0"
    for name in names:
        (folder / name).mkdir()
    (folder / names[1] / "busy").mkdir()
    Cgroups(tmp_path, "0::/user.slice/mine\n").sweep_empty()
    assert [(folder / name).exists() for name in names] == [False, True, True]
