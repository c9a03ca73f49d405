"""Triage in a browser, on real daemons: injected faults are named right, and the offered button repairs each."""

import contextlib
import shutil
import signal
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import SIZES, chromium, opened, shoot, violations
from support.daemon import Daemon
from support.journals import disk
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use, Wait
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

ANSWER_MS = limit_s(30) * 1_000
WELL = "Nothing is broken"


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """The probe reads its file; work that goes on reads one in each step."""
    if any("go on reading" in str(message["content"]) for message in messages):
        return [Say("Done.")] if len(messages) > 300 else [Wait(1), Use("read_file", {"path": "sum.txt"})]
    return [Say("The file begins with: 2+2 = 4")] if messages[-1]["role"] == "tool" else [Use("read_file", {"path": "sum.txt"})]


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(reply) as server:
        yield server


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("triage"), model_url=model.url, config="vault-file = true\n") as running:
        (running.workspace / "sum.txt").write_text("2+2 = 4\n")
        yield running


@pytest.fixture
def page(daemon: Daemon) -> Iterator[Page]:
    with shown(daemon) as made:
        yield made


@contextlib.contextmanager
def shown(daemon: Daemon) -> Generator[Page]:
    with chromium() as browser, opened(browser, daemon) as made:
        expect(made.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=ANSWER_MS)
        yield made


def verdict(page: Page) -> Locator:
    return page.get_by_role("region", name="What is wrong")


def diagnose(page: Page, says: str) -> None:
    if not verdict(page).is_visible():
        page.keyboard.press("Alt+Shift+D")
    verdict(page).get_by_role("button", name="Diagnose").click()
    expect_verdict(page, says)


def expect_verdict(page: Page, says: str) -> None:
    expect(verdict(page).get_by_role("status")).to_contain_text(says, timeout=ANSWER_MS)


def is_above_the_fold(page: Page, button: Locator) -> None:
    """At every width, without scrolling."""
    before = page.viewport_size
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        box = button.bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height and box["x"] + box["width"] <= width, (width, box)
    assert before is not None
    page.set_viewport_size(before)


@pytest.mark.parametrize("lists_openly", [True, False], ids=["its list of models is open", "its list of models wants the key"])
def test_a_wrong_key_is_named_for_as_long_as_it_is_wrong_and_set_where_it_is_named(
    daemon: Daemon, model: ModelServer, page: Page, lists_openly: bool
) -> None:
    model.key, model.lists_openly = f"sk-right-{lists_openly}", lists_openly
    try:
        sid = daemon.session(mode="do", title="wrong key")
        daemon.follow(sid, daemon.submit(sid, "words"))
        page.evaluate("sid => { location.hash = `/s/${sid}?sheet=triage` }", sid)
        for _ in range(3):
            # Each diagnosis asks the server again: what the one before met changes nothing.
            diagnose(page, "Inference")
            expect_verdict(page, "the key")
        store = verdict(page).get_by_role("button", name="Store the key, and look again")
        is_above_the_fold(page, store)
        shoot(page, f"triage-wrong-key-{'open' if lists_openly else 'closed'}")
        assert violations(page) == []
        for key, says in (("sk-still-wrong", "the key"), (model.key, "Nothing is broken now")):
            verdict(page).get_by_label("Key of scripted").fill(key)
            # What is said until then is the verdict of before.
            with page.expect_response(lambda answer: answer.url.endswith("/v3/diagnose")):
                store.click()
            expect(verdict(page)).to_have_attribute("aria-busy", "false")
            expect_verdict(page, says)
        # The turn that failed goes on.
        verdict(page).get_by_role("button", name="Resume the turn").click()
        assert until(lambda: daemon.client.get(f"/v3/sessions/{sid}")["state"] == "idle", 60)
        diagnose(page, WELL)
        page.get_by_role("button", name="Close", exact=True).click()
        assert page.evaluate("location.hash") == f"#/s/{sid}"
    finally:
        model.key = ""


@pytest.mark.parametrize(
    ("how", "says", "button"),
    [("suspended", "The tool worker", "Restart tools"), ("stopped", "The tool worker", "Start tools"), ("killed", WELL, "")],
)
def test_a_service_that_is_gone_is_named_and_brought_back_by_its_button(
    page: Page, daemon: Daemon, how: str, says: str, button: str
) -> None:
    (daemon.loaded.paths.run / "tools.starts").unlink(missing_ok=True)
    before = daemon.pids()["tools"]
    if how == "stopped":
        daemon.supervisor().stop("tools")
    else:
        daemon.kill("tools", signal.SIGSTOP if how == "suspended" else signal.SIGKILL)
    if how == "killed":
        assert until(lambda: daemon.pids().get("tools", before) != before and daemon.client.is_ready()[0])
        # It runs before it can answer, and is a risk until then.
        assert until(
            lambda: all(each["severity"] == "recovered" for each in daemon.client.post("/v3/diagnose", {"probe": False})["findings"])
        )
    diagnose(page, says)
    if button:
        expect_verdict(page, "Tools fails now")
        fix = verdict(page).get_by_role("button", name=button)
        is_above_the_fold(page, fix)
        if how == "suspended":
            shoot(page, "triage-suspended")
            assert violations(page) == []
        fix.click()
        expect_verdict(page, WELL)
    # What it did then was cut off: that is said, and is no fault now.
    expect_verdict(page, "failed, and is back")


def test_a_stopped_gateway_is_named_by_the_page_itself_and_started_by_its_button(page: Page, daemon: Daemon) -> None:
    daemon.supervisor().stop("gateway")
    diagnose(page, "The gateway, which clients talk to, does not run")
    expect_verdict(page, "Transport fails now")
    start = verdict(page).get_by_role("button", name="Start gateway")
    is_above_the_fold(page, start)
    shoot(page, "triage-stopped-gateway")
    assert violations(page) == []
    start.click()
    expect_verdict(page, "Nothing is broken")
    assert until(lambda: daemon.client.is_ready()[0])
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=ANSWER_MS)


def test_the_runbook_contains_keeps_the_evidence_replays_and_writes_what_happened(
    daemon: Daemon, model: ModelServer, page: Page, tmp_path: Path
) -> None:
    model.key = "sk-right"
    try:
        sid = daemon.session(mode="do", title="failed")
        daemon.follow(sid, daemon.submit(sid, "what begins the file?"))
    finally:
        model.key = ""
    other = daemon.session(mode="do", title="goes on", policy="unrestricted")
    turn = daemon.submit(other, "go on reading")
    page.evaluate("sid => { location.hash = `/s/${sid}?sheet=triage` }", sid)
    runbook = page.get_by_role("region", name="Runbook")
    runbook.get_by_role("button", name="Pause other runs").click(timeout=ANSWER_MS)
    expect(runbook.get_by_role("status")).to_contain_text("1 turn of another session is paused", timeout=ANSWER_MS)
    assert until(lambda: daemon.client.get(f"/v3/sessions/{other}")["state"] == "paused", 20)
    shoot(page, "triage-runbook")
    assert violations(page) == []
    runbook.get_by_role("button", name="Let them go on").click()
    assert until(lambda: daemon.client.get(f"/v3/sessions/{other}")["state"] == "running", 20)
    daemon.client.post(f"/v3/sessions/{other}/stop", {"turnId": turn})
    with page.expect_download() as download:
        runbook.get_by_role("button", name="Save evidence").click()
    bundle = tmp_path / "evidence.zip"
    download.value.save_as(bundle)
    with zipfile.ZipFile(bundle) as kept:
        assert kept.testzip() is None and len(kept.namelist()) >= 4
        texts = {name: kept.read(name).decode(errors="replace") for name in kept.namelist()}
    assert [name for name, text in texts.items() if daemon.token in text or "what begins the file?" in text] == []
    runbook.get_by_role("button", name="Replay smaller").click()
    expect(runbook).to_contain_text("Open s-", timeout=ANSWER_MS)
    runbook.get_by_role("button", name="Write post-mortem").click()
    assert until(lambda: any('"session.note"' in line.decode() for line in daemon.journal(sid)), 30)


def test_a_missing_model_is_named_and_another_one_is_chosen_where_it_is_named(tmp_path: Path) -> None:
    with Daemon(tmp_path, config='default-model = "lmx/gone"\n') as daemon, shown(daemon) as page:
        assert until(
            lambda: [each["state"] for each in daemon.client.get("/v3/lmx/models")["models"] if each["id"] == "probe"] == ["loaded"], 90
        )
        diagnose(page, "LMX has no model gone")
        expect_verdict(page, "Inference")
        use = verdict(page).get_by_role("button", name="Use lmx/probe, and look again")
        is_above_the_fold(page, use)
        shoot(page, "triage-missing-model")
        assert violations(page) == []
        verdict(page).get_by_role("radio", name="For everything new").check()
        use.click()
        expect(verdict(page)).to_have_attribute("aria-busy", "false", timeout=ANSWER_MS)
        assert until(lambda: daemon.client.get("/v3/models")["default"] == "lmx/probe")
        diagnose(page, WELL)
        # The telemetry keeps one line of it.
        page.get_by_role("button", name="Close", exact=True).click()
        expect(page.get_by_role("region", name="Diagnosis")).to_contain_text("Nothing is broken")


def test_a_disk_that_is_full_is_named_and_freed_by_its_button(tmp_path: Path, model: ModelServer) -> None:
    with disk(tmp_path, "400m"), Daemon(tmp_path, model_url=model.url) as daemon:
        (daemon.workspace / "sum.txt").write_text("2+2 = 4\n")
        prefix = daemon.loaded.paths.lmx / "prefixes/tiny" / f"{'0' * 24}-64.safetensors"
        prefix.parent.mkdir(parents=True, mode=0o700)
        prefix.write_bytes(bytes(shutil.disk_usage(tmp_path).free - 30_000_000))
        with shown(daemon) as page:
            diagnose(page, "No event can be written")
            expect_verdict(page, "can be deleted; Opta makes both again")
            fix = verdict(page).get_by_role("button", name="Free ")
            is_above_the_fold(page, fix)
            shoot(page, "triage-full-disk")
            assert violations(page) == []
            fix.click()
            expect_verdict(page, WELL)
        assert not prefix.exists()


def test_a_missing_sandbox_is_a_risk_with_its_reason_and_is_looked_for_again_by_its_button(tmp_path: Path, model: ModelServer) -> None:
    daemon = Daemon(tmp_path, model_url=model.url)
    state = daemon.home / "daemon/sandbox"
    state.mkdir(parents=True, mode=0o700)
    # Every sandbox keeps its caches there: none can be made on this machine.
    (state / "caches").write_text("in the way")
    with daemon, shown(daemon) as page:
        assert until(lambda: daemon.client.get("/v3/daemon")["sandbox"] == "none")
        diagnose(page, "Commands have no sandbox on this machine")
        expect_verdict(page, "Tools works, at a risk")
        expect_verdict(page, "caches")
        fix = verdict(page).get_by_role("button", name="Look for a sandbox again")
        is_above_the_fold(page, fix)
        shoot(page, "triage-missing-sandbox")
        assert violations(page) == []
        (state / "caches").unlink()
        fix.click()
        expect_verdict(page, WELL)
        assert until(lambda: daemon.client.get("/v3/daemon")["sandbox"] != "none")


def test_the_theme_and_the_size_of_the_text_are_what_a_person_chose_and_outlast_a_reload(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.keyboard.press("Alt+,")
    page.get_by_role("combobox", name="Theme").click()
    page.get_by_role("option", name="Light").click()
    page.get_by_role("combobox", name="Size of the text").click()
    page.get_by_role("option", name="125%").click()
    page.wait_for_function(f"{background} !== '{dark}'")
    assert violations(page) == []
    page.wait_for_function("localStorage.getItem('opta.choices')?.includes('125')")
    page.reload()
    page.wait_for_function(f"{background} !== '{dark}'")
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "17.5px"
