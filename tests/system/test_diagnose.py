"""Faults injected into a real daemon: the diagnosis names the domain and the fix within ten seconds, and `--fix` repairs what can be repaired.

All tests share one daemon, and leave it as it was. Rows that need no process are in tests/core/test_triage.py; those with a model of LMX
in test_first_run.py, those with a disk in test_faults.py.
"""

import contextlib
import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.expired_server import expired_server
from support.limits import limit_s
from support.model_server import Action, Fail, ModelServer, Say, Use, Wait
from support.oracles import until
from support.promises import check_journal

from opta_core.net.lmx_endpoint import pin_file
from opta_gateway import triage_look

pytestmark = pytest.mark.system

DIAGNOSED_S = 10
# What the model does now, for prompts that are no other's: set by a test, and set back.
FAULT: list[Action] = []


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """The probe reads its file; `change`: a command that asks; `long`: an answer that takes its time; `long prompt`: too long, unless alone."""
    asked = str([message["content"] for message in messages if message["role"] == "user"][-1])
    if FAULT:
        return list(FAULT)
    if "overflow" in asked and len([message for message in messages if message["role"] == "user"]) > 1:
        return [Fail(400, "This model's maximum context length is 100 tokens.")]
    if messages[-1]["role"] == "tool":
        return [Say("The file begins with: 2+2 = 4")]
    if "sum.txt" in asked:
        return [Use("read_file", {"path": "sum.txt"})]
    if asked.startswith("change"):
        return [Use("run_command", {"command": "touch made.txt"})]
    if asked.startswith("long"):
        return [Say("words and more words. " * 60, rate=15)]
    return [Say("some words")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("diagnose"), model_url=model.url) as running:
        yield running


@contextlib.contextmanager
def model_does(*actions: Action) -> Generator[None]:
    """Whatever is asked."""
    FAULT.extend(actions)
    try:
        yield
    finally:
        FAULT.clear()


def diagnose(daemon: Daemon, **body: Any) -> dict[str, Any]:
    """A diagnosis, in time."""
    began = time.monotonic()
    found = daemon.client.post("/v3/diagnose", body)
    assert time.monotonic() - began < limit_s(DIAGNOSED_S)
    assert [step["name"] for step in found["steps"]] == ["route", "heartbeat", "divergence", "probe", "domain"]
    return found


def causes(found: dict[str, Any]) -> list[str]:
    """Of all findings."""
    return [finding["cause"] for finding in found.get("findings", [])]


def doctor(daemon: Daemon, *arguments: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """(exit code, the diagnosis, what was fixed) of `opta doctor`."""
    done = daemon.opta("doctor", "--json", *arguments)
    checks = json.loads(done.stdout)
    return done.returncode, checks[-1]["diagnosis"], [check for check in checks if check["check"] == "fix"]


def is_well(daemon: Daemon) -> bool:
    """A probe goes through."""
    found = diagnose(daemon)
    return bool(found["healthy"] and found["evidence"]["probe"]["state"] == "ok")


def test_a_healthy_daemon_has_nothing_and_its_probe_leaves_nothing(daemon: Daemon) -> None:
    found = diagnose(daemon)
    assert found["healthy"], found
    probe = found["evidence"]["probe"]
    assert (probe["state"], probe["tool"], probe["answer"]) == ("ok", "ok", "The file begins with: 2+2 = 4")
    assert {hop["name"]: hop["state"] for hop in found["evidence"]["hops"]} == {
        **dict.fromkeys(("supervisord", "gateway", "sessions", "agent", "tools", "desktop"), "ok"),
        "lmx": "not used",
    }
    assert until(lambda: probe["session"] not in [each["id"] for each in daemon.client.get("/v3/sessions")["sessions"]])
    assert doctor(daemon)[0] == 0


@pytest.mark.parametrize(
    ("service", "domain"), [("sessions", "orchestration"), ("agent", "orchestration"), ("tools", "tool"), ("desktop", "interface")]
)
def test_a_suspended_process_is_named_in_time_and_the_fix_of_the_diagnosis_repairs_it(daemon: Daemon, service: str, domain: str) -> None:
    pid = daemon.kill(service, signal.SIGSTOP)
    found = diagnose(daemon)
    assert (found["findings"][0]["cause"], found["domain"]) == ("service_suspended", domain)
    assert (found["fix"]["kind"], found["fix"]["target"], found["healthy"]) == ("restart_service", service, False)
    done = daemon.client.post("/v3/diagnose/fix", {"kind": found["fix"]["kind"], "target": service})
    assert "was restarted" in done["done"]
    assert daemon.pids()[service] != pid
    assert until(lambda: is_well(daemon))


def test_a_suspended_gateway_is_diagnosed_and_repaired_from_the_command_line(daemon: Daemon) -> None:
    pid = daemon.kill("gateway", signal.SIGSTOP)
    began = time.monotonic()
    code, found, _ = doctor(daemon)
    assert time.monotonic() - began < limit_s(DIAGNOSED_S)
    assert (code, found["findings"][0]["cause"], found["domain"], found["fix"]["target"]) == (
        1,
        "service_suspended",
        "transport",
        "gateway",
    )
    code, found, fixed = doctor(daemon, "--fix", "--probe")
    assert (code, found["healthy"], [each["ok"] for each in fixed]) == (0, True, [True])
    assert daemon.pids()["gateway"] != pid


def test_a_suspended_supervisord_is_named_and_continued(daemon: Daemon) -> None:
    pid = daemon.supervisor().pid()
    os.kill(pid, signal.SIGSTOP)
    found = diagnose(daemon, probe=False)
    assert (found["findings"][0]["cause"], found["fix"]["kind"], found["fix"]["target"]) == (
        "supervisord_suspended",
        "continue_supervisord",
        str(pid),
    )
    code, found, fixed = doctor(daemon, "--fix")
    assert (code, found["healthy"], len(fixed)) == (0, True, 1)
    assert daemon.supervisor().pid() == pid


@pytest.mark.parametrize(("service", "domain"), [("agent", "orchestration"), ("tools", "tool"), ("gateway", "transport")])
def test_a_killed_process_is_back_and_the_diagnosis_says_what_it_was(daemon: Daemon, service: str, domain: str) -> None:
    pid = daemon.kill(service)
    assert until(lambda: daemon.pids().get(service, pid) != pid and daemon.client.is_ready()[0])
    found: dict[str, Any] = {}

    def is_named() -> bool:
        # Others may have been restarted as recently.
        found.update(diagnose(daemon))
        said = [(each["cause"], each["domain"], each["severity"]) for each in found["findings"] if each["hop"] == service]
        return ("service_restarted", domain, "recovered") in said

    assert until(is_named, 5)
    assert found["healthy"], found


def test_a_stopped_service_is_started_by_the_fix(daemon: Daemon) -> None:
    daemon.supervisor().stop("agent")
    found = diagnose(daemon)
    assert (found["findings"][0]["cause"], found["domain"], found["fix"]["kind"]) == ("service_down", "orchestration", "start_service")
    code, found, fixed = doctor(daemon, "--fix")
    assert (code, found["healthy"], len(fixed)) == (0, True, 1)


def test_a_socket_that_is_gone_is_transport_and_its_owner_is_restarted(daemon: Daemon) -> None:
    assert until(lambda: _age_s(daemon, "tools") > triage_look.SETTLED_S)
    (daemon.loaded.paths.run / "tools.rpc").unlink()
    found = diagnose(daemon)
    assert (found["findings"][0]["cause"], found["domain"], found["fix"]["target"]) == ("socket_missing", "transport", "tools")
    assert doctor(daemon, "--fix")[1]["healthy"]
    assert (daemon.loaded.paths.run / "tools.rpc").exists()
    assert is_well(daemon)


def _age_s(daemon: Daemon, service: str) -> float:
    process = next(each for each in daemon.supervisor().processes() if each["name"] == service)
    return float(process["now"] - process["start"])


def test_a_wrong_key_is_inference_and_the_probe_goes_to_no_fallback(daemon: Daemon) -> None:
    with (
        ModelServer(lambda _: [Say("from the fallback")]) as spare,
        provider(daemon, "spare", f'base-url = "{spare.url}"\nmodel = "scripted"'),
    ):
        with model_does(Fail(401, "Incorrect API key provided")):
            found = diagnose(daemon)
        assert spare.requests == []
    assert (found["findings"][0]["cause"], found["domain"]) == ("wrong_key", "inference")
    assert (found["fix"]["kind"], found["fix"]["target"]) == ("set_key", "scripted")
    assert found["fix"]["command"] == "opta account rotate scripted"


def test_a_slow_model_is_named_before_ten_seconds_have_passed(daemon: Daemon) -> None:
    with model_does(Wait(30), Say("late")):
        found = diagnose(daemon)
    assert (found["findings"][0]["cause"], found["domain"], found["evidence"]["probe"]["state"]) == ("model_silent", "inference", "late")
    # Its session is ended and goes to the trash, too.
    sid = found["evidence"]["probe"]["session"]
    assert until(lambda: sid not in [each["id"] for each in daemon.client.get("/v3/sessions")["sessions"]], 60)


def test_a_dead_fallback_is_a_risk_and_no_fault(daemon: Daemon) -> None:
    with provider(daemon, "spare", 'base-url = "http://127.0.0.1:9/v1"\nmodel = "m"'):
        found = diagnose(daemon)
    (spare,) = [each for each in found["findings"] if each["hop"] == "spare"]
    assert (found["healthy"], spare["cause"], spare["domain"], spare["severity"]) == (True, "dead_fallback", "inference", "degraded")


def test_an_expired_certificate_is_transport(daemon: Daemon, tmp_path: Path) -> None:
    with expired_server(tmp_path) as (port, certificate):
        pinned = pin_file(daemon.loaded.paths, f"127.0.0.1:{port}")
        pinned.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        pinned.write_text(certificate)
        with provider(daemon, "paired", f'host = "127.0.0.1:{port}"\nmodel = "m"', kind="lmx"):
            sid = daemon.session(model="paired/m")
            found = diagnose(daemon, session=sid)
        pinned.unlink()
    assert (found["findings"][0]["cause"], found["domain"], found["fix"]["label"]) == ("certificate", "transport", "Renew the certificate")
    assert "expired" in found["reason"]


def test_a_broken_rules_file_is_named_with_its_line(daemon: Daemon) -> None:
    file = daemon.home / "policies" / "mine.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("version: 1\nrules: [\n")
    try:
        found = diagnose(daemon, probe=False)
    finally:
        file.unlink()
    (broken,) = [each for each in found["findings"] if each["cause"] == "policy_broken"]
    assert broken["domain"] == "orchestration" and f"{file}:" in broken["reason"]


def test_broken_settings_are_named_while_the_daemon_goes_on(daemon: Daemon) -> None:
    config = daemon.home / "config.toml"
    # The command line itself refuses such a file; a client that is connected asks on.
    before, client = config.read_text(), daemon.client
    config.write_text(before + "\n[[[")
    try:
        found = client.post("/v3/diagnose", {"probe": False})
    finally:
        config.write_text(before)
    (broken,) = [each for each in found["findings"] if each["cause"] == "settings_broken"]
    assert broken["domain"] == "orchestration" and "config.toml" in broken["reason"]


def test_a_turn_that_waits_for_a_person_and_a_paused_one_are_no_fault_of_a_machine(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    turn = daemon.submit(sid, "change it", level="L1")
    assert until(lambda: daemon.client.get(f"/v3/sessions/{sid}")["pending"] == 1)
    found = diagnose(daemon, session=sid, probe=False)
    (waits,) = [each for each in found["findings"] if each["cause"] == "waits_for_person"]
    assert (waits["domain"], waits["fix"]["kind"]) == ("interface", "answer")
    daemon.client.post(f"/v3/sessions/{sid}/stop", {"turnId": turn})
    daemon.follow(sid, turn)


def test_a_full_context_is_named_replayed_and_written_down(daemon: Daemon) -> None:
    sid = daemon.session(mode="chat", title="full")
    daemon.follow(sid, daemon.submit(sid, "words"))
    failed = daemon.submit(sid, "overflow please")
    assert daemon.follow(sid, failed)[-1]["code"] == "context_overflow"
    found = diagnose(daemon, session=sid, note=True)
    assert (found["findings"][0]["cause"], found["domain"], found["fix"]["kind"]) == ("context_overflow", "inference", "compact_session")
    # The same prompt without the turns before it works: that was the cause.
    key = {"key": "replay-one"}
    replay = daemon.client.post(f"/v3/sessions/{sid}/replay", {"turnId": failed}, **key)
    assert (replay["state"], replay["cause"]) == ("done", "context"), replay
    again = daemon.client.post(f"/v3/sessions/{sid}/replay", {"turnId": failed}, **key)
    assert (again["session"]["id"], again["turnId"]) == (replay["session"]["id"], replay["turnId"])
    assert daemon.client.get(f"/v3/sessions/{replay['session']['id']}")["parent"] == sid
    notes = [json.loads(line) for line in daemon.journal(sid) if b'"session.note"' in line]
    assert [note["kind"] for note in notes] == ["post-mortem"]
    assert notes[0]["text"].startswith("Trigger: ") and "Containment: none" in notes[0]["text"]
    check_journal(daemon.journal(sid))


def test_a_replay_of_a_model_that_fails_again_blames_the_model(daemon: Daemon) -> None:
    sid = daemon.session(mode="chat")
    with model_does(Fail(400, "the weights are broken")):
        failed = daemon.submit(sid, "words")
        assert daemon.follow(sid, failed)[-1]["event"] == "turn.error"
        replay = daemon.client.post(f"/v3/sessions/{sid}/replay", {})
    assert (replay["state"], replay["cause"]) == ("failed", "model")


def test_other_runs_are_paused_and_a_lost_worker_is_a_mark_in_the_session(daemon: Daemon) -> None:
    sid, other = daemon.session(mode="chat"), daemon.session(mode="chat")
    turn, kept = daemon.submit(sid, "long words"), daemon.submit(other, "long words")
    assert until(lambda: daemon.client.get("/v3/metrics")["turnsRunning"] == 2)
    daemon.kill("tools")
    marks = "service.back"
    assert until(lambda: any(json.loads(line)["event"] == marks and json.loads(line)["service"] == "tools" for line in daemon.journal(sid)))
    found = diagnose(daemon, session=sid, contain=True, probe=False)
    assert found["contained"] == [other]
    assert "tools is back" in " ".join(mark["text"] for mark in found["evidence"]["marks"])
    for each, its in ((sid, turn), (other, kept)):
        daemon.client.post(f"/v3/sessions/{each}/stop", {"turnId": its})
        daemon.follow(each, its)
        check_journal(daemon.journal(each))


def test_the_evidence_is_one_file_without_secrets_and_without_words(daemon: Daemon, tmp_path: Path) -> None:
    sid = daemon.session(mode="chat", title="a private title")
    daemon.follow(sid, daemon.submit(sid, "my password is hunter2hunter2"))
    target = tmp_path / "evidence.zip"
    done = daemon.opta("doctor", "--session", sid, "--evidence", str(target))
    assert f"✓ evidence: {target}" in done.stdout, done.stdout
    assert target.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(io.BytesIO(target.read_bytes())) as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert {"about.json", "diagnosis.json", "events.jsonl", "config.toml", "last_tool_call.json", "metrics.json", "logs/agent.log"} <= set(
        texts
    )
    whole = "".join(texts.values())
    assert daemon.token not in whole and "hunter2" not in whole and "a private title" not in whole
    assert json.loads(texts["events.jsonl"].splitlines()[0])["event"] == "session.start"
    # A file is not replaced, and a session has to be named.
    assert "exists already" in daemon.opta("doctor", "--session", sid, "--evidence", str(target)).stdout
    assert "name the session" in daemon.opta("doctor", "--evidence", str(tmp_path / "other.zip")).stdout


def test_the_post_mortem_says_what_was_done(daemon: Daemon) -> None:
    sid = daemon.session(mode="chat")
    daemon.follow(sid, daemon.submit(sid, "words"))
    for by in ("page", "terminal"):
        # The tests before this one have ended it so often that it would count as a crash loop.
        (daemon.loaded.paths.run / "tools.starts").unlink(missing_ok=True)
        daemon.kill("tools", signal.SIGSTOP)
        if by == "page":
            fix = diagnose(daemon, session=sid, probe=False)["fix"]
            daemon.client.post("/v3/diagnose/fix", {"kind": fix["kind"], "target": fix["target"], "session": sid})
        else:
            code, found, fixed = doctor(daemon, "--fix", "--note", "--session", sid)
            assert code == 0, (found, fixed)
    notes = [json.loads(line)["text"] for line in daemon.journal(sid) if b'"post-mortem"' in line]
    assert len(notes) == 2
    for note in notes:
        assert note.startswith("Trigger: The tool worker") and "tools was restarted" in note.splitlines()[-1]


def test_a_session_that_is_not_there_is_refused(daemon: Daemon) -> None:
    done = daemon.opta("doctor", "--session", "zzzzzz")
    assert done.returncode != 0 and "zzzzzz" in done.stderr


def test_a_daemon_that_is_down_is_named_and_started(daemon: Daemon) -> None:
    daemon.down()
    code, found, _ = doctor(daemon)
    assert (code, found["findings"][0]["cause"], found["domain"], found["fix"]["kind"]) == (
        1,
        "daemon_down",
        "orchestration",
        "start_daemon",
    )
    assert found["fix"]["command"] == "opta up"
    # Only what this test's daemon needs: LMX is started with a daemon that is started like this.
    daemon.up()
    assert until(lambda: is_well(daemon))


@contextlib.contextmanager
def provider(daemon: Daemon, name: str, fields: str, kind: str = "openai") -> Generator[None]:
    """A further provider in the settings, which are read again while the daemon runs."""
    config = daemon.home / "config.toml"
    before = config.read_text()
    config.write_text(f'{before}\n[providers.{name}]\ntype = "{kind}"\n{fields}\n')
    try:
        assert until(lambda: name in [each["name"] for each in daemon.client.get("/v3/providers")["providers"]])
        yield
    finally:
        config.write_text(before)
        assert until(lambda: name not in [each["name"] for each in daemon.client.get("/v3/providers")["providers"]])
