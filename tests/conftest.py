"""How several workers run the tests: a file is a unit, the longest goes first, limits on time are wider. The record of how long each file takes."""

import contextlib
import gc
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.file_items import FileItems
from support.limits import SLACK, limit_s
from support.workers import file_of, length, record, recorded


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-durations", action="store_true", help="write the seconds of each file into tests/durations.toml")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell starts a job in the background so, and the commands of the tests would not hear Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        _be_batch()
        # Collecting garbage seldom saves a tenth of the processor time of tests that compute in Python.
        gc.set_threshold(20_000, 20, 20)
        config.pluginmanager.register(FileItems(_widen_limits), "file-items")
    elif SLACK != 1:
        _widen_limits()
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Announcer(config), "announce-failures")
    if config.getoption("--record-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Recorder(), "record-durations")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        seconds = recorded()
        items.sort(key=lambda item: -length(item.nodeid, seconds))


def _be_batch() -> None:
    """Have Linux run this worker and its processes as batch work: one that wakes up does not preempt the one that woke it.

    mlx hands every operation to a thread. Switching to it each time takes a third of the processor time of a small model.
    """
    if sys.platform == "linux":
        # A container may forbid it, and then tests are as they are.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _widen_limits(file: Path | None = None) -> None:
    """Widen the limits of the libraries that the tests use: those that `file` uses, or all. A test takes them over when it is defined."""
    # Imported here: the two take a second, which few files need.
    content = file.read_text() if file else "hypothesis playwright"
    if "hypothesis" in content:
        from hypothesis import settings

        settings.register_profile("beside-others", deadline=None)
        settings.load_profile("beside-others")
    if "playwright" in content:
        from playwright.sync_api import expect

        expect.set_options(timeout=1000 * limit_s(5))


class _Announcer:
    """Names each failure when it happens, because the whole takes long and its report comes at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            terminal = self._config.pluginmanager.get_plugin("terminalreporter")
            assert isinstance(terminal, pytest.TerminalReporter)
            crash = getattr(report.longrepr, "reprcrash", None)
            terminal.write_line(f"\n{report.when} of {report.nodeid} failed: {str(crash.message if crash else '').splitlines()[:1]}")


class _Recorder:
    """Adds up the phases of the tests, by file."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[file_of(report.nodeid)] += report.duration  # type: ignore[assignment]

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):  # a run that was interrupted says little
            record(self.seconds)
