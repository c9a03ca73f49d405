"""The limits of tests follow the speed of the machine: never narrower than written, and wider only so far."""

import tomllib
from pathlib import Path

import machine_speed


def test_a_machine_is_at_least_as_slow_as_the_usual_one_and_at_most_so_many_times() -> None:
    assert machine_speed.slowness(1000.0) == 1
    assert machine_speed.slowness(1e-9) == machine_speed.SLOWNESS_MAX


def test_the_limit_of_a_single_test_is_that_of_the_settings_or_wider() -> None:
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert settings["tool"]["pytest"]["ini_options"]["timeout"] == machine_speed.TEST_TIMEOUT_S
    limits = machine_speed.limits_here(beside_others=True)
    assert machine_speed.TEST_TIMEOUT_S <= int(limits["PYTEST_TIMEOUT"]) <= machine_speed.TEST_TIMEOUT_MAX_S
    assert float(limits["OPTA_TEST_SLOWNESS"]) >= 1
