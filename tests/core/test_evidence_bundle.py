"""What leaves the machine in an evidence bundle: no secret, whatever form it has, and no words unless asked for."""

import io
import json
import tomllib
import zipfile
from typing import Any

import pytest

from opta_core.triage.evidence_bundle import MASK, Redactor, evidence_zip, without_words

HOME = "/home/maria"
TOKEN = "t0k3n-of-this-daemon"
REDACTOR = Redactor([TOKEN, "x"], HOME)

SECRETS = [
    f"connected with {TOKEN}",
    "Authorization: Bearer abcdefghijkl",
    "OPENAI key sk-abcdefgh12345678",
    "push with ghp_ABCDEFGHIJKLMNOP1234",
    "github_pat_11ABCDEFG0123456789abcdef",
    "hub token hf_ABCDEFGHIJKLMNOPQRST",
    "slack xoxb-1234567890-abcdef",
    "aws AKIAIOSFODNN7EXAMPLE",
    "google AIzaSyA1234567890abcdefghijklmnop",
    "jwt eyJhbGciOiJI.eyJzdWIiOiIxMjM0NTY3ODkw.abcdef_1234",
    "GET https://maria:hunter22@host.example/v1",
    "GET https://host.example/v1/models?alt=x&key=abcdef123456",
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----",
]
PLAIN = [TOKEN, "abcdefghijkl", "sk-abcdefgh", "ghp_ABCDEF", "github_pat_11", "hf_ABCDEF", "xoxb-1234", "AKIAIOS", "AIzaSyA", "eyJhbGci", "hunter22", "abcdef123456", "MHcCAQEE"]  # fmt: skip


@pytest.mark.parametrize(("text", "secret"), list(zip(SECRETS, PLAIN, strict=True)))
def test_a_secret_in_any_text_is_masked(text: str, secret: str) -> None:
    masked = REDACTOR.text(text)
    assert secret not in masked and MASK in masked


def test_the_home_folder_names_nobody_and_short_values_mask_nothing() -> None:
    assert REDACTOR.text(f"{HOME}/work/x.py x") == "~/work/x.py x"


def test_settings_stay_readable_and_lose_every_value_of_a_secret_and_of_an_environment() -> None:
    config = """
default-model = "cloud/large"
max-steps = 200
[providers.cloud]
base-url = "https://host.example/v1"
api-key = "abc"   # a comment
[mcp.servers.notes]
command = ["notes", "--port", "7"]
[mcp.servers.notes.env]
NOTES_URL = "https://secret.example/maria"
[mcp.servers.other]
env = { DYNATRACE = "value one" }
headers = { "X-Api-Key" = "value two" }
inline = { token = "value three", port = 7 }
"""
    masked = REDACTOR.toml(config)
    read = tomllib.loads(masked)
    assert read["providers"]["cloud"] == {"base-url": "https://host.example/v1", "api-key": MASK}
    assert read["max-steps"] == 200 and read["mcp"]["servers"]["notes"]["command"] == ["notes", "--port", "7"]
    for secret in ('"abc"', "secret.example", "value one", "value two", "value three"):
        assert secret not in masked


def test_json_keeps_its_shape_and_counts_of_tokens_are_no_secrets() -> None:
    value: dict[str, Any] = {"tokens": 7, "promptTokens": 3, "apiKey": "abc", "accessToken": "def", "env": {"A": "b"}, "list": [{"password": "pw"}], "key": ""}  # fmt: skip
    assert REDACTOR.value(value) == {
        "tokens": 7,
        "promptTokens": 3,
        "apiKey": MASK,
        "accessToken": MASK,
        "env": {"A": MASK},
        "list": [{"password": MASK}],
        "key": "",
    }


def test_words_of_events_are_lengths_and_errors_stay() -> None:
    assert without_words({"event": "turn.start", "seq": 2, "text": "my prompt"}) == {
        "event": "turn.start",
        "seq": 2,
        "text": "[9 characters]",
    }
    call = {"event": "tool.call", "name": "run_command", "args": {"command": "ls", "flags": ["a"], "n": 3}}
    assert without_words(call)["args"] == {"command": "[2 characters]", "flags": ["[1 characters]"], "n": 3}
    error = {"event": "turn.error", "message": "The key was refused.", "code": "provider_auth"}
    assert without_words(error) == error


def test_the_zip_has_everything_and_words_only_when_asked() -> None:
    events = [
        {"seq": 1, "event": "turn.start", "text": "a prompt"},
        {"seq": 2, "event": "tool.call", "callId": "c1", "args": {"path": "a.py"}},
        {"seq": 3, "event": "tool.result", "callId": "c1", "content": "text of the file", "ok": True},
    ]
    logs = {"agent": f"token {TOKEN}\n"}
    for has_words in (False, True):
        made = evidence_zip(REDACTOR, {"diagnosis": {"healthy": False}}, events=events, logs=logs, config="", has_words=has_words)
        with zipfile.ZipFile(io.BytesIO(made)) as bundle:
            texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
        assert json.loads(texts["about.json"])["lastSeq"] == 3
        assert [event["seq"] for event in json.loads(texts["last_tool_call.json"])] == [2, 3]
        assert ("text of the file" in texts["events.jsonl"]) == has_words
        assert texts["logs/agent.log"] == f"token {MASK}\n"
        assert json.loads(texts["diagnosis.json"]) == {"healthy": False}
