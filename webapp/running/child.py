"""Run ``python webapp/running/child.py MODULE ARGUMENTS`` as a process that ends with its parent.

`manage.py up` starts its processes through this, so that even a kill -9 of it leaves
nothing behind. Run as a file, not with ``-m``: the engine must not load our packages.
"""

import os
import sys

# In the folder of this file our module `celery` would hide the package of that name.
sys.path[0] = os.getcwd()

import ctypes  # noqa: E402
import runpy  # noqa: E402
import signal  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

PR_SET_PDEATHSIG = 1


def follow_parent(parent: int) -> None:
    """Make this process end with its parent: by the kernel on Linux, by watching elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=watch, args=[parent], daemon=True).start()
    if os.getppid() != parent:
        sys.exit("The parent process has ended.")


def watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    follow_parent(int(os.environ.pop("EARSHOT_PARENT")))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
