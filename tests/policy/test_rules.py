"""Rules and grants: one parser for their words, and expiry as a point in time."""

import msgspec
import pytest

from opta_core.clock import set_wall
from opta_core.errors import Refused
from opta_core.policy.actions import normalise
from opta_core.policy.grants import Grant, for_request
from opta_core.policy.layers import Layers
from opta_core.policy.rules import PolicyProblem, Rule, parse, rule_from
from opta_protocol.tools.shell import RUN_COMMAND

# 2030-01-01T12:00:00Z
NOON_S = 1893499200.0


@pytest.fixture(autouse=True)
def at_noon():  # type: ignore[no-untyped-def]
    set_wall(lambda: NOON_S)
    yield
    set_wall()


@pytest.mark.parametrize(
    ("expires", "has_expired"),
    [
        ("2030-01-01T13:30:00+02:00", True),
        ("2030-01-01T12:30:00+00:00", False),
        ("2030-01-01T11:30:00-02:00", False),
        ("2030-01-01T12:30:00Z", False),
        ("2030-01-01T11:30:00Z", True),
        ("2030-01-01T11:30:00", True),
        ("2030-01-01", True),
        ("2030-01-02", False),
    ],
)
def test_rules_and_grants_expire_at_their_time_whatever_its_offset(expires: str, has_expired: bool) -> None:
    rule = Rule(effect="allow", tool="*", expires=expires)
    assert Layers(user=(rule,)).rules("user") == (() if has_expired else (rule,))
    assert Grant(id="g", tool="x", cwd="/", label="", since="", expires=expires).has_expired is has_expired


def test_a_grant_whose_time_cannot_be_read_has_expired() -> None:
    assert Grant(id="g", tool="x", cwd="/", label="", since="", expires="tomorrow").has_expired


def test_a_rule_on_the_command_line_and_one_in_a_file_have_the_same_words() -> None:
    words = ("git", "commit", "-m", "a b")
    assert rule_from("ask:git commit -m 'a b'").command == words
    (found,), _ = parse(b"rules:\n  - {effect: ask, tool: run_command, command: \"git commit -m 'a b'\"}\n", "f")
    assert found.command == words
    (listed,), _ = parse(b"rules:\n  - {effect: ask, tool: run_command, command: [git, commit, -m, a b]}\n", "f")
    assert msgspec.structs.replace(listed, line=0) == msgspec.structs.replace(found, line=0)


@pytest.mark.parametrize("days", [float("nan"), float("inf"), -1.0, 1e12])
def test_a_grant_for_no_number_of_days_is_refused(days: float) -> None:
    with pytest.raises(Refused, match="days"):
        for_request(normalise(RUN_COMMAND, {"command": "ls"}, "/"), days=days)


@pytest.mark.parametrize("text", ["allow", "allow:", "perhaps:git status", "allow:git 'status", ":git"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="EFFECT:WORDS"):
        rule_from(text)


def test_an_open_quote_in_a_file_is_a_problem_with_its_line() -> None:
    with pytest.raises(PolicyProblem, match="quote") as problem:
        parse(b'rules:\n  - effect: ask\n    tool: run_command\n    command: "git \'status"\n', "f")
    assert problem.value.line == 2
