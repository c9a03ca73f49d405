"""Reads the output of a command that failed for what the sandbox withheld, and says in one sentence what would let it work."""

import os
import re

from .launch import Network

# What programs print when they cannot create a Unix socket: Python, Node, Chromium, Java, Go, libuv.
_UNIX_SOCKET = re.compile(
    r"AF_UNIX|forkserver|unix (domain )?socket|listen unix|dial unix|EPERM.*\.sock|\.sock.*(EPERM|not permitted)|socket\(\): Operation not permitted",
    re.IGNORECASE,
)
_NO_REPOSITORY = re.compile(r"not a git repository", re.IGNORECASE)
_NO_IDENTITY = re.compile(
    r"Author identity unknown|Committer identity unknown|Please tell me who you are|empty ident name|unable to auto-detect email"
)
# What resolvers and sockets say without a network: libc, curl, wget, git, Python, Node, Go, Rust, Java, Ruby, apt, musl, macOS.
_NO_NETWORK = re.compile(
    r"Could not resolve (host|proxy|')|Temporary failure (in name resolution|resolving)|Name or service not known|nodename nor servname"
    r"|No address associated with hostname|EAI_AGAIN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|Network is unreachable|No route to host|no such host"
    r"|unable to resolve host|failed to lookup address|failed to resolve address|Failed to resolve|UnknownHostException|UnresolvedAddressException"
    r"|Name does not resolve|bad address '|getaddrinfo failed|dial (tcp|udp)[: ].*(lookup|unreachable|refused)|dns error|DNS resolution fail"
    r"|Could not reach|ERR_NAME_NOT_RESOLVED|ERR_INTERNET_DISCONNECTED|server misbehaving|transport error.*dns|Errno -[235]\b",
    re.IGNORECASE,
)
# What the proxy of the allow-list answers, and how programs report it.
_REFUSED_HOST = re.compile(r"opta: (\S{1,80}) is not in sandbox\.allow-hosts")
_PROXY_REFUSES = re.compile(
    r"(response|code|status|error)\D{0,12}403\D.*(CONNECT|proxy)|(CONNECT|tunnel|proxy)[^\n]{0,80}\b403\b|Tunnel connection failed|ProxyError",
    re.IGNORECASE,
)
_LOCAL_REFUSED = re.compile(
    r"(127\.0\.0\.1|localhost|\[?::1\]?)[^\n]{0,80}(refused|Could ?n.t connect|Failed to connect)|(refused|Failed to connect)[^\n]{0,60}(127\.0\.0\.1|localhost|::1)|ECONNREFUSED",
    re.IGNORECASE,
)
# Commands that write the configuration of a repository, and what a person runs instead.
_GIT_CONFIG = re.compile(r"could not (write|lock) config file|could not set '|Unable to (create|write).*config|\.git/config", re.IGNORECASE)


def network_hint(network: Network, output: str, *, ok: bool) -> str:
    """Why a command could not reach the network, and how a person allows it; '' when the output does not say so.

    `ok`: whether the command ended with code 0: the last program of a line may hide the failure of an earlier one.
    """
    # Of a command that ended well, only the end is read, because it may have printed any text on purpose.
    said = "\n".join(output.splitlines()[-4:]) if ok else output
    if network == "off":
        if _NO_NETWORK.search(said):
            return (
                "this command had no network: commands run without one. A person can allow it for a command when it asks, or for all: "
                "opta config set sandbox.network list (with the hosts in sandbox.allow-hosts), or on"
            )
        if not ok and _LOCAL_REFUSED.search(said):
            return (
                "commands do not reach the ports of this machine, only servers that commands of this session have started. If such a server "
                "is meant, start it first with background"
            )
    elif network == "list" and not ok:
        if found := _REFUSED_HOST.search(said):
            return f"the network of commands is a list of hosts, and {found[1]} is not in it. A person can add it: opta config set sandbox.allow-hosts"
        if _PROXY_REFUSES.search(said) or _NO_NETWORK.search(said):
            return (
                "commands reach only the hosts in sandbox.allow-hosts, through a proxy, and this host or program is not covered. A person can "
                "add the host: opta config set sandbox.allow-hosts"
            )
    return ""


def git_hints(workspace: str, output: str) -> list[str]:
    """Why git did not work in this workspace, judged by the output of a command that failed."""
    hints: list[str] = []
    if _NO_REPOSITORY.search(output) and (top := _repository_above(workspace)):
        hints.append(
            f"this session's folder is a part of the repository {top}, whose other files are hidden from commands, so git does not work "
            f"here. It works in a session that is started in {top}"
        )
    if _NO_IDENTITY.search(output):
        hints.append(
            "git has no name and e-mail address to commit with, because the person has set none. Ask the person for them, or commit with: "
            "git -c user.name=NAME -c user.email=ADDRESS commit …. To set them for good, a person runs git config --global in a terminal"
        )
    return hints


def control_hint(control: str, output: str) -> str:
    """What a person can do about a control file that a command could not change. `control`: its path."""
    said = f"{control[:200]} is a control file, which commands cannot change; it is unchanged. "
    if control.endswith("/config") and ".git" in control.split("/") and _GIT_CONFIG.search(output):
        return (
            f"{said}It can make git run programs, so git config, git remote, git branch -u, git push -u and git submodule add do not change it. "
            "A person can run this command in a terminal. Without it: git -c KEY=VALUE … for one command, git push ADDRESS BRANCH without a remote"
        )
    if "hooks" in control.split("/"):
        return f"{said}Hooks run programs outside the sandbox, so only a person installs them, in a terminal"
    return f"{said}A person can check it out with git, and write_file can write it after asking a person"


def needs_unix_sockets(output: str) -> bool:
    """Whether a command seems to have failed because it may not use Unix sockets."""
    return _UNIX_SOCKET.search(output) is not None


def is_denied_read(home: str, output: str) -> bool:
    """Whether a command seems to have looked for a hidden file of the home, judged by its output and not by what exists."""
    return re.search(rf"{re.escape(home)}/(?!\.cache/)\S.*(No such file|not found|Permission denied|ENOENT)", output) is not None


def _repository_above(workspace: str) -> str:
    """The top folder of the repository that a workspace is a part of; '' for none, or when the workspace is the top folder."""
    folder = workspace
    while not os.path.exists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return ""
        folder = os.path.dirname(folder)
    return "" if folder == workspace else folder
