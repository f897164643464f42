"""Is everything in order? Each finding is one line, and a bad one says what to do about it.

A finding is `good`, `note` (fine, but worth knowing) or `bad` (the course does not work without it). Nothing heavy
is imported that is not being examined, and no examination can stop the others.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

_FULL_DISK, _MIN_DISK = 50 * 2**20, 2 * 2**30
_MIN_MEMORY, _UNIT_MEMORY = 1.5 * 2**30, 1.3 * 2**30
_INSTALL = "install the course's tools with: pip install 'tlkit[lab]'"


@dataclass(frozen=True)
class Finding:
    """What was examined, how it is ("good", "note", "bad"), what was found, and what to do about it."""

    topic: str
    state: str
    found: str
    remedy: str = ""


def main(as_json: bool = False) -> int:
    """Examine everything and print it; the exit code is 1 if something that is needed is not in order."""
    findings = list(examine()) if as_json else _print(examine())
    ok = all(finding.state != "bad" for finding in findings)
    if as_json:
        print(json.dumps({"ok": ok, "findings": [asdict(finding) for finding in findings]}, indent=1))
    return 0 if ok else 1


def examine() -> Iterator[Finding]:
    """Every finding, as soon as it is found; an examination that fails by itself is a finding too."""
    for topic, examination in EXAMINATIONS.items():
        if topic in _LAB_ONLY and "google.colab" in sys.modules:
            yield Finding(topic, "note", "not looked at: Colab shows notebooks by itself")
            continue
        try:
            yield examination(topic)
        except Exception as error:
            yield Finding(topic, "bad", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
                          "the examination itself failed; reinstall tlkit, and report this line if it stays")


def python(topic: str) -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < (3, 11):
        return Finding(topic, "bad", found, "make the environment anew with Python 3.11 or newer")
    return Finding(topic, "good", found)


def packages(topic: str) -> Finding:
    """Every package that tlkit and its extra `lab` ask for, at a version that they accept."""
    from packaging.requirements import Requirement

    missing, old, count = [], [], 0
    for text in importlib.metadata.requires("tlkit") or []:
        requirement = Requirement(text)
        if requirement.name == "tlkit" or (requirement.marker and not requirement.marker.evaluate({"extra": "lab"})):
            continue
        count += 1
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(requirement.name)
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            old.append(f"{requirement.name} {version} (asked for: {requirement.specifier})")
    if missing or old:
        return Finding(topic, "bad", "; ".join([*(f"{name} is missing" for name in missing), *old]),
                       "run `make env` in a checkout, or " + _INSTALL)
    return Finding(topic, "good", f"all {count} that tlkit and its lab ask for")


def torch_build(topic: str) -> Finding:
    import torch
    import torchvision

    return Finding(topic, "good", f"torch {torch.__version__}, torchvision {torchvision.__version__}")


def device(topic: str) -> Finding:
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return Finding(topic, "good", f"cuda: {torch.cuda.get_device_name(0)}, {memory:.0f} GiB")
    if torch.backends.mps.is_available():
        return Finding(topic, "good", "mps: Apple's GPU")
    from tlkit.machine import cpus

    return Finding(topic, "note", f"none, {cpus()} CPU {'core' if cpus() == 1 else 'cores'}; every unit runs on them")


def kernel(topic: str) -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    remedy = f"{sys.executable} -m ipykernel install --sys-prefix"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding(topic, "bad", "there is no kernel named python3", remedy)
    command = shutil.which(spec.argv[0]) or spec.argv[0]
    if spec.argv[0] not in ("python", "python3") and not _same_environment(command):
        return Finding(topic, "bad", f"python3 starts {command}, which is not this environment", remedy)
    return Finding(topic, "good", f"python3 starts {sys.executable}")


def jupyterlab(topic: str) -> Finding:
    version = importlib.metadata.version("jupyterlab")
    if not (Path(sys.prefix) / "share/jupyter/lab/static/index.html").exists():
        return Finding(topic, "bad", f"{version}, without its page", "pip install --force-reinstall jupyterlab")
    return Finding(topic, "good", version)


def nbgrader(topic: str) -> Finding:
    return _extension(topic, "nbgrader", "@jupyter/nbgrader",
                      "nbgrader.server_extensions.validate_assignment", "validate-assignment")


def jupytext(topic: str) -> Finding:
    return _extension(topic, "jupytext", "jupyterlab-jupytext", "jupyterlab_jupytext")


def widgets(topic: str) -> Finding:
    return _extension(topic, "ipywidgets", "@jupyter-widgets/jupyterlab-manager", None)


def data(topic: str) -> Finding:
    from sklearn.datasets import load_digits

    images, _ = load_digits(return_X_y=True)
    return Finding(topic, "good", f"{len(images)} handwritten digits")


def weights(topic: str) -> Finding:
    """Every bundled file of weights is the one that its model card describes."""
    folder = Path(__file__).parent / "backbones" / "weights"
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return Finding(topic, "bad", f"none in {folder}", "reinstall tlkit, or make them: tlkit pretrain glyphnet")
    for path in files:
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if card.get("sha256") != sha256(path.read_bytes()).hexdigest():
            return Finding(topic, "bad", f"{path.name} is not what its model card describes", "reinstall tlkit")
    return Finding(topic, "good", ", ".join(path.stem for path in files) + ": as in the model card")


def course(topic: str) -> Finding:
    from tlkit.course.units import released_folder, units

    found = units()
    if not found:
        return Finding(topic, "bad", f"none in {released_folder()}", "in a checkout: tlkit build; else reinstall tlkit")
    return Finding(topic, "good", f"{len(found)} {'unit' if len(found) == 1 else 'units'} in {released_folder()}")


def work(topic: str) -> Finding:
    """The folder of a learner's copies, or the one that it will be made in, can be written."""
    from tlkit.course.workspace import work_folder

    folder = work_folder()
    there = folder if folder.exists() else folder.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding(topic, "bad", f"{there} cannot be written", "start in a folder of your own")
    return Finding(topic, "good", f"{folder}{'' if folder.exists() else ', made by `tlkit lab`'}")


def disk(topic: str) -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    if free < _FULL_DISK:
        return Finding(topic, "bad", f"{free / 2**20:.0f} MiB free", "free some: JupyterLab cannot save your work")
    if free < _MIN_DISK:
        return Finding(topic, "note", f"{free / 2**30:.1f} GiB free", "free some: data and weights may want 2 GiB")
    return Finding(topic, "good", f"{free / 2**30:.0f} GiB free")


def memory(topic: str) -> Finding:
    """How much there is, and who has it: kernels that were ended for want of it, and others that hold it."""
    from tlkit import machine

    found, others = machine.memory(), machine.other_kernels()
    said = f"{found.total / 2**30:.1f} GiB{', the limit of this container' if found.is_limited else ''}"
    shut_down = "shut down kernels that you do not need (in JupyterLab: Running Terminals and Kernels)"
    if found.kills:
        return Finding(topic, "note", f"{said}; a program that went beyond it was ended, {found.kills} "
                       f"{'time' if found.kills == 1 else 'times'} so far, which is how a kernel dies without a word", shut_down)
    if others and found.free < _UNIT_MEMORY:
        return Finding(topic, "note", f"{said}, of which {found.free / 2**30:.1f} are free; {len(others)} other "
                       f"{'kernel holds' if len(others) == 1 else 'kernels hold'} {sum(others) / 2**30:.1f}", f"{shut_down}; a unit takes up to 1.3 GiB")
    if found.total < _MIN_MEMORY:
        return Finding(topic, "note", said, "close other programs: a unit takes up to 1.3 GiB")
    return Finding(topic, "good", said)


def at_the_start() -> None:
    """Say in a line each what would get in a unit's way: no room to save, nowhere to write, too little memory. Takes no time."""
    for topic in ("Your copies", "Disk", "Memory"):
        try:
            finding = EXAMINATIONS[topic](topic)
        except Exception:
            continue  # `tlkit doctor` says what is wrong with the examination
        if finding.state == "bad" or (topic == "Memory" and finding.state == "note"):
            print(f"{topic}: {finding.found} -> {finding.remedy}")


EXAMINATIONS: dict[str, Callable[[str], Finding]] = {
    "Python": python,
    "Packages": packages,
    "torch": torch_build,
    "GPU": device,
    "Kernel": kernel,
    "JupyterLab": jupyterlab,
    "nbgrader": nbgrader,
    "Widgets": widgets,
    "jupytext": jupytext,
    "Data": data,
    "Weights": weights,
    "Course": course,
    "Your copies": work,
    "Disk": disk,
    "Memory": memory,
}


_LAB_ONLY = {"Packages", "Kernel", "JupyterLab", "nbgrader", "Widgets", "jupytext", "Your copies"}


def _extension(topic: str, package: str, labextension: str, server: str | None, plugin: str = "") -> Finding:
    """A package whose part in the browser, and whose part in the server, are both there and not turned off.

    Of an extension with several plugins in the browser, `plugin` is the one that is needed; others may be off.
    """
    from jupyter_core.paths import jupyter_config_path, jupyter_path
    from jupyter_server.extension.config import ExtensionConfigManager

    version = importlib.metadata.version(package)
    folders = [Path(path) / "labextensions" / labextension for path in jupyter_path()]
    if not any((folder / "package.json").exists() for folder in folders):
        return Finding(topic, "bad", f"{version}, without its part in JupyterLab",
                       f"pip install --force-reinstall {package}")
    manager = ExtensionConfigManager(read_config_path=jupyter_config_path())
    if server and not manager.get_jpserver_extensions().get(server, False):
        return Finding(topic, "bad", f"{version}, whose server part is not enabled",
                       f"jupyter server extension enable --sys-prefix {server}")
    disabled = {}
    for path in reversed(jupyter_config_path()):
        page = Path(path) / "labconfig" / "page_config.json"
        if page.exists():
            disabled |= dict(json.loads(page.read_text(encoding="utf-8")).get("disabledExtensions") or {})
    if any(disabled.get(name) for name in (labextension, f"{labextension}:{plugin}")):
        return Finding(topic, "bad", f"{version}, whose part in JupyterLab is disabled",
                       f"jupyter labextension enable {labextension}")
    return Finding(topic, "good", version)


def _same_environment(command: str) -> bool:
    """Whether a Python belongs to the environment that this one runs in (links lead to the same base for many)."""
    return Path(command).parent.resolve() == Path(sys.executable).parent.resolve()


def _print(findings: Iterable[Finding]) -> list[Finding]:
    """Show each finding when it comes, and at the end what it all means; returns them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {
        "good": Text("ok", style="green"),
        "note": Text("note", style="yellow"),
        "bad": Text("BAD", style="bold red"),
    }
    console, seen = Console(), []
    for finding in findings:
        found = Text(finding.found)
        if finding.remedy:
            found.append(f"\n-> {finding.remedy}", style="bold")
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=max(map(len, marks)))
        line.add_column(width=max(map(len, EXAMINATIONS)))
        line.add_row(marks[finding.state], finding.topic, found)
        console.print(line)
        seen.append(finding)
    bad = sum(finding.state == "bad" for finding in seen)
    console.print(Text("Everything that the course needs is in order." if not bad
                       else f"{bad} to mend: see the arrows above.", style="bold"))
    return seen
