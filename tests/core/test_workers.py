"""How `./opta test` spreads the suite: folders over workers, what measures the machine alone, one file in one process."""

from pathlib import Path

import dev
from support import workers


def test_folders_run_on_workers_and_what_measures_the_machine_runs_afterwards() -> None:
    for arguments in ([], ["tests/core", "tests/agent"]):
        beside, alone = dev.test_runs(arguments)
        paths = arguments or ["tests"]
        assert beside[1][-len(paths) :] == alone[1][-len(paths) :] == paths
        assert beside[1][:3] == ["-m", "not alone", "-n"]
        assert alone[1][:2] == ["-m", "alone"]


def test_what_runs_alone_does_not_change_the_record() -> None:
    beside, alone = dev.test_runs(["--record-durations"])
    assert ("--record-durations" in beside[1], "--record-durations" in alone[1]) == (True, False)


def test_a_file_or_an_option_of_pytest_runs_in_one_process_as_it_was_written() -> None:
    for arguments in (["tests/core/test_workers.py"], ["tests/core", "-k", "folders"], ["tests", "-x"], ["-n", "8", "tests"]):
        assert dev.test_runs(arguments) == [("tests", arguments, (0,))]


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
