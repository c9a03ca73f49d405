"""How `./opta test` spreads the suite: folders over workers, what measures the machine alone, one file in one process."""

import os
import subprocess
import sys
from pathlib import Path

import dev
from support import workers


def test_folders_run_on_workers_and_what_measures_the_machine_runs_afterwards() -> None:
    for arguments in ([], ["tests/core", "tests/system"]):
        beside, alone = dev.test_runs(arguments)
        paths = arguments or ["tests"]
        assert beside[1][-len(paths) :] == paths
        assert beside[1][:3] == ["-m", "not alone", "-n"]
        assert alone[1][:2] == ["-m", "alone"]
        assert "tests/system/test_kills.py" in alone[1]
    assert len(dev.test_runs(["tests/agent"])) == 1


def test_what_runs_alone_does_not_change_the_record() -> None:
    beside, alone = dev.test_runs(["--record-durations"])
    assert ("--record-durations" in beside[1], "--record-durations" in alone[1]) == (True, False)


def test_a_file_or_an_option_of_pytest_runs_in_one_process_as_it_was_written() -> None:
    for arguments in (["tests/core/test_workers.py"], ["tests/core", "-k", "folders"], ["tests", "-x"], ["-n", "8", "tests"]):
        assert dev.test_runs(arguments) == [("tests", arguments, (0,))]


FILES = {
    "conftest.py": "from support.file_items import FileItems\n\n\ndef pytest_configure(config):\n"
    "    if hasattr(config, 'workerinput'):\n        config.pluginmanager.register(FileItems(lambda file: None), 'file-items')\n",
    "test_one.py": "import pytest\n\n\n@pytest.fixture(scope='module', params=[1, 2])\ndef shared(request):\n    yield request.param\n\n\n"
    "def test_a(shared): pass\n\n\ndef test_b(shared): assert shared == 1\n\n\n@pytest.mark.alone\ndef test_c(): pass\n",
    "test_two.py": "import pytest\n\n\n@pytest.mark.skip\ndef test_a(): pass\n",
    "test_three.py": "import missing\n",
}


def test_a_worker_imports_the_files_that_it_runs_and_reports_each_test(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {Path(workers.__file__).parent.parent}\nmarkers = alone\n")
    options = ["-n", "2", "--dist", "loadfile", "-m", "not alone", "-rA", "-p", "no:schemathesis", "-p", "no:cacheprovider"]
    # Options of whoever runs the suite are not of this run.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    words = {tuple(line.split()[:2]) for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED", "ERROR ", "SKIPPED"))}
    assert words == {
        ("PASSED", "test_one.py::test_a[1]"),
        ("PASSED", "test_one.py::test_b[1]"),
        ("PASSED", "test_one.py::test_a[2]"),
        ("FAILED", "test_one.py::test_b[2]"),
        ("SKIPPED", "[1]"),
        ("ERROR", "test_three.py"),
    }, done.stdout + done.stderr
    assert "1 failed, 3 passed, 1 skipped, 1 error" in done.stdout
    assert done.returncode == 1


def test_the_longest_file_goes_first_and_each_file_stays_together() -> None:
    tests = ["a.py::one", "a.py::two[x::y]", "b.py::one", "b.py::two", "c.py::one"]
    assert sorted(tests, key=lambda nodeid: -workers.length(nodeid, {"b.py": 9, "c.py": 20})) == [
        "c.py::one",
        "b.py::one",
        "b.py::two",
        "a.py::one",
        "a.py::two[x::y]",
    ]


def test_a_record_keeps_the_files_that_did_not_run(tmp_path: Path) -> None:
    file = tmp_path / "durations.toml"
    workers.record({"a.py": 12.4, "b.py": 0.2}, file)
    workers.record({"c.py": 30.0}, file)
    assert workers.recorded(file) == {"c.py": 30, "a.py": 12}
