"""The spare supervisor process: one is kept, every other one is ended."""

from opta_tools.sandbox.supervisors import Supervisors


def test_a_supervisor_that_is_given_back_is_the_next_one_and_a_further_one_is_ended() -> None:
    supervisors = Supervisors()
    first, second = supervisors.take(), supervisors.take()
    supervisors.give_back(*first)
    supervisors.give_back(*second)
    assert second[0].returncode is not None
    assert supervisors.take()[0] is first[0]
    supervisors.give_back(*first)
    supervisors.close()
    assert first[0].returncode is not None


def test_nothing_is_kept_once_it_is_closed() -> None:
    supervisors = Supervisors()
    taken = supervisors.take()
    supervisors.close()
    supervisors.give_back(*taken)
    assert taken[0].returncode is not None
