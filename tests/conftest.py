"""Order of the tests when several workers run them, and the record of how long each file takes."""

from collections import Counter

import pytest
from support.limits import SLACK, limit_s
from support.workers import file_of, length, record, recorded


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-durations", action="store_true", help="write the seconds of each file into tests/durations.toml")


def pytest_configure(config: pytest.Config) -> None:
    if SLACK != 1:
        # Imported here: the two take a second, which a single test need not wait for.
        from hypothesis import settings
        from playwright.sync_api import expect

        expect.set_options(timeout=1000 * limit_s(5))
        settings.register_profile("beside-others", deadline=None)
        settings.load_profile("beside-others")
    if config.getoption("--record-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Recorder(), "record-durations")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        seconds = recorded()
        items.sort(key=lambda item: -length(item.nodeid, seconds))


class _Recorder:
    """Adds up the phases of the tests, by file."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[file_of(report.nodeid)] += report.duration  # type: ignore[assignment]

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):  # a run that was interrupted says little
            record(self.seconds)
