"""A test file as one item of a worker: its module is imported by the worker that runs it, and by no other.

pytest-xdist has every worker import all modules to collect the same tests, which took more processor time than most files. Here every
worker collects one item for each file. The worker that is given the item collects the tests of the file and runs them; their reports go to
the controller under the names of the tests.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class DeferredFile(pytest.File):
    """A test file that is not imported at collection."""

    def collect(self) -> Iterator[pytest.Item]:
        item = FileItem.from_parent(self, name="tests")
        # Each test has a timer of its own.
        item.add_marker(pytest.mark.timeout(0))
        yield item


class FileItem(pytest.Item):
    """All tests of a file. Its node id is that of the test that runs, because a worker reports a test by the node id of its item."""

    running: pytest.Item | None = None

    @property
    def nodeid(self) -> str:
        return self.running.nodeid if self.running else super().nodeid

    def tests(self) -> list[pytest.Item]:
        """Collect the file. A file that cannot be imported is reported as an error, and has no tests."""
        assert self.parent is not None and self.parent.parent is not None
        module = pytest.Module.from_parent(self.parent.parent, path=self.path)
        found = list(self.session.genitems(module))
        self.config.hook.pytest_collection_modifyitems(session=self.session, config=self.config, items=found)
        return found

    def runtest(self) -> None:
        """Never called: the plugin calls `run`, which needs to know the next item."""
        raise NotImplementedError

    def run(self, nextitem: pytest.Item | None) -> None:
        """Run each test. What tests of `nextitem` would share stays set up."""
        found = self.tests()
        try:
            for test, following in zip(found, [*found[1:], nextitem], strict=False):
                self.running = test
                self.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
                if self.session.shouldfail or self.session.shouldstop:
                    return
        finally:
            self.running = None


class FileItems:
    """The plugin of a worker. `before_import` is called with each file before its module is imported."""

    def __init__(self, before_import: Callable[[Path], None]):
        self._before_import = before_import

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> DeferredFile:
        return DeferredFile.from_parent(parent, path=module_path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        if not isinstance(item, FileItem):
            return None
        self._before_import(item.path)
        item.run(nextitem)
        return True
