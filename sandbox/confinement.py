"""Confinement of a process that decodes files of unknown origin.

A confined process can compute, read and write the files that are open, and end. It cannot open
anything, change any file by name, reach the network, start programs or threads, or see other
processes. On Linux (x86_64 and aarch64) a system call filter enforces this; elsewhere only the
resource limits hold.
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
_SECCOMP_SET_MODE_FILTER = 1
# The filter also applies to threads that a library started while it was imported.
_SECCOMP_FILTER_FLAG_TSYNC = 1
_CLONE_NEWNET = 0x40000000
_NOBODY = 65534

# The calls that a confined process may make, by the numbers of asm/unistd_64.h and of
# asm-generic/unistd.h. All others fail with EPERM, those of future kernels included.
_ALLOWED = {
    "x86_64": (
        # read, write, close, poll, lseek, pread64, pwrite64, readv, writev; no fcntl, which
        # can make the kernel send signals to other processes
        0, 1, 3, 7, 8, 17, 18, 19, 20,
        # mmap, mprotect, munmap, brk, mremap, madvise
        9, 10, 11, 12, 25, 28,
        # rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack, restart_syscall
        13, 14, 15, 131, 219,
        # futex, sched_yield, sched_getaffinity, getpid, gettid, membarrier
        202, 24, 204, 39, 186, 324,
        # nanosleep, clock_nanosleep, clock_gettime, gettimeofday, time, getrusage, getrandom
        35, 230, 228, 96, 201, 98, 318,
        # exit, exit_group
        60, 231,
    ),
    "aarch64": (
        63, 64, 57, 73, 62, 67, 68, 65, 66,
        222, 226, 215, 214, 216, 233,
        134, 135, 139, 132, 128,
        98, 124, 123, 172, 178, 283,
        101, 115, 113, 169, 165, 278,
        93, 94,
    ),
}  # fmt: skip
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}


class ConfinementError(Exception):
    """The kernel rejects the system call filter: nothing may be decoded on this machine."""


def confine(*, memory_bytes: int, cpu_seconds: int, file_bytes: int = 0) -> None:
    """Confine this process; import everything first, nothing can be opened afterwards.

    Open files stay usable, and those open for writing grow to ``file_bytes``. More than
    ``cpu_seconds`` of processor time ends the process with SIGXCPU, more than ``memory_bytes``
    of address space makes allocations fail. Call it from the only thread that runs Python.
    Raises ``ConfinementError``.
    """
    _limit(resource.RLIMIT_AS, memory_bytes)
    # One second more for the hard limit, so that SIGXCPU tells the parent why.
    _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
    _limit(resource.RLIMIT_NOFILE, 16)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    if platform.system() != "Linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(_CLONE_NEWNET)  # needs privileges; without them the filter is enough
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            os.chroot(".")
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _limit(resource.RLIMIT_NPROC, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # After the change of the user, which clears it.
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
    if machine not in _ALLOWED:
        return
    load, equal, result = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ, BPF_RET
    kill, reject, allow = 0x80000000, 0x00050001, 0x7FFF0000  # errno 1 is EPERM
    numbers = sorted(_ALLOWED[machine])
    steps = [
        (load, 0, 0, 4),  # seccomp_data.arch
        (equal, 1, 0, _AUDIT_ARCH[machine]),
        (result, 0, 0, kill),
        (load, 0, 0, 0),  # seccomp_data.nr; the x32 calls have numbers that are not listed
    ]
    for index, number in enumerate(numbers):
        steps.append((equal, len(numbers) - index, 0, number))
    steps += [(result, 0, 0, reject), (result, 0, 0, allow)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = _Program(len(steps), code)
    long = ctypes.c_long
    if libc.syscall(
        long(_SECCOMP[machine]),
        long(_SECCOMP_SET_MODE_FILTER),
        long(_SECCOMP_FILTER_FLAG_TSYNC),
        ctypes.byref(program),
    ):
        error = os.strerror(ctypes.get_errno())
        raise ConfinementError(f"the system call filter cannot be installed: {error}")
