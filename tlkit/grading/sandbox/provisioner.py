"""A Jupyter kernel in bubblewrap, for whatever starts kernels: `tlkit-sandbox`, a kernel provisioner.

It is chosen by a kernelspec's metadata, {"kernel_provisioner": {"provisioner_name": "tlkit-sandbox"}}, or for every kernel
of a process by JUPYTER_DEFAULT_PROVISIONER_NAME=tlkit-sandbox. The kernel starts cold, and everything that speaks Jupyter's
protocol can use it; `tlkit grade` has warm kernels, and keeps checks out of them.
"""

import os
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from tlkit.errors import TlkitError
from tlkit.grading.sandbox import bubblewrap, seccomp
from tlkit.grading.sandbox.allowance import Allowance, apply_rlimits
from tlkit.grading.sandbox.cgroups import Cgroup, Cgroups


_LIBRARIES = 6 << 30  # address space that large libraries reserve while they are imported


class SandboxProvisioner(LocalProvisioner):
    """Starts a kernel without network, system read-only, with a home and /tmp of its own, and limits.

    The kernel is reached by sockets in a folder, since TCP does not cross into a network of its own. `limits_by` says what
    limits memory and processes: "cgroup v2", "cgroup v1" or "rlimits".
    """

    allowance = Allowance()
    limits_by = ""
    _folder: str | None = None
    _group: Cgroup | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        reason = bubblewrap.why_not()
        if reason:
            raise TlkitError(f"{reason}, so no kernel is started in a sandbox")
        manager = self.parent
        self._folder = tempfile.mkdtemp(prefix="tlkit-kernel-")
        manager.transport = "ipc"
        manager.ip = os.path.join(self._folder, "socket")
        manager.connection_file = os.path.join(self._folder, "connection.json")
        manager.cache_ports = False
        kwargs = await super().pre_launch(**kwargs)
        self.kernel_spec.interrupt_mode = "message"
        groups = Cgroups()
        self._group, self.limits_by = groups.make(self.allowance), groups.kind
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any):
        folder, given, group, allowance = Path(self._folder), kwargs.pop("env", None) or {}, self._group, self.allowance
        passed = {name: given[name] for name in ("NBGRADER_EXECUTION",) if name in given}
        kwargs.pop("cwd", None)
        kwargs.pop("independent", None)
        work = folder / "work"
        work.mkdir(exist_ok=True)
        if cmd[0] in ("python", "python3"):
            cmd = [sys.executable, *cmd[1:]]
        with tempfile.TemporaryFile() as code:
            code.write(seccomp.program() or b"")
            code.seek(0)
            has_filter = seccomp.program() is not None
            line = bubblewrap.command(cmd, work=folder, variables=passed, seccomp=code.fileno() if has_filter else None)

            room = replace(allowance, memory_bytes=allowance.memory_bytes + _LIBRARIES)

            def limit() -> None:
                if group:
                    group.add(os.getpid())
                apply_rlimits(room, with_processes=group is None and os.geteuid() != 0)

            kwargs = {name: value for name, value in kwargs.items() if name in ("stdin", "stdout", "stderr")}
            return await super().launch_kernel(line, env=os.environ | passed, preexec_fn=limit, pass_fds=(code.fileno(),),
                                               cwd=str(folder), **kwargs)

    async def send_signal(self, signum: int) -> None:
        if signum == signal.SIGINT:
            return  # the kernel is interrupted by a message
        await super().send_signal(signum)

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart)
        if restart:
            return
        if self._group:
            self._group.close()
            self._group = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
