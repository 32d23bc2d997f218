"""Priority of threads on a machine whose cores are all busy."""

from __future__ import annotations

import os
import threading

from engine.runtime.priority import step_back


def test_a_thread_that_steps_back_takes_those_it_starts_along_and_no_other():
    found = {}

    def look(name: str) -> None:
        found[name] = os.getpriority(os.PRIO_PROCESS, 0)

    def work() -> None:
        step_back()
        look("worker")
        child = threading.Thread(target=look, args=("child of the worker",))
        child.start()
        child.join()

    for target, arguments in ((work, ()), (look, ("another",))):
        thread = threading.Thread(target=target, args=arguments)
        thread.start()
        thread.join()
    assert found["another"] == os.getpriority(os.PRIO_PROCESS, 0)
    assert found["worker"] == found["child of the worker"] >= max(5, found["another"])
