"""What repo2docker builds from this repository, built and entered without Docker: its own Dockerfile, step by step, in bubblewrap.

repo2docker writes the Dockerfile. What stands in it before the repository's own files come in (an Ubuntu, a user, a Python
with pip) is replaced by this system's libraries and a fresh environment of this Python; every later COPY and RUN is carried
out as it stands, in its order, by a user without rights who sees the system, that Python, the environment and the home.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tlkit.grading.sandbox.bubblewrap import find

PROJECT = Path(__file__).resolve().parents[1]
USER = "jovyan"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/sys", "/opt")
_NETWORK = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
            "REQUESTS_CA_BUNDLE")


@dataclass
class Image:
    """An image as folders.

    Args:
        folder: holds the environment (`srv/`) and the home (`home/jovyan/`), under the very paths that they have inside.
        variables: what the Dockerfile sets with ENV.
        torch: the index that torch came from.
        seconds: how long each step took, by name.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    torch: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home" / USER

    @property
    def environment(self) -> Path:
        return Path(self.variables["NB_PYTHON_PREFIX"])

    def command(self, program: list[str], network: bool, more: Iterable[str] = ()) -> list[str]:
        """The command line that runs a program inside, as another user, in the home.

        Args:
            network: whether there is one; without, not even the loopback device is the system's.
            more: further options for bubblewrap.
        """
        line = [find(), "--die-with-parent", "--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-ipc",
                "--unshare-uts", "--unshare-cgroup-try", "--hostname", "image", "--cap-drop", "ALL"]
        line += [] if network else ["--unshare-net"]
        for path in map(Path, _SYSTEM):
            if path.is_symlink():
                line += ["--symlink", os.readlink(path), str(path)]
            elif path.exists():
                line += ["--ro-bind", str(path), str(path)]
        line += ["--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp"]
        for path in {Path(sys.base_prefix), Path(sys.base_exec_prefix)}:
            if not path.is_relative_to("/usr"):
                line += ["--ro-bind", str(path), str(path)]
        for path in (self.folder / "srv", self.folder / "home"):
            line += ["--bind", str(path), str(path)]
        line += [*more, "--clearenv"]
        given = {name: value for name, value in os.environ.items() if network and (name in _NETWORK or name.startswith("PIP_"))}
        for name, value in (given | self.variables).items():
            line += ["--setenv", name, value]
        return [*line, "--chdir", str(self.home), "--", *program]

    def run(self, script: str, timeout: float = 1200) -> str:
        """Run a line of shell inside, with the network; what it printed.

        Raises:
            RuntimeError: it failed.
        """
        done = subprocess.run(self.command(["/bin/bash", "-c", script], network=True), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout)
        if done.returncode:
            raise RuntimeError(f"{script} ended with {done.returncode}:\n{done.stdout[-6000:]}")
        return done.stdout


def dockerfile(source: Path) -> str:
    """What repo2docker would hand to Docker for the repository in `source`."""
    program = ("import sys, repo2docker.app as app\n"
               "r2d = app.Repo2Docker(); r2d.repo = '.'; r2d.dry_run = True; r2d.user_id = 1000; r2d.user_name = 'jovyan'\n"
               "packs = [pack(r2d.base_image) for pack in r2d.buildpacks]\n"
               "pack = next(pack for pack in packs if pack.detect())\n"
               "pack.platform = 'linux/amd64'\n"
               "print(type(pack).__name__, file=sys.stderr)\n"
               "print(pack.render({'NB_UID': '1000', 'NB_USER': 'jovyan'}))\n")
    done = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True, timeout=120)
    if done.returncode or "PythonBuildPack" not in done.stderr.split():
        raise RuntimeError(f"repo2docker takes this for no Python repository:\n{done.stderr[-3000:]}")
    return done.stdout


def checked_out(target: Path) -> Path:
    """A copy of what git would clone, with what is not committed yet."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, check=True,
                            capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)
    (target / ".git").mkdir()  # a clone has one
    (target / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return target


def build(folder: Path, say=print) -> Image:
    """Carry the Dockerfile out, from the first file of the repository's on.

    Raises:
        RuntimeError: a step failed, with what it printed.
    """
    source, image = checked_out(folder / "source"), Image(folder)
    image.home.mkdir(parents=True)
    steps = instructions(dockerfile(source))
    image.variables = {"NB_USER": USER, "NB_UID": "1000"}
    begun = False
    for word, rest in steps:
        if word in ("ENV", "ARG"):
            for name, value in _assignments(rest):
                image.variables[name] = _placed(name, _expanded(value, image.variables), folder)
            continue
        if word == "COPY" and " src/" in f" {rest}":
            begun = True
        if not begun:
            continue
        started = time.monotonic()
        if word == "COPY" and " src/" in f" {rest}":
            if not image.environment.exists():
                subprocess.run([sys.executable, "-m", "venv", "--copies", str(image.environment)], check=True)
            _copy(source, rest, image)
        elif word == "RUN":
            script = _expanded(rest, image.variables)
            if "pip install" in script and "requirements.txt" in script:
                _install(script, image)
            else:
                image.run(script)
        else:
            continue
        image.seconds[f"{word} {rest}"] = round(time.monotonic() - started, 1)
        say(f"{image.seconds[f'{word} {rest}']:6.1f} s  {word} {rest}")
    return image


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile: the word, and what stands behind it, on one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found = [line.strip().split(None, 1) for line in joined.splitlines() if re.match(r"\s*[A-Z]+\s", line)]
    return [(word, rest) for word, rest in found]


def _assignments(rest: str) -> list[tuple[str, str]]:
    return [tuple(word.split("=", 1)) for word in shlex.split(rest) if "=" in word]


def _expanded(text: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match[1], _PATH if match[1] == "PATH" else ""), text)


def _placed(name: str, value: str, folder: Path) -> str:
    """What the Dockerfile puts below / lies below `folder`; this system need not have its locale."""
    if name in ("LC_ALL", "LANG", "LANGUAGE"):
        return "C.UTF-8"
    return f"{folder}{value}" if name in ("HOME", "APP_BASE") else value


def _copy(source: Path, rest: str, image: Image) -> None:
    """COPY src/... as Docker does it: less what .dockerignore names, by the rules of Docker's own client."""
    from docker.utils.build import exclude_paths

    _, given, target = shlex.split(rest)
    given, target = given.removeprefix("src/"), Path(_expanded(target, image.variables))
    if given:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / given, target)
        return
    ignored = (source / "binder" / ".dockerignore").read_text().splitlines()
    patterns = [line.strip() for line in ignored if line.strip() and not line.startswith("#")]
    for name in sorted(exclude_paths(str(source), patterns)):
        if (source / name).is_dir():
            (target / name).mkdir(parents=True, exist_ok=True)
        else:
            shutil.copy2(source / name, target / name)


def _install(script: str, image: Image) -> None:
    """pip's installation as it stands; where PyTorch's index cannot be reached, the same versions with PyPI's torch, by uv."""
    requirements = image.home / re.search(r'"([^"]*requirements\.txt)"', script)[1]
    lines = requirements.read_text().splitlines()
    (index,) = [line.split()[1] for line in lines if line.startswith("--extra-index-url")]
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if _answers(f"{index}/torch/") or uv is None:
        image.torch = "PyTorch's CPU index"
        image.run(script)
        return
    image.torch = "PyPI (the CUDA build), since PyTorch's CPU index cannot be reached from here"
    plain = image.folder / "plain.txt"
    plain.write_text("".join(f"{line.removesuffix('+cpu')}\n" for line in lines if not line.startswith("-")))
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(image.environment / "bin" / "python"), "--requirements",
                    str(plain), "--constraints", str(PROJECT / "requirements.lock")], check=True, timeout=1200)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except OSError:
        return False
