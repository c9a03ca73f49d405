"""The committed generated files match the code, and a renamed field is noticed."""

from generate import differences

from opta_protocol import events, schema


def test_generated_files_are_current() -> None:
    assert differences() == []


def test_every_event_of_the_contract_is_there() -> None:
    named = set(events.EVENT_TYPES)
    assert {
        "session.start",
        "turn.start",
        "turn.queued",
        "step.start",
        "turn.token",
        "turn.thinking",
        "tool.call",
        "permission.request",
        "permission.decision",
    } <= named
    assert {
        "tool.start",
        "tool.output",
        "tool.result",
        "turn.done",
        "turn.error",
        "session.cancelled",
        "service.lost",
        "service.back",
        "plan.updated",
    } <= named
    assert {
        "turn.steer",
        "turn.pausing",
        "turn.paused",
        "turn.resumed",
        "turn.stopping",
        "turn.undone",
        "context.injected",
        "context.compacted",
        "route.switch",
        "warning",
    } <= named
    assert named >= events.ENDING_NAMES


def test_the_schema_describes_an_event_as_it_is_stored() -> None:
    token = schema.components()["TurnToken"]
    assert token["properties"]["event"] == {"enum": ["turn.token"]}
    assert "delta" in token["required"]
