"""The sandbox of the processes that decode: each call that could do harm is refused."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.speech.audio.decode import Decoder, RawFormat
from tests.product import until
from tests.test_imports import ROOT
from transcripts.media.sound import PROGRAM

pytestmark = pytest.mark.full

NOBODY = 65534

# Prints the error number of each attempt, 0 for one that succeeds. The files, the folder and the
# process that it tries to reach are its own: without confinement nothing prevents it.
ATTEMPTS = """
import ctypes, fcntl, importlib, json, os, resource, signal, socket, subprocess, sys, threading
module, folder, user = sys.argv[1:]
confine = importlib.import_module(module).confine if module != "free" else None
if os.geteuid() != int(user):
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
libc = ctypes.CDLL(None, use_errno=True)
# It ends with this process, which alone holds the other end of its standard input.
victim = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
kept = os.open(f"{folder}/kept", os.O_RDONLY)
confined_folder = f"{folder}/empty"
os.mkdir(confined_folder)

def fork():
    if os.fork() == 0:
        os._exit(0)

def start_thread():
    try:
        threading.Thread(target=int).start()
    except RuntimeError:
        raise PermissionError(1, "no thread") from None

def native(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

attempts = {
    "open to read": lambda: os.open(f"{folder}/kept", os.O_RDONLY),
    "open to write": lambda: os.open(f"{folder}/kept", os.O_WRONLY),
    "create": lambda: os.open(f"{folder}/new", os.O_CREAT | os.O_WRONLY, 0o600),
    "list a folder": lambda: os.listdir(folder),
    "stat": lambda: os.stat(f"{folder}/kept"),
    "access": lambda: None if os.access(f"{folder}/kept", os.R_OK) else native("access", b"/", 0),
    "readlink": lambda: os.readlink(f"{folder}/pointer"),
    "truncate": lambda: os.truncate(f"{folder}/cut", 1),
    "chmod": lambda: os.chmod(f"{folder}/kept", 0o600),
    "fchmod": lambda: os.fchmod(kept, 0o600),
    "chown": lambda: os.chown(f"{folder}/kept", os.getuid(), os.getgid()),
    "utime": lambda: os.utime(f"{folder}/kept", (1, 1)),
    "link": lambda: os.link(f"{folder}/kept", f"{folder}/linked"),
    "symlink": lambda: os.symlink("kept", f"{folder}/symbolic"),
    "rename": lambda: os.rename(f"{folder}/moved", f"{folder}/moved away"),
    "unlink": lambda: os.unlink(f"{folder}/removed"),
    "mkdir": lambda: os.mkdir(f"{folder}/folder"),
    "rmdir": lambda: os.rmdir(f"{folder}/old"),
    "mknod": lambda: os.mkfifo(f"{folder}/fifo"),
    "chdir": lambda: os.chdir(folder),
    "memfd": lambda: os.memfd_create("name"),
    "pipe": lambda: os.pipe(),
    "dup": lambda: os.dup(kept),
    "socket": lambda: socket.socket(),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "socket pair": lambda: socket.socketpair(),
    "fork": fork,
    "thread": start_thread,
    "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "kill": lambda: os.kill(victim.pid, 0),
    "signal by a descriptor": lambda: fcntl.fcntl(kept, fcntl.F_SETOWN, os.getpid()),
    "pidfd": lambda: os.pidfd_open(victim.pid),
    "priority of another": lambda: os.setpriority(os.PRIO_PROCESS, victim.pid, 19),
    "limits of another": lambda: resource.prlimit(victim.pid, resource.RLIMIT_CORE),
    "unshare": lambda: native("unshare", 0x400),  # CLONE_FILES
    "ptrace": lambda: native("ptrace", 0x4206, victim.pid, None, None),
}
if confine:
    os.chdir(confined_folder)
    confine(memory_bytes=1 << 31, cpu_seconds=10)
results = {}
for name, attempt in attempts.items():
    try:
        attempt()
        results[name] = 0
    except OSError as error:
        results[name] = error.errno
print(json.dumps(results), flush=True)
os._exit(0)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may change, outside the private ones of pytest."""
    path = Path(tempfile.mkdtemp(prefix="confinement-"))
    for name in ("kept", "cut", "moved", "removed"):
        (path / name).write_text("private")
    (path / "old").mkdir()
    (path / "pointer").symlink_to("kept")
    for each in (path, *path.iterdir()):
        if not each.is_symlink():
            each.chmod(0o777)
    yield path
    shutil.rmtree(path)


def attempt(module: str, folder: Path, user: int) -> dict[str, int]:
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, user, user, follow_symlinks=False)
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{ATTEMPTS}"
    ran = subprocess.run(
        [sys.executable, "-c", program, module, str(folder), str(user)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def contents(folder: Path) -> dict[str, object]:
    return {
        path.name: (path.stat().st_mode, path.read_text() if path.is_file() else None)
        for path in sorted(folder.iterdir())
        if path.name != "empty"  # made by the process itself, before it was confined
    }


USERS = [0, NOBODY] if os.geteuid() == 0 else [os.geteuid()]


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has a system call filter.")
@pytest.mark.parametrize("user", USERS)
def test_each_call_is_refused_and_changes_nothing(folder, user):
    before = contents(folder)
    results = attempt("sandbox.confinement", folder, user)
    assert {name for name, number in results.items() if number != errno.EPERM} == set()
    assert contents(folder) == before


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has a system call filter.")
@pytest.mark.parametrize("user", USERS)
def test_without_confinement_each_of_these_calls_succeeds(folder, user):
    """Else the test above would pass with a sandbox that refuses nothing."""
    results = attempt("free", folder, user)
    assert {name for name, number in results.items() if number} == set()


def sandbox_of(pid: int) -> dict[str, str]:
    status = Path(f"/proc/{pid}/status").read_text()
    pairs = (line.split(":", 1) for line in status.splitlines())
    return {name: value.strip() for name, value in pairs if name in ("Seccomp", "NoNewPrivs")}


FILTERED = {"Seccomp": "2", "NoNewPrivs": "1"}


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has a system call filter.")
def test_process_that_decodes_for_the_engine_is_confined():
    with Decoder(None, raw=RawFormat("linear16", 16_000)) as decoder:
        decoder.feed(bytes(32_000))
        assert decoder.head.codec == "pcm_s16le"
        assert sandbox_of(decoder._process.pid) == FILTERED


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has a system call filter.")
@pytest.mark.parametrize("work", ["probe", "measure", "draw"])
def test_process_that_reads_for_the_web_application_is_confined(tmp_path, work):
    order = {"work": work, "cpu_seconds": 10, "copy": None, "most_seconds": 1}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", PROGRAM, json.dumps(order)],
        stdin=subprocess.PIPE,  # it waits for the first byte, confined
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    ) as process:
        confined = lambda: sandbox_of(process.pid) == FILTERED  # noqa: E731
        until(confined, 60, "the process is confined")
        assert process.stdin is not None
        process.stdin.close()
