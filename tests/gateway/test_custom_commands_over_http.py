"""`/name arguments` as a message over HTTP: what the turn holds, in which mode and level it runs, and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.gateway import LocalGateway

from opta_core.policy import trust


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path_factory.mktemp("gateway")) as running:
        of_user, offered = running.home / "commands", running.workspace / ".opta/commands"
        of_user.mkdir()
        offered.mkdir(parents=True)
        (of_user / "review.md").write_text("---\ndescription: Review a file\nmode: do\nmodel: lmx/probe\n---\nReview @$1.")
        (offered / "ship.md").write_text("---\nmode: do\n---\nShip $ARGUMENTS.")
        folder = str(running.workspace)
        trust.give(running.paths, folder, trust.take(folder).sha256)
        yield running


def begun(gateway: LocalGateway, body: dict[str, Any], **session: Any) -> dict[str, Any]:
    sid = gateway.session(**session)
    assert gateway.post(f"/v3/sessions/{sid}/turns", body).status == 202
    events = gateway.get(f"/v3/sessions/{sid}/events").json()["events"]
    return next(event for event in events if event["event"] == "turn.start")


def test_the_commands_of_a_folder_are_listed(gateway: LocalGateway) -> None:
    listed = gateway.get(f"/v3/commands?cwd={gateway.workspace}").json()
    assert [(each["name"], each["origin"], each["description"]) for each in listed["commands"]] == [
        ("review", "user", "Review a file"),
        ("ship", "project", "Ship $ARGUMENTS."),
    ]
    assert listed["problems"] == []
    assert [each["name"] for each in gateway.get("/v3/commands").json()["commands"]] == ["review"]
    assert gateway.get("/v3/commands?cwd=/nowhere/at/all").status == 200
    assert gateway.get("/v3/commands?cwd=work").status in (400, 422)


def test_the_turn_holds_the_prompt_and_what_was_written(gateway: LocalGateway) -> None:
    turn = begun(gateway, {"text": "/review a.py"})
    assert (turn["text"], turn["command"], turn["mode"], turn["level"], turn["model"]) == (
        "Review @a.py.",
        "/review a.py",
        "do",
        "L2",
        "lmx/probe",
    )


def test_what_the_request_says_goes_before_the_head(gateway: LocalGateway) -> None:
    turn = begun(gateway, {"text": "/review a.py", "mode": "chat", "model": "other/m"})
    assert (turn["mode"], turn["model"]) == ("chat", "other/m")


def test_a_folders_command_does_not_raise_the_level(gateway: LocalGateway) -> None:
    turn = begun(gateway, {"text": "/ship it"}, mode="chat")
    assert (turn["text"], turn["mode"], turn["level"]) == ("Ship it.", "do", "L1")


def test_text_stays_text(gateway: LocalGateway) -> None:
    for text in ("hello /review", " /review a.py", "/usr/bin is full"):
        turn = begun(gateway, {"text": text})
        assert (turn["text"], turn.get("command", "")) == (text, "")


def test_an_unknown_command_is_refused_and_makes_no_turn(gateway: LocalGateway) -> None:
    sid = gateway.session()
    answer = gateway.post(f"/v3/sessions/{sid}/turns", {"text": "/shp it"})
    assert answer.status == 422
    assert "There are: /review, /ship. Did you mean /ship?" in answer.json()["error"]["message"]
    assert gateway.get(f"/v3/sessions/{sid}").json()["turns"] == 0


def test_a_name_of_optas_says_where_it_is_done(gateway: LocalGateway) -> None:
    answer = gateway.post(f"/v3/sessions/{gateway.session()}/turns", {"text": "/compact"})
    assert answer.status == 422 and "opta sessions compact ID" in answer.json()["error"]["message"]


def test_the_same_key_gets_the_same_turn_though_the_file_changed(gateway: LocalGateway) -> None:
    sid = gateway.session()
    first = gateway.post(f"/v3/sessions/{sid}/turns", {"text": "/review a"}, ("Idempotency-Key", "k"))
    (gateway.home / "commands/review.md").write_text("Changed")
    again = gateway.post(f"/v3/sessions/{sid}/turns", {"text": "/review a"}, ("Idempotency-Key", "k"))
    assert (again.status, again.json()["turnId"]) == (202, first.json()["turnId"])
