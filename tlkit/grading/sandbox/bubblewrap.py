"""The command that starts a program in bubblewrap: a system that it can read, nothing that it can write or reach.

What is seen is a list of what is needed, never the whole disk less what is secret: the system's libraries, this Python,
its packages, tlkit itself. No course, no submissions, no gradebook, no network.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import tlkit
from tlkit.errors import TlkitError

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/mime.types",
             "/nix/store", "/run/opengl-driver")
_DATA = ("TLKIT_DATA", "TORCH_HOME", "HF_HOME")
VARIABLES = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline", "CUDA_VISIBLE_DEVICES": "",
        "LANG": "C.UTF-8", "USER": "learner", "LOGNAME": "learner"}
HOME = "/home/learner"


def readable_paths(more: Iterable[Path] = ()) -> list[Path]:
    """What a program of this environment has to read, without the system's own folders."""
    folders = [Path(sys.prefix), Path(sys.base_prefix), Path(tlkit.__file__).resolve().parent]
    folders += [Path(os.environ[name]) for name in _DATA if Path(os.environ.get(name) or "/nowhere").is_dir()]
    folders = [folder.absolute() for folder in [*folders, *map(Path, more)]]
    chosen: list[Path] = []
    for folder in sorted(set(folders), key=lambda path: len(path.parts)):
        if not any(folder.is_relative_to(other) for other in [*chosen, Path("/usr")]):
            chosen.append(folder)
    return chosen


def environment() -> dict[str, str]:
    """The environment variables in a sandbox; none of the caller's gets in but the places of data."""
    given = {name: os.environ[name] for name in _DATA if Path(os.environ.get(name) or "/nowhere").is_dir()}
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    return VARIABLES | given | {"HOME": HOME, "IPYTHONDIR": f"{HOME}/.ipython", "MPLCONFIGDIR": f"{HOME}/.config", "PATH": path}


def command(program: list[str], *, whole_proc: bool = False, capabilities: bool = False, work: Path | None = None,
            variables: dict[str, str] | None = None, seccomp: int | None = None, more: Iterable[Path] = ()) -> list[str]:
    """The command line that runs `program` in bubblewrap.

    Args:
        whole_proc, capabilities: for a warm parent, whose forks make namespaces of their own: it sees the system's
            /proc (without which the kernel lets nobody mount a new one) and may mount inside of its own namespaces.
        work: a folder that the program may write to, in which it starts; its home where none is given.
        variables: more environment variables.
        seccomp: the descriptor that a filter of system calls is read from.
        more: further files and folders to read.
    """
    line = [find(), "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
            "--unshare-cgroup-try", "--hostname", "sandbox"]
    if os.geteuid() != 0 or not whole_proc:
        line += ["--unshare-user"]
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            line += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            line += ["--ro-bind", str(path), str(path)]
    line += ["--perms", "1777", "--tmpfs", "/tmp", "--dev", "/dev"]
    # An ordinary user's forks write the maps of their user namespaces there, and may mount no new one over a read-only one.
    whole = "--ro-bind" if os.geteuid() == 0 else "--bind"
    line += [whole, "/proc", "/proc"] if whole_proc else ["--proc", "/proc"]
    read = [path for path in [*map(Path, _SETTINGS), *readable_paths(more)] if path.exists()]
    parents = {parent for path in [*read, Path(HOME), *([work] if work else [])] for parent in path.parents}
    for parent in sorted(parents - {Path("/"), Path("/tmp"), Path("/usr")}):  # bubblewrap's own would be closed to others
        line += ["--perms", "0755", "--dir", str(parent)]
    for path in read:
        line += ["--ro-bind", str(path), str(path)]
    line += ["--perms", "0755", "--tmpfs", HOME, "--remount-ro", "/", "--perms", "1777", "--tmpfs", "/dev/shm",
             "--remount-ro", "/dev"]
    line += ["--bind", str(work), str(work)] if work else []
    line += ["--cap-add", "ALL"] if capabilities else ["--cap-drop", "ALL"]
    line += ["--seccomp", str(seccomp)] if seccomp is not None else []
    line += ["--clearenv"]
    for name, value in (environment() | (variables or {})).items():
        line += ["--setenv", name, value]
    return [*line, "--chdir", str(work or HOME), "--", *program]


def find() -> str:
    """Where bubblewrap is.

    Raises:
        TlkitError: it is not installed.
    """
    found = shutil.which("bwrap")
    if found is None:
        raise TlkitError("bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)")
    return found


@functools.cache
def why_not() -> str | None:
    """Why nothing can be sandboxed on this machine, in a few words; None where it can."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap needs Linux"
    try:
        tried = subprocess.run(command(["/usr/bin/true"]), capture_output=True, text=True, timeout=60)
    except TlkitError as error:
        return str(error)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start ({error})"
    return None if tried.returncode == 0 else f"bubblewrap does not work here ({tried.stderr.strip()[:200]})"
