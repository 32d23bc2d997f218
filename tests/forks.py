"""`pytest --forks 2`: run the collected tests in forks of the process that has collected them.

Processes of xdist import and collect everything again, each for itself: with two, that is a
sixth of the processor time of the fast lane. A fork takes one file after the other, so that the
fixtures of a module are made once. It has a database of its own, and what pytest captures; all
else that is on the disk when the tests begin is shared.
"""

import os
import struct
import traceback
from collections.abc import Iterator
from itertools import groupby
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

import pytest

from tests import databases

Files = list[list[pytest.Item]]
NUMBER = struct.Struct("i")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forks", type=int, default=0, help="forks that run the collected tests")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    option = session.config.option
    if not option.forks or option.collectonly or session.testsfailed:
        return None
    files = [[*items] for _, items in groupby(session.items, lambda item: item.path)]
    tasks, tasks_end = os.pipe()
    os.write(tasks_end, b"".join(map(NUMBER.pack, range(len(files)))))
    os.close(tasks_end)
    forks = dict(_start(session, files, tasks) for _ in range(option.forks))
    while forks:
        for reports in wait([*forks]):
            assert isinstance(reports, Connection)
            try:
                _tell(session, reports.recv())
            except EOFError:
                if status := os.waitpid(forks.pop(reports), 0)[1]:
                    raise RuntimeError(f"A fork ended with {status}.") from None
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
    return True


def _start(session: pytest.Session, files: Files, tasks: int) -> tuple[Connection, int]:
    """Return the reports of a new fork, and its id."""
    reports, end = Pipe(duplex=False)
    if child := os.fork():
        end.close()
        return reports, child
    try:
        _run(session, _taken(files, tasks), end)
    except BaseException:
        end.send(traceback.format_exc())
    finally:
        os._exit(0)  # the exit handlers are those of the first process


def _taken(files: Files, tasks: int) -> Iterator[pytest.Item]:
    """The tests of one file after the other, each file taken by one fork."""
    while task := os.read(tasks, NUMBER.size):
        yield from files[NUMBER.unpack(task)[0]]


def _run(session: pytest.Session, items: Iterator[pytest.Item], reports: Connection) -> None:
    """Run the tests and send their reports."""
    plugins = session.config.pluginmanager
    plugins.unregister(name="terminalreporter")
    plugins.register(_Reporter(session.config, reports))
    capture: Any = plugins.getplugin("capturemanager")
    capture.stop_global_capturing()  # into files that the forks would share
    capture.start_global_capturing()
    databases.keep_in_a_file()
    item = next(items, None)
    while item is not None:
        following = next(items, None)
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        item = following


class _Reporter:
    """Sends the reports of the tests."""

    def __init__(self, config: pytest.Config, reports: Connection) -> None:
        self.config, self.reports = config, reports

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.reports.send(data)


def _tell(session: pytest.Session, data: dict[str, Any] | str) -> None:
    """Report as if the test had run here; a text is the error of a fork."""
    if isinstance(data, str):
        raise RuntimeError(data)
    hook = session.config.hook
    report = hook.pytest_report_from_serializable(config=session.config, data=data)
    hook.pytest_runtest_logreport(report=report)
    if report.when == "teardown":
        hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
