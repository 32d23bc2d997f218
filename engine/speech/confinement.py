"""Give up, for good, all that a decoder of strangers' bytes does not need.

Imported by the decoding child alone. What the kernel or a container refuses is skipped as long
as the system call filter or an empty network namespace stands; Linux only, elsewhere the
resource limits alone remain.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWNET = 0x40000000
_NOBODY = 65534

# Numbers of asm/unistd_64.h and asm-generic/unistd.h. Refused with EPERM: reaching files by
# name, the network, other programs and other processes. Threads (clone) are left alone.
_REFUSED = {
    "x86_64": (
        # open, creat, openat, openat2, open_by_handle_at
        2, 85, 257, 437, 304,
        # socket, connect, accept, bind, listen, socketpair, accept4
        41, 42, 43, 49, 50, 53, 288,
        # fork, vfork, execve, execveat
        57, 58, 59, 322,
        # kill, tkill, ptrace, process_vm_readv, process_vm_writev, pidfd_open, pidfd_getfd
        62, 200, 101, 310, 311, 434, 438,
        # truncate, rename, mkdir, rmdir, link, unlink, symlink, chmod, chown, and their *at
        76, 82, 83, 84, 86, 87, 88, 90, 92, 258, 260, 263, 264, 265, 266, 268, 316,
        # mount, umount2, chroot, unshare, setns, bpf, io_uring_setup, keyctl, add_key
        165, 166, 161, 272, 308, 321, 425, 250, 248,
    ),
    "aarch64": (
        56, 437, 265,
        198, 203, 202, 200, 201, 199, 242,
        221, 281,
        129, 130, 117, 270, 271, 434, 438,
        45, 38, 34, 37, 35, 36, 53, 54, 276,
        40, 39, 51, 97, 268, 280, 425, 219, 217,
    ),
}  # fmt: skip
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def confine(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Confine this process; import everything first, nothing can be opened afterwards.

    Open files stay usable. More than ``cpu_seconds`` ends it with SIGXCPU, more than
    ``memory_bytes`` of address space makes allocations fail.
    """
    _limit(resource.RLIMIT_AS, memory_bytes)
    # One second more for the hard limit, so that SIGXCPU tells the parent why.
    _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
    _limit(resource.RLIMIT_NOFILE, 16)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    if platform.system() != "Linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.unshare(_CLONE_NEWNET)  # refused without privileges: the filter below stands
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            os.chroot(".")
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _limit(resource.RLIMIT_NPROC, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Changing the user clears the death signal.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _filter_system_calls(libc)


def _limit(what: int, soft: int, hard: int | None = None) -> None:
    ceiling = resource.getrlimit(what)[1]
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(what, (soft, hard))


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def _filter_system_calls(libc: ctypes.CDLL) -> None:
    machine = platform.machine()
    if machine not in _REFUSED:
        return
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, JEQ, JGE, RET
    kill, refuse, allow = 0x80000000, 0x00050001, 0x7FFF0000  # errno 1 is EPERM
    numbers = sorted(_REFUSED[machine])
    steps = [
        (load, 0, 0, 4),  # seccomp_data.arch
        (equal, 1, 0, _AUDIT_ARCH[machine]),
        (answer, 0, 0, kill),
        (load, 0, 0, 0),  # seccomp_data.nr
        (at_least, len(numbers) + 1, 0, 0x40000000),  # the x32 calls, which have other numbers
    ]
    for index, number in enumerate(numbers):
        steps.append((equal, len(numbers) - index, 0, number))
    steps += [(answer, 0, 0, allow), (answer, 0, 0, refuse)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
