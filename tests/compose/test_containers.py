"""What each container may do, who reaches whom, and what the daemon says of its sandbox."""

import contextlib
import http.client
import json
import urllib.parse

import pytest
from support.compose import Stack

SERVICES = ("daemon", "desktop", "lmx")
# Who I am, what I may do, and whether I can write to the image.
LOOK = (
    "id -u; grep -h -e CapEff -e CapBnd -e NoNewPrivs /proc/self/status; touch /opt/opta/new /etc/new /usr/new 2>&1 | grep -c 'Read-only'"
)


@pytest.fixture(scope="module", autouse=True)
def page(stack: Stack) -> None:
    """The third container, beside those of the stack."""
    stack.start("desktop")


def test_no_container_runs_as_root_has_a_capability_or_writes_to_its_image(stack: Stack) -> None:
    for service in SERVICES:
        uid, *status, refused = stack.exec(service, "sh", "-c", LOOK).stdout.split("\n")[:5]
        assert int(uid) > 0, service
        assert dict(line.split(":\t") for line in status) == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}, service
        assert refused == "3", service


def test_only_loopback_of_the_host_reaches_daemon_and_page(stack: Stack) -> None:
    for service in SERVICES:
        shown = json.loads(stack.docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", stack.container(service)).stdout)
        assert {bound["HostIp"] for ports in shown.values() for bound in ports or ()} <= {"127.0.0.1"}
        assert bool(shown) == (service != "lmx")


def test_the_page_opens_with_a_code_and_leads_to_the_daemon(stack: Stack) -> None:
    url = urllib.parse.urlsplit(stack.opta("daemon", "open", "--no-open").stdout.strip())
    assert url.port == stack.ui_port
    origin = {"Origin": f"http://127.0.0.1:{stack.ui_port}", "Host": f"127.0.0.1:{stack.ui_port}"}
    code = urllib.parse.parse_qs(url.query)["launch"][0]
    status, page = ask(stack.ui_port, "GET", "/", {})
    assert status == 200
    assert "<title>Opta</title>" in page
    key = json.loads(ask(stack.ui_port, "POST", "/bridge/launch", origin, json.dumps({"code": code}))[1])["key"]
    assert ask(stack.ui_port, "POST", "/bridge/launch", origin, json.dumps({"code": code}))[0] == 401
    found = json.loads(ask(stack.ui_port, "POST", "/bridge/bootstrap_metadata", {**origin, "X-Opta-Key": key})[1])
    assert found["port"] == stack.port
    status, health = ask(stack.port, "GET", "/v3/health", {**origin, "Authorization": f"Bearer {found['token']}"})
    assert status == 200, health
    services = json.loads(ask(stack.ui_port, "POST", "/bridge/services", {**origin, "X-Opta-Key": key})[1])["services"]
    running = {each["name"]: each for each in services if each["state"] == "running"}
    assert set(running) == {"gateway", "sessions", "agent", "tools"}


def test_lmx_reaches_nobody_and_only_the_daemon_reaches_it(stack: Stack) -> None:
    # The published port of the daemon takes connections from the host's network alone.
    assert connects(stack, "lmx", stack.address("daemon", "models"), 19999) == "closed"
    for service, network, port in (("desktop", "page", 15173), ("daemon", "api", 19999)):
        assert connects(stack, "lmx", stack.address(service, network), port) == "unreachable"
    assert connects(stack, "desktop", stack.address("lmx", "models"), 1234) == "unreachable"
    assert connects(stack, "desktop", stack.address("daemon", "api"), 19999) == "unreachable"
    assert connects(stack, "daemon", stack.address("lmx", "models"), 1234) == "open"


def test_the_daemon_says_that_its_commands_are_partly_sandboxed(stack: Stack) -> None:
    assert stack.client.get("/v3/health")["sandbox"] == "landlock"
    shown = stack.opta("daemon", "doctor", check=False).stdout
    assert "✓ sandbox: commands run partly sandboxed (landlock): existing control files are not protected" in shown
    # Why it is not the full one.
    assert "unshare: Operation not permitted" in stack.opta("daemon", "daemon", "logs", "tools").stdout


def test_with_namespaces_and_a_whole_proc_the_sandbox_is_the_full_one(stack: Stack) -> None:
    options = [
        "--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp:mode=1777", "--tmpfs", "/var/lib/opta:mode=0700,uid=10001", "--init", "--network", "none",
        "--security-opt", "no-new-privileges", "--security-opt", "seccomp=ops/containers/seccomp.json", "--security-opt", "systempaths=unconfined",
    ]  # fmt: skip
    line = "opta up --detach --no-open --only gateway,sessions,agent,tools >/dev/null && opta doctor; opta down"
    shown = stack.docker("run", "--rm", *options, "--entrypoint", "sh", f"opta-daemon:{stack.environment['OPTA_TAG']}", "-c", line).stdout
    assert "✓ sandbox: commands run in their session's sandbox" in shown


def ask(port: int, method: str, path: str, headers: dict[str, str], body: str = "{}") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body if method == "POST" else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def connects(stack: Stack, source: str, address: str, port: int) -> str:
    """What a connection from one container to another one meets: `unreachable`, `closed` at once, or `open`."""
    line = f"""
import socket
try:
    connection = socket.create_connection(({address!r}, {port}), 3)
except OSError:
    raise SystemExit("unreachable")
connection.settimeout(1)
try:
    print("open" if connection.recv(1) else "closed")
except TimeoutError:
    print("open")
except ConnectionError:
    print("closed")
"""
    done = stack.exec(source, "/opt/opta/bin/python", "-I", "-c", line, check=False)
    return (done.stdout + done.stderr).strip()
