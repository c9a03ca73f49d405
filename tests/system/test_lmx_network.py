"""LMX for other machines: keys with scopes, TLS, pairing by a code, and a daemon that works through all of it."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import port_of
from support.oracles import until
from support.pairing import shown_code

from opta_core.net.lmx_pairing import find_hosts
from opta_lmx.server.certificate import context_of
from opta_lmx.server.discovery import Advertisement
from opta_lmx.server.keys import Keys

pytestmark = pytest.mark.system

PASSPHRASE = {"OPTA_VAULT_PASSPHRASE": "a passphrase of tests"}
ASKED: Any = [{"role": "user", "content": "What is 2+2?"}]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The machine that serves. Bound to all addresses; tests call it by loopback alone."""
    daemon = Daemon(tmp_path_factory.mktemp("studio"), only="lmx", config='[lmx]\nbind = "0.0.0.0"\n')
    with daemon:
        assert until(lambda: "loaded" in daemon.opta("lmx", "status").stdout, 60), daemon.logs()
        yield daemon


def client_of(studio: Daemon, key: str) -> openai.OpenAI:
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted.check_hostname = False
    trusted.load_verify_locations(studio.home / "lmx/tls.pem")
    url = f"https://127.0.0.1:{port_of(studio)}/v1"
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0, http_client=httpx2.Client(verify=trusted))


def test_off_loopback_every_request_needs_a_key_that_opens_what_it_asks_for(studio: Daemon) -> None:
    made = studio.opta("lmx", "keys", "add", "laptop").stdout.split()[0]
    assert studio.opta("lmx", "keys", "add", "laptop").returncode == 1
    with client_of(studio, made) as client:
        assert client.chat.completions.create(model="probe", messages=ASKED).choices[0].message.content == "4"
        assert client.get("/../metrics", cast_to=str)
        with pytest.raises(openai.PermissionDeniedError):
            client.post("/../admin/models/unload", body={"model": "probe"}, cast_to=object)
    with client_of(studio, "lmx-wrong") as stranger:
        for path in ("/models", "/../metrics", "/../admin/models", "/../readyz"):
            with pytest.raises(openai.AuthenticationError):
                stranger.get(path, cast_to=object)
    assert "laptop" in studio.opta("lmx", "keys", "list").stdout
    assert studio.opta("lmx", "keys", "remove", "laptop").returncode == 0
    with client_of(studio, made) as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
    text = (studio.home / "lmx/keys.json").read_text()
    assert made not in text
    for name in ("keys.json", "admin.key", "tls.pem"):
        assert (studio.home / "lmx" / name).stat().st_mode & 0o777 == 0o600


def test_a_code_pairs_two_machines_and_the_daemon_works_through_the_certificate_it_pinned(studio: Daemon, tmp_path: Path) -> None:
    laptop = Daemon(tmp_path, only="gateway,agent,tools,sessions,desktop", config='vault-file = true\ndefault-model = "lmx/probe"\n')
    laptop.environment |= PASSPHRASE
    host = f"127.0.0.1:{port_of(studio)}"
    assert "No pairing code is valid" in laptop.opta("lmx", "pair", host, "--code-stdin", stdin="123456\n").stderr
    showing, code = shown_code(studio, "--admin")
    try:
        wrong = f"{(int(code) + 1) % 10**6:06}"
        refused = laptop.opta("lmx", "pair", host, "--code-stdin", stdin=f"{wrong}\n")
        assert "code is not the one" in refused.stderr
        assert not list((laptop.home / "lmx").glob("hosts/*"))
        done = laptop.opta("lmx", "pair", host, "--code-stdin", stdin=f"{code}\n")
        assert done.returncode == 0, done.stderr
        assert showing.wait(limit_s(10)) == 0
    finally:
        showing.kill()
        showing.communicate()
    assert "No pairing code is valid" in laptop.opta("lmx", "pair", host, "--code-stdin", stdin=f"{code}\n").stderr
    with laptop:
        sid = laptop.session(mode="chat")
        events = laptop.follow(sid, laptop.submit(sid, "What is 2+2?"))
        assert "".join(event.get("delta", "") for event in events if event["event"] == "turn.token") == "4"
        assert [provider["healthy"] for provider in laptop.client.get("/v3/providers")["providers"]] == [True]
        assert [model["id"] for model in laptop.client.get("/v3/lmx/status")["models"]] == ["probe"]
        assert "certificate pinned" in laptop.opta("lmx", "doctor").stdout
        # Another certificate at the same place is nobody that was paired with.
        (pin,) = (laptop.home / "lmx/hosts").iterdir()
        context_of(tmp_path)
        pin.write_bytes((tmp_path / "tls.pem").read_bytes())
        assert "does not answer" in laptop.opta("models", "list").stderr


def test_a_second_lmx_is_a_provider_with_a_key_and_a_certificate(studio: Daemon, tmp_path: Path) -> None:
    laptop = Daemon(tmp_path, only="gateway,agent,tools,sessions", config='vault-file = true\ndefault-model = "desk/probe"\n')
    laptop.environment |= PASSPHRASE
    host = f"127.0.0.1:{port_of(studio)}"
    assert "cannot be named 'lmx'" in laptop.opta("lmx", "pair", host, "--provider", "lmx", "--code-stdin", stdin="123456\n").stderr
    assert "give that machine as well" in laptop.opta("lmx", "pair", "--provider", "desk").stderr
    showing, code = shown_code(studio)
    try:
        done = laptop.opta("lmx", "pair", host, "--provider", "desk", "--code-stdin", stdin=f"{code}\n")
        assert "providers.desk is lmx" in done.stdout, done.stderr
    finally:
        showing.kill()
        showing.communicate()
    assert laptop.opta("config", "get", "lmx.host").stdout.strip() == ""
    with laptop:
        sid = laptop.session(mode="chat")
        events = laptop.follow(sid, laptop.submit(sid, "What is 2+2?"))
        assert "".join(event.get("delta", "") for event in events if event["event"] == "turn.token") == "4"
        assert f"lmx        {host}  with a key  ✓ 1 models" in laptop.opta("provider", "list").stdout


def test_a_code_is_good_for_three_tries(studio: Daemon, tmp_path: Path) -> None:
    laptop = Daemon(tmp_path, config="vault-file = true\n")
    laptop.environment |= PASSPHRASE
    host = f"127.0.0.1:{port_of(studio)}"
    showing, code = shown_code(studio)
    try:
        for number in range(1, 4):
            wrong = f"{(int(code) + number) % 10**6:06}"
            assert "code is not the one" in laptop.opta("lmx", "pair", host, "--code-stdin", stdin=f"{wrong}\n").stderr
        assert "tried three times" in laptop.opta("lmx", "pair", host, "--code-stdin", stdin=f"{code}\n").stderr
    finally:
        showing.kill()
        showing.communicate()


def test_an_offer_is_found_on_the_network_it_was_made_on() -> None:
    async def run() -> list[Any]:
        offer = Advertisement(4321, "127.0.0.1", "ab" * 32)
        await offer.begin()
        try:
            return await find_hosts(1.5, ["127.0.0.1"])
        finally:
            await offer.end()

    (found,) = asyncio.run(run())
    assert (found.address, found.port, found.fingerprint) == ("127.0.0.1", 4321, "ab" * 32)


def test_keys_are_seen_by_whoever_holds_them_open(tmp_path: Path) -> None:
    one, other = Keys(tmp_path), Keys(tmp_path)
    made = one.add("first", ["infer"])
    assert other.find(made) == ("first", ["infer"])
    other.remove("first")
    assert one.find(made) == ("", [])
    assert json.loads((tmp_path / "keys.json").read_text()) == []
