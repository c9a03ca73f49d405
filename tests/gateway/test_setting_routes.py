"""Settings over HTTP: values, rules by layer, trusted folders, MCP servers, LMX hosts, tests of providers. Each change says what it changes."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.gateway import LocalGateway
from support.model_server import ModelServer

from opta_core.policy import grants, trust
from opta_core.policy.actions import normalise
from opta_core.secrets.vault import Secret, Vault
from opta_core.settings import Settings, read_config
from opta_protocol.tools.shell import RUN_COMMAND


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalGateway]:
    monkeypatch.setenv("OPTA_VAULT_PASSPHRASE", "a passphrase of tests")
    settings = msgspec.structs.replace(Settings(), vault_file=True)
    with LocalGateway(tmp_path, settings) as running:
        # The same in the file: settings are read anew after each change.
        running.paths.config.write_text("vault-file = true\n")
        yield running


def put(gateway: LocalGateway, key: str, value: str) -> Any:
    return gateway.post("/v3/config", {"key": key, "value": value}, method="PUT")


def test_a_value_is_set_said_and_unset(gateway: LocalGateway) -> None:
    changed = put(gateway, "notify.min-s", "30").json()
    assert changed == {
        "file": str(gateway.paths.config),
        "key": "notify.min-s",
        "old": "10.0",
        "new": "30.0",
        "applies": "now",
        "services": [],
        "note": "",
        "ok": True,
    }
    listed = gateway.get("/v3/config").json()
    assert {"key": "notify.min-s", "value": "30.0", "origin": str(gateway.paths.config), "applies": "now", "services": []} in listed[
        "settings"
    ]
    back = gateway.ask("DELETE", "/v3/config?key=notify.min-s").json()
    assert (back["old"], back["new"]) == ("30.0", "10.0")
    assert gateway.ask("DELETE", "/v3/config?key=notify.min-s").refusal == (404, "not_found")
    assert "min-s" not in gateway.paths.config.read_text()


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"key": "max-steps"},
        {"key": "max-step", "value": "1"},
        {"key": "max-steps", "value": "many"},
        {"key": "max-steps", "value": "-1"},
        {"key": "providers.none.options.temperature", "value": "1"},
        {"key": "thinking", "value": "sometimes"},
        {"key": "a\n", "value": "1"},
        {"key": "default-model", "value": "nobody/x"},
        {"key": "notify.command", "value": '["unclosed'},
        {"key": "lmx.host", "value": "no host"},
        {"key": "max-steps", "value": 5},
        {"key": "max-steps", "value": "5", "force": True},
    ],
)
def test_a_value_that_cannot_be_set_is_refused_and_nothing_is_written(gateway: LocalGateway, wanted: dict[str, Any]) -> None:
    with gateway.untouched():
        answer = gateway.post("/v3/config", wanted, method="PUT")
    assert answer.status in (400, 422), answer
    assert answer.error["message"]


def test_a_broken_file_is_named_with_its_line_and_left_as_it_is(gateway: LocalGateway) -> None:
    gateway.paths.config.write_text("max-steps = \n")
    with gateway.untouched():
        for answer in (gateway.get("/v3/config"), put(gateway, "max-steps", "5"), gateway.ask("DELETE", "/v3/config?key=max-steps")):
            assert answer.status == 422 and "line 1" in answer.error["message"], answer


def test_the_environment_of_a_server_is_written_and_never_sent_back(gateway: LocalGateway) -> None:
    wanted = {"name": "files", "command": ["true", "--all", "a b"], "env": {"TOKEN": "hush-1234"}, "network": True}
    added = gateway.post("/v3/mcp/servers", wanted)
    assert (added.status, added.json()["key"], added.json()["applies"]) == (201, "mcp.servers.files", "turn")
    assert added.json()["new"] == "run true --all a b with TOKEN in its environment"
    (server,) = gateway.get("/v3/mcp").json()["servers"]
    assert (server["command"], server["env"], server["network"], server["state"]) == (["true", "--all", "a b"], ["TOKEN"], True, "approved")
    everything = added.body + gateway.get("/v3/mcp").body + gateway.get("/v3/config").body
    assert b"hush-1234" not in everything
    assert read_config(gateway.paths.config)["mcp"]["servers"]["files"]["env"] == {"TOKEN": "hush-1234"}
    assert gateway.post("/v3/mcp/servers", wanted).refusal == (409, "conflict")
    assert gateway.post("/v3/mcp/servers", {**wanted, "replace": True}).status == 201
    removed = gateway.ask("DELETE", "/v3/mcp/servers/files").json()
    assert (removed["new"], removed["old"]) == ("", added.json()["new"])
    assert gateway.ask("DELETE", "/v3/mcp/servers/files").refusal == (404, "not_found")


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "x"},
        {"name": "x", "command": ["true"], "url": "http://127.0.0.1:1"},
        {"name": "x", "command": ["no-such-program-here"]},
        {"name": "x", "url": "ftp://127.0.0.1"},
        {"name": "a__b", "command": ["true"]},
        {"name": "", "command": ["true"]},
        {"name": "x", "command": ["true", "a\0b"]},
        {"name": "x", "command": ["true"], "env": {"A B": "1"}},
        {"name": "x", "command": "true"},
    ],
)
def test_what_can_never_be_a_server_is_refused_and_nothing_is_written(gateway: LocalGateway, wanted: dict[str, Any]) -> None:
    with gateway.untouched():
        answer = gateway.post("/v3/mcp/servers", wanted)
    assert answer.status in (400, 422), answer


def test_rules_are_listed_by_layer_in_words_with_file_and_line_and_what_is_wrong(gateway: LocalGateway) -> None:
    policies = gateway.home / "policies"
    policies.mkdir()
    (policies / "a.yaml").write_text("version: 1\nrules:\n  - {effect: allow, tool: run_command, command: npm test, note: tests}\n")
    (gateway.workspace / ".opta").mkdir()
    (gateway.workspace / ".opta/policy.yaml").write_text("version: 1\nrules:\n  - {effect: never, tool: x}\n")
    found = gateway.get(f"/v3/policy/layers?cwd={gateway.workspace}").json()
    layers = {layer["name"]: layer for layer in found["layers"]}
    assert list(layers) == ["hard", "managed", "user", "project", "defaults"]
    assert layers["user"]["rules"] == [
        {
            "words": "Allow without asking: the command `npm test`.",
            "effect": "allow",
            "file": str(policies / "a.yaml"),
            "line": 3,
            "note": "tests",
        }
    ]
    assert (layers["project"]["isBroken"], layers["project"]["isFound"], layers["managed"]["isFound"]) == (True, True, False)
    (problem,) = found["problems"]
    assert (problem["file"], problem["line"]) == (f"{gateway.workspace}/.opta/policy.yaml", 3) and "allow, ask or deny" in problem[
        "message"
    ]
    assert "read_file" in layers["defaults"]["rules"][0]["words"]
    everywhere = gateway.get("/v3/policy/layers").json()
    assert [layer["name"] for layer in everywhere["layers"]] == ["hard", "managed", "user", "defaults"] and not everywhere["problems"]
    assert gateway.get("/v3/policy/layers?cwd=relative").status == 422


def test_trusted_folders_are_listed_with_their_state_and_withdrawn(gateway: LocalGateway, tmp_path: Path) -> None:
    for name in ("kept", "changed", "gone"):
        (tmp_path / name / ".opta").mkdir(parents=True)
        (tmp_path / name / ".opta/policy.yaml").write_text("version: 1\n")
        trust.give(gateway.paths, str(tmp_path / name), trust.take(str(tmp_path / name)).sha256)
    (tmp_path / "changed/.opta/policy.yaml").write_text("version: 1\nrules: []\n")
    (tmp_path / "gone").rename(tmp_path / "moved")
    found = gateway.get("/v3/trust/folders").json()
    states = {Path(folder["path"]).name: folder["state"] for folder in found["folders"]}
    assert states == {"kept": "trusted", "changed": "changed", "gone": "missing"}
    assert found["file"].endswith("trust.json")
    for name in states:
        change = gateway.ask("DELETE", f"/v3/trust?cwd={tmp_path / name}").json()
        assert (change["old"], change["key"]) == ("trusted", str(tmp_path / name))
    assert gateway.get("/v3/trust/folders").json()["folders"] == []
    assert "not trusted" in gateway.ask("DELETE", f"/v3/trust?cwd={tmp_path}").json()["note"]


def test_a_key_is_masked_in_what_its_change_says(gateway: LocalGateway) -> None:
    first = gateway.post("/v3/accounts/box", {"key": "sk-0123456789abcdef"}, method="PUT")
    assert first.status == 200 and first.json()["new"].endswith("cdef") and first.json()["old"] == ""
    second = gateway.post("/v3/accounts/box", {"key": "sk-fedcba9876543210"}, method="PUT")
    assert second.json()["old"] == first.json()["new"]
    assert gateway.ask("DELETE", "/v3/accounts/box").json()["old"] == second.json()["new"]
    assert b"0123456789ab" not in first.body + second.body


def test_a_revoked_grant_is_said_in_the_words_that_were_shown(gateway: LocalGateway) -> None:
    request = normalise(RUN_COMMAND, {"command": "git status"}, str(gateway.workspace))
    (grant,) = grants.for_request(request)
    grants.add(gateway.paths, [grant])
    assert gateway.ask("DELETE", f"/v3/grants/{grant.id}").json()["old"] == grants.words_of(grant)


def test_a_provider_whose_server_is_there_is_not_called_tested_while_no_turn_can_run(gateway: LocalGateway) -> None:
    with ModelServer(lambda messages: []) as server:
        assert gateway.post("/v3/providers", {"name": "mine", "type": "openai", "baseUrl": server.url, "model": "scripted"}).status == 201
        found = gateway.post("/v3/providers/test", {"name": "mine"}).json()
    assert (found["healthy"], found["state"], found["models"], found["model"]) == (True, "skipped", 1, "scripted")
    assert "agent" in found["reason"]
    dead = gateway.post("/v3/providers/test", {"name": "mine"}).json()
    assert (dead["healthy"], dead["state"]) == (False, "skipped") and dead["reason"]
    assert gateway.post("/v3/providers/test", {"name": "nobody"}).refusal == (404, "not_found")
    removed = gateway.ask("DELETE", "/v3/providers/mine").json()
    assert (removed["key"], removed["applies"]) == ("providers.mine", "turn") and removed["old"].startswith("openai at ")


def test_hosts_of_lmx_are_listed_and_one_is_forgotten_with_its_certificate_and_key(gateway: LocalGateway) -> None:
    (here,) = gateway.get("/v3/lmx/hosts").json()["hosts"]
    assert (here["role"], here["healthy"]) == ("here", False) and here["reason"]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    assert put(gateway, "lmx.host", host).json()["applies"] == "turn"
    Vault(gateway.paths, allows_file=True).store("lmx", Secret("key-of-pairing"))
    (main,) = gateway.get("/v3/lmx/hosts").json()["hosts"]
    assert (main["host"], main["role"], main["isPaired"], main["healthy"]) == (host, "main", False, False)
    gone = gateway.ask("DELETE", f"/v3/lmx/hosts?host={host}").json()
    assert (gone["key"], gone["old"], gone["new"]) == ("lmx.host", host, "") and "'lmx' is removed" in gone["note"]
    assert Vault(gateway.paths, allows_file=True).accounts() == []
    assert gateway.ask("DELETE", f"/v3/lmx/hosts?host={host}").refusal == (404, "not_found")


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"host": "no host", "code": "123456"},
        {"host": "127.0.0.1:1", "code": "12345"},
        {"host": "127.0.0.1:1", "code": "123456", "provider": "a/b"},
        {"host": "127.0.0.1:1", "code": "123456", "provider": "lmx"},
    ],
)
def test_a_host_that_cannot_be_paired_with_changes_nothing(gateway: LocalGateway, wanted: dict[str, Any]) -> None:
    with gateway.untouched():
        answer = gateway.post("/v3/lmx/hosts", wanted)
    assert answer.status in (400, 422), answer


def test_a_host_that_does_not_answer_is_said_and_nothing_is_kept(gateway: LocalGateway) -> None:
    with gateway.untouched():
        answer = gateway.post("/v3/lmx/hosts", {"host": "127.0.0.1:1", "code": "123456"})
    assert answer.status == 503 and "127.0.0.1:1" in answer.error["message"]


def test_hooks_and_skills_say_where_they_are_edited(gateway: LocalGateway) -> None:
    hooks = gateway.get("/v3/hooks").json()
    assert (hooks["file"], hooks["folder"]) == (str(gateway.paths.config), str(gateway.paths.hooks))
    assert gateway.get("/v3/skills").json()["folder"] == str(gateway.paths.skills)
