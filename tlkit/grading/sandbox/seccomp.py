"""A filter of system calls: what no answer needs, and what has opened sandboxes before, is refused (EPERM).

The filter is a program of classic BPF (`man 2 seccomp`), one for each processor type; bubblewrap loads it by
`--seccomp`, a fork of the warm parent loads it itself.
"""

import ctypes
import errno
import platform
import struct

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NR, _ARCH, _ARG0 = 0, 4, 16                   # offsets in struct seccomp_data
_NEW_NAMESPACES = 0x7E020000                   # every CLONE_NEW* flag of clone and unshare
_X32 = 0x40000000

# name -> number on x86_64 and on aarch64 (None: it has none)
_REFUSED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "quotactl": (179, 60), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "syslog": (103, 116), "sethostname": (170, 161),
    "setdomainname": (171, 162), "iopl": (172, None), "ioperm": (173, None), "lookup_dcookie": (212, 18),
    "vmsplice": (278, 75), "mbind": (237, 235), "migrate_pages": (256, 238), "move_pages": (279, 239),
}
_MACHINES = {"x86_64": (0xC000003E, 0, 56, 435), "aarch64": (0xC00000B7, 1, 220, 435)}  # arch, column, clone, clone3


def program() -> bytes | None:
    """The filter for this machine, or None where its system calls' numbers are not known here."""
    if platform.machine() not in _MACHINES:
        return None
    arch, column, clone, clone3 = _MACHINES[platform.machine()]
    refused = sorted(numbers[column] for numbers in _REFUSED.values() if numbers[column] is not None)
    # A jump names how many instructions it leaves out. The last three are: clone3 is unknown, refuse, allow.
    checks = [(_EQUAL, number, "refuse") for number in refused]
    checks += [(_EQUAL, clone3, "unknown")]
    if platform.machine() == "x86_64":
        checks += [(_AT_LEAST, _X32, "refuse")]
    head = [_statement(_LOAD, _ARCH), ("jump", _EQUAL, arch, None, "refuse"), _statement(_LOAD, _NR)]
    body = [("jump", code, value, target, None) for code, value, target in checks]
    tail = [("jump", _EQUAL, clone, None, "allow"), _statement(_LOAD, _ARG0),
            ("jump", _ANY_BIT, _NEW_NAMESPACES, "refuse", "allow"),
            _statement(_RETURN, _ERRNO | errno.ENOSYS), _statement(_RETURN, _ERRNO | errno.EPERM),
            _statement(_RETURN, _ALLOW)]
    lines = [*head, *body, *tail]
    targets = {"unknown": len(lines) - 3, "refuse": len(lines) - 2, "allow": len(lines) - 1, None: None}
    encoded = []
    for position, line in enumerate(lines):
        if line[0] == "jump":
            _, code, value, yes, no = line
            skip = [0 if targets[target] is None else targets[target] - position - 1 for target in (yes, no)]
            line = (code, *skip, value)
        encoded.append(struct.pack("=HBBI", *line))
    return b"".join(encoded)


def _statement(code: int, value: int) -> tuple[int, int, int, int]:
    return code, 0, 0, value


def load(libc: ctypes.CDLL) -> bool:
    """Filter this process and its children from now on; whether that could be done."""
    code = program()
    if code is None:
        return False

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]

    given = Program(len(code) // 8, code)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS, without which an ordinary user may not filter
    return libc.prctl(22, 2, ctypes.byref(given), 0, 0) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
