"""What the sandbox withheld is said in one sentence, and only where it did."""

import pytest

from opta_tools.sandbox.hints import control_hint, git_hints, network_hint

WITHOUT = [
    "curl: (6) Could not resolve host: example.com",
    "wget: unable to resolve host address 'example.com'",
    "wget: bad address 'example.com'",
    "fatal: unable to access 'https://example.com/x.git/': Could not resolve host: example.com",
    "socket.gaierror: [Errno -3] Temporary failure in name resolution",
    "ssh: Could not resolve hostname example.com: Name or service not known",
    "npm error code EAI_AGAIN\nnpm error request to https://example.com failed, reason: getaddrinfo EAI_AGAIN example.com",
    "Error: getaddrinfo ENOTFOUND example.com",
    'go: example.com/x@v1: Get "https://example.com/": dial tcp: lookup example.com: Temporary failure in name resolution',
    "dial tcp: lookup example.com on [::1]:53: read udp [::1]:1->[::1]:53: read: connection refused",
    "error: failed to lookup address information: Temporary failure in name resolution",
    "java.net.UnknownHostException: example.com",
    "Err:1 http://example.com stable InRelease\n  Temporary failure resolving 'example.com'",
    "connect: Network is unreachable",
    "net::ERR_NAME_NOT_RESOLVED at https://example.com/",
    "error: Failed to fetch: `https://example.com/`\n  Caused by: dns error: failed to lookup address information",
    "Failed to open TCP connection to example.com:443 (getaddrinfo: Temporary failure in name resolution)",
    "ping: example.com: No address associated with hostname",
]


@pytest.mark.parametrize("output", WITHOUT)
def test_a_command_without_a_network_says_so_and_how_to_get_one(output: str) -> None:
    said = network_hint("off", output, ok=False)
    assert "had no network" in said
    assert "opta config set sandbox.network" in said
    # Also where a later program of the line hid the failure, but not where a network was there.
    assert network_hint("off", f"{output}\ndone", ok=True) == said
    assert network_hint("on", output, ok=False) == ""


@pytest.mark.parametrize(
    "output",
    [
        "1 failed, 3 passed",
        "ls: cannot access 'x': No such file or directory",
        "AssertionError: assert 1 == 2",
        "command not found: network",
        "",
    ],
)
def test_another_failure_is_not_taken_for_a_missing_network(output: str) -> None:
    assert network_hint("off", output, ok=False) == ""


def test_text_that_a_command_printed_on_purpose_is_not_a_failure() -> None:
    printed = "src/a.py:1: raise OSError('Could not resolve host')\n" + "\n".join(f"line {number}" for number in range(10))
    assert network_hint("off", printed, ok=True) == ""


@pytest.mark.parametrize(
    "output",
    [
        "curl: (7) Failed to connect to 127.0.0.1 port 3000 after 0 ms: Couldn't connect to server",
        "Error: connect ECONNREFUSED 127.0.0.1:5432",
        'psql: error: connection to server at "localhost" (::1), port 5432 failed: Connection refused',
    ],
)
def test_a_port_of_the_machine_is_not_called_a_missing_network(output: str) -> None:
    assert "ports of this machine" in network_hint("off", output, ok=False)


def test_a_host_that_is_not_on_the_list_is_named() -> None:
    assert "example.com is not in it" in network_hint("list", "opta: example.com is not in sandbox.allow-hosts", ok=False)
    assert "sandbox.allow-hosts" in network_hint("list", "curl: (56) CONNECT tunnel failed, response 403", ok=False)


def test_git_without_a_name_says_how_to_commit() -> None:
    (said,) = git_hints("/", "Author identity unknown\n\n*** Please tell me who you are.")
    assert "git -c user.name=NAME -c user.email=ADDRESS commit" in said


def test_the_configuration_of_a_repository_says_what_a_person_can_do() -> None:
    said = control_hint(".git/config", "error: could not write config file .git/config: Device or resource busy")
    assert "A person can run this command in a terminal" in said
    assert "git -c KEY=VALUE" in said
    assert "only a person installs them" in control_hint(".git/hooks/pre-commit", "Read-only file system")
    assert "write_file can write it" in control_hint(".npmrc", "Read-only file system")
