"""What the native window decides, without a window: links, addresses, placement, names of downloads, titles and proofs."""

import json
import socket
import stat
import threading
from pathlib import Path

import pytest

from opta_core.errors import Refused, Unavailable
from opta_core.launch_codes import take_launch_code
from opta_core.paths import Paths
from opta_core.process import state
from opta_core.secrets.vault import Vault
from opta_core.session_link import link_of, session_of
from opta_core.window_instance import Show, WindowInstance, hand_over
from opta_core.window_secret import CodeAnswer, CodeRequests, answer_to, is_answer, known_secret, new_request, window_secret
from opta_desktop.window import page_address, placement
from opta_desktop.window.destinations import destination
from opta_desktop.window.page_title import waiting_of, window_title
from opta_desktop.window.placement import Area, Placement, fitted
from opta_desktop.window.saved_file import free_name
from opta_desktop.window_codes import WindowCodes

ORIGIN = "http://127.0.0.1:5173"
SCREEN = Area(0, 0, 1920, 1080)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    # Without a keychain: the one of this machine is not the tests'.
    for name in ("DBUS_SESSION_BUS_ADDRESS", "PYTHON_KEYRING_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    made = Paths(tmp_path / "home")
    made.make()
    return made


# links ------------------------------------------------------------------------------------------------


def test_a_link_names_one_session_and_survives_the_round_trip():
    assert session_of(link_of("abc234")) == "abc234"


@pytest.mark.parametrize(
    "link",
    [
        "",
        "abc234",
        "opta://session/",
        "opta://session/abc234/",
        "opta://session/abc234?x=1",
        "opta://session/abc234#/new",
        "opta://session/abc234\n",
        "opta://session/../abc",
        "opta://session/%61bc234",
        "opta://session/ABC234",
        "opta://user@session/abc234",
        "opta://other/abc234",
        "OPTA://session/abc234",
        "http://session/abc234",
        "opta://session/" + "a" * 10_000,
    ],
)
def test_anything_else_is_refused_with_the_form_of_a_link(link: str):
    with pytest.raises(Refused, match="A link is opta://session/ID") as caught:
        session_of(link)
    assert len(caught.value.message) < 400


# one window for each home ---------------------------------------------------------------------------------


def test_a_later_window_passes_its_link_to_the_first(paths: Paths):
    first = WindowInstance(paths)
    assert first.claim()
    assert not WindowInstance(paths).claim()
    first.listen()
    assert stat.S_IMODE(first.file.stat().st_mode) == 0o600
    assert first.listener is not None
    first.listener.setblocking(True)
    taken: list[Show | None] = []
    serving = threading.Thread(target=lambda: taken.append(first.take()))
    serving.start()
    assert hand_over(paths, Show(sid="abc234"))
    serving.join(5)
    assert taken == [Show(sid="abc234")]
    first.close()
    assert not first.file.exists()


def test_a_socket_of_a_killed_window_is_replaced(paths: Paths):
    killed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    killed.bind(str(paths.run / "window.sock"))
    killed.close()
    assert not hand_over(paths, Show())
    window = WindowInstance(paths)
    assert window.claim()
    window.listen()
    window.close()


def test_a_window_that_does_not_answer_is_named_instead_of_opening_a_second_one(paths: Paths, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("opta_core.window_instance.LISTENS_S", 0.1)
    suspended = WindowInstance(paths)
    assert suspended.claim()
    with pytest.raises(Unavailable, match="does not answer"):
        hand_over(paths, Show())
    suspended.close()


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"sid": 3}\n', b'{"open": "x"}\n', b"x" * 10_000])
def test_what_is_no_request_is_not_taken(paths: Paths, content: bytes):
    window = WindowInstance(paths)
    assert window.claim()
    window.listen()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(window.file))
        client.sendall(content)
        client.shutdown(socket.SHUT_WR)
        assert window.take() is None
    window.close()


# what is shown inside -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "is_click", "where"),
    [
        (f"{ORIGIN}/#/s/abc234", False, "page"),
        (f"{ORIGIN}/?launch=x", False, "page"),
        ("https://example.org/docs?a=1", True, "browser"),
        ("mailto:someone@example.org", True, "browser"),
        # A script of the page leads nowhere.
        ("https://example.org/", False, "refused"),
        # Another origin, although it looks like the page's.
        ("http://127.0.0.1:51730/", False, "refused"),
        (f"{ORIGIN}@example.org/", True, "refused"),
        ("http://localhost:5173/", False, "refused"),
        ("https://127.0.0.1:5173/", False, "refused"),
        ("file:///etc/passwd", True, "refused"),
        ("javascript:alert(1)", True, "refused"),
        ("data:text/html,hello", True, "refused"),
        ("blob:http://127.0.0.1:5173/x", True, "refused"),
        ("opta://session/abc234", True, "refused"),
        ("http://", True, "refused"),
        ("http://[::1", True, "refused"),
        ("http://example.org:99999/", True, "refused"),
        ("https://example.org/\n", True, "refused"),
        ("https://example.org/" + "a" * 10_000, True, "refused"),
    ],
)
def test_only_the_page_is_shown_and_only_clicks_reach_the_browser(address: str, is_click: bool, where: str):
    assert destination(address, ORIGIN, is_click=is_click) == where


def test_nothing_is_shown_before_the_page_is_known():
    assert destination("http://127.0.0.1:5173/", "", is_click=False) == "refused"


# placement --------------------------------------------------------------------------------------------------


def test_a_window_opens_where_it_was():
    assert fitted(Placement(x=60, y=40, width=900, height=640), [SCREEN]) == Area(60, 40, 900, 640)


def test_a_window_of_a_second_screen_stays_there_and_comes_back_when_the_screen_is_gone():
    kept, second = Placement(x=2000, y=100, width=900, height=640), Area(1920, 0, 1280, 1024)
    assert fitted(kept, [SCREEN, second]) == Area(2000, 100, 900, 640)
    assert fitted(kept, [SCREEN]) == Area(510, 220, 900, 640)


def test_a_window_larger_than_its_screen_is_made_to_fit():
    assert fitted(Placement(x=0, y=0, width=5000, height=4000), [SCREEN]) == Area(0, 0, 1920, 1080)


@pytest.mark.parametrize(
    "kept",
    [
        Placement(),
        Placement(x=-10_000, y=5, width=900, height=640),
        Placement(x=5, y=-200, width=900, height=640),
        Placement(x=1900, y=5, width=900, height=640),
        Placement(x=5, y=1075, width=900, height=640),
        Placement(x=10**12, y=-(10**12), width=10**12, height=-5),
        Placement(x=0, y=0, width=-1, height=-1),
    ],
)
def test_a_window_can_always_be_seen_and_moved(kept: Placement):
    for screens in ([SCREEN], [Area(0, 25, 1280, 700), Area(-1920, 0, 1920, 1080)], [Area(0, 0, 320, 240)], []):
        area = fitted(kept, screens)
        main = screens[0] if screens else Area(0, 0, 1280, 860)
        on = [s for s in screens or [main] if s.x - area.width < area.x < s.x + s.width and s.y <= area.y < s.y + s.height]
        assert on, (kept, area)
        assert 0 < area.width <= 5000 and 0 < area.height <= 5000


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": "left"}', '{"width": 1e99}', "\x00\xff"])
def test_a_damaged_placement_counts_as_none(paths: Paths, content: str):
    record = placement.record(paths)
    record.file.write_text(content)
    assert record.read() == Placement()
    record.write(Placement(x=1, y=2))
    assert placement.record(paths).read() == Placement(x=1, y=2)
    assert stat.S_IMODE(record.file.stat().st_mode) == 0o600


# downloads and titles ---------------------------------------------------------------------------------------


def test_a_download_never_replaces_a_file(tmp_path: Path):
    assert free_name(tmp_path, "opta-abc234.md") == "opta-abc234.md"
    (tmp_path / "opta-abc234.md").touch()
    (tmp_path / "opta-abc234 (1).md").symlink_to("/nowhere")
    assert free_name(tmp_path, "opta-abc234.md") == "opta-abc234 (2).md"


@pytest.mark.parametrize("wanted", ["../../.bashrc", "/etc/passwd", ".", "..", "", "a/b\\c", "x\ny", "é" * 400, "con:aux"])
def test_the_name_of_a_download_stays_in_its_folder(tmp_path: Path, wanted: str):
    name = free_name(tmp_path, wanted)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert 0 < len(name) <= 120
    (tmp_path / name).touch()


def test_the_title_of_the_window_begins_with_the_number_of_waiting_sessions():
    assert (waiting_of("◆ 2 need you · Fix it · Opta"), window_title("◆ 2 need you · Fix it · Opta")) == (2, "(2) Fix it · Opta")
    assert (waiting_of("◆ 1 needs you · Opta"), window_title("◆ 1 needs you · Opta")) == (1, "(1) Opta")
    assert (waiting_of("◆ 12 brauchen Sie · Opta"), window_title("◆ 12 brauchen Sie · Opta")) == (12, "(12) Opta")
    assert (waiting_of("Talk of ◆ 2 need you · Opta"), window_title("Fix it · Opta"), window_title("")) == (0, "Fix it · Opta", "Opta")


# proofs ---------------------------------------------------------------------------------------------------


def test_a_window_gets_a_code_that_opens_the_page_once(paths: Paths):
    vault = Vault(paths)
    secret = window_secret(paths, vault)
    request = new_request(secret, 5173)
    codes = WindowCodes(paths, vault, 5173)
    answer = CodeAnswer(**codes.give(json.dumps({"nonce": request.nonce, "until": request.until, "proof": request.proof}).encode()))
    assert is_answer(answer, request, secret)
    assert take_launch_code(paths, answer.code)
    assert not take_launch_code(paths, answer.code)


def test_the_secret_is_kept_for_its_user_alone_and_for_the_next_window(paths: Paths):
    made = window_secret(paths, Vault(paths))
    file = paths.daemon / "window.secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert window_secret(paths, Vault(paths)).reveal() == made.reveal()


def test_the_keychain_keeps_the_secret_where_there_is_one(paths: Paths):
    vault = Vault(paths, backend=_Keychain())  # pyright: ignore[reportArgumentType]
    made = window_secret(paths, vault)
    assert not (paths.daemon / "window.secret").exists()
    kept = known_secret(paths, vault)
    assert kept is not None and kept.reveal() == made.reveal()
    assert [account.name for account in vault.accounts()] == ["desktop-window"]


def test_a_request_is_good_once_for_one_port_and_for_half_a_minute(paths: Paths, monkeypatch: pytest.MonkeyPatch):
    secret = window_secret(paths, Vault(paths))
    accepted = CodeRequests(5173)
    request = new_request(secret, 5173)
    assert accepted.accepts(request, secret)
    assert not accepted.accepts(request, secret)
    assert not accepted.accepts(new_request(secret, 5174), secret)
    late = new_request(secret, 5173)
    monkeypatch.setattr("opta_core.clock._wall", lambda: late.until + 1.0)
    assert not accepted.accepts(late, secret)


def test_without_the_secret_no_code_is_given(paths: Paths):
    vault = Vault(paths)
    codes = WindowCodes(paths, vault, 5173)
    body = b'{"nonce": "x", "until": 4000000000, "proof": "y"}'
    with pytest.raises(Refused, match="does not prove"):
        codes.give(body)
    window_secret(paths, vault)
    with pytest.raises(Refused, match="does not prove"):
        codes.give(body)
    with pytest.raises(Refused, match="Send nonce, until and proof"):
        codes.give(b"[]")


def test_a_program_that_took_the_port_is_not_shown(paths: Paths):
    """It has no secret, so its answer proves nothing; and what it was sent is of no use at the real port."""
    vault = Vault(paths)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        state.update(paths, uiPort=port)
        thread = threading.Thread(target=_answer, args=(server,))
        thread.start()
        with pytest.raises(Unavailable, match="held by another program"):
            page_address.find(paths, vault)
        thread.join(5)


def test_a_window_that_finds_no_server_says_so(paths: Paths):
    with pytest.raises(Unavailable, match="has not started yet"):
        page_address.find(paths, Vault(paths))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    state.update(paths, uiPort=port)
    with pytest.raises(Unavailable, match="does not answer"):
        page_address.find(paths, Vault(paths))


def test_the_answer_names_its_request_and_its_code(paths: Paths):
    secret = window_secret(paths, Vault(paths))
    request = new_request(secret, 5173)
    answer = answer_to(request, secret, "code-one")
    assert is_answer(answer, request, secret)
    assert not is_answer(CodeAnswer(code="code-two", proof=answer.proof), request, secret)
    assert not is_answer(answer, new_request(secret, 5173), secret)


def _answer(server: socket.socket) -> None:
    client, _ = server.accept()
    with client:
        client.recv(65_536)
        body = b'{"code": "abc", "proof": "def"}'
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


class _Keychain:
    """A keychain in memory."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, name: str, value: str) -> None:
        self._kept[service, name] = value

    def get_password(self, service: str, name: str) -> str | None:
        return self._kept.get((service, name))
