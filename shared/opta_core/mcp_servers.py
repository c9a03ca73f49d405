"""The configured MCP servers: the user's own, Peekaboo, and those in `.mcp.json` of a trusted folder after a person approved them.

An approval names the folder, the server and the sha256 of its definition. A changed definition needs a new approval.
"""

import hashlib
import os
import re
import sys
from typing import Any, Literal

import msgspec

from opta_protocol.tools.browser import BROWSER_SERVER

from .errors import Refused
from .paths import Paths
from .policy import trust
from .records import RecordFile
from .settings import McpServerSettings, Settings
from .worktree_records import repository_folder, worktree_records

FILE_BYTES_MAX = 256 * 1024
SERVERS_MAX = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}\Z")


class McpServerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One server: a program (`command`, `args`, `env`) or an address (`url`). `network`: whether its sandbox has network access."""

    name: str
    origin: Literal["user", "project", "builtin"]
    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: str = ""
    network: bool = False

    @property
    def digest(self) -> str:
        """sha256 of the definition."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @property
    def says(self) -> str:
        """What starting the server does, for people."""
        if self.url:
            return f"reach {self.url}"
        # Show the values of a repository: they are not the user's secrets, and they may be the attack.
        env = " ".join(f"{name}={value}" for name, value in self.env.items()) if self.origin == "project" else " ".join(self.env)
        return "run " + " ".join([self.command, *self.args]) + (f" with {env} in its environment" if env else "")


class McpServerOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A server and its state: `approved`, or `asks` when a person has to approve it first."""

    spec: McpServerSpec
    state: Literal["approved", "asks"]


def are_any(settings: Settings, paths: Paths) -> bool:
    """Whether any server may be configured; costs a few stats. `.mcp.json` counts only in a trusted folder."""
    return bool(settings.mcp.servers or settings.mcp.peekaboo or trust.file_of(paths).exists())


def offered(settings: Settings, paths: Paths, cwd: str) -> tuple[list[McpServerOffer], list[str]]:
    """(all servers for a folder, problems in their definitions)."""
    found = [McpServerOffer(spec=_of_user(name, server), state="approved") for name, server in settings.mcp.servers.items()]
    if settings.mcp.peekaboo:
        spec = McpServerSpec(name=BROWSER_SERVER, origin="builtin", command=sys.executable, args=("-I", "-m", "opta_browser"), network=True)
        found.append(McpServerOffer(spec=spec, state="approved"))
    specs, problems = of_project(paths, cwd)
    real, known = os.path.realpath(cwd), read_approvals(paths)
    # A worktree has what was approved for its repository.
    approvals = {**known.get(repository_folder(worktree_records(paths).read(), real), {}), **known.get(real, {})}
    taken = {offer.spec.name for offer in found}
    for spec in specs:
        if spec.name in taken:
            problems.append(f".mcp.json: your own configuration already has a server {spec.name!r}")
        else:
            found.append(McpServerOffer(spec=spec, state="approved" if approvals.get(spec.name) == spec.digest else "asks"))
    return found, problems


def of_project(paths: Paths, cwd: str) -> tuple[list[McpServerSpec], list[str]]:
    """(servers, problems) of a folder's `.mcp.json`. The file is read only when the folder is trusted."""
    record = trust.record_for(paths, os.path.realpath(cwd))
    if record is None:
        return [], []
    snapshot = trust.take(cwd)
    content = snapshot.contents.get(".mcp.json")
    if content is None or trust.state_of(record, snapshot) != "trusted":
        return [], []
    try:
        servers = msgspec.json.decode(content[:FILE_BYTES_MAX], type=_File).mcpServers
    except msgspec.DecodeError as error:
        return [], [f".mcp.json cannot be read: {error}"]
    specs: list[McpServerSpec] = []
    problems: list[str] = []
    for name, server in list(servers.items())[:SERVERS_MAX]:
        if not is_name(name):
            problems.append(f".mcp.json: {name[:40]!r} is not a valid server name")
        elif bool(server.command) == bool(server.url):
            problems.append(f".mcp.json: {name} needs a command or a url")
        else:
            specs.append(
                McpServerSpec(name=name, origin="project", command=server.command, args=tuple(server.args), env=server.env, url=server.url)
            )
    return specs, problems


def is_name(name: str) -> bool:
    """Whether a server may have this name. It becomes a part of its tools' names."""
    return _NAME.match(name) is not None and "__" not in name and name != BROWSER_SERVER


def read_approvals(paths: Paths) -> dict[str, dict[str, str]]:
    """Folder -> server -> digest of the approved definition. A damaged file approves nothing."""
    return _approvals(paths).read()


def approve(paths: Paths, cwd: str, name: str, digest: str) -> None:
    """Approve a folder's server with the definition that was shown. Raises Refused when the definition has changed."""
    specs, _ = of_project(paths, cwd)
    spec = next((spec for spec in specs if spec.name == name), None)
    if spec is None:
        raise Refused(f"{cwd} offers no MCP server {name!r}, or is not trusted (opta policy trust).")
    if spec.digest != digest:
        raise Refused(f"The MCP server {name!r} has changed since it was shown: it would now {spec.says}. Review it again.")
    folder = os.path.realpath(cwd)
    _approvals(paths).update(lambda approvals: {**approvals, folder: {**approvals.get(folder, {}), name: digest}})


def _of_user(name: str, server: McpServerSettings) -> McpServerSpec:
    return McpServerSpec(
        name=name,
        origin="user",
        command=server.command,
        args=tuple(server.args),
        env=server.env,
        url=server.url,
        network=server.network,
    )


class _Server(msgspec.Struct, kw_only=True):
    command: str = ""
    args: list[str] = []
    env: dict[str, str] = {}
    url: str = ""
    type: str = ""


class _File(msgspec.Struct, kw_only=True):
    mcpServers: dict[str, _Server] = {}


def _approvals(paths: Paths) -> RecordFile[dict[str, dict[str, str]]]:
    return RecordFile(paths.daemon / "mcp_approvals.json", _APPROVALS, dict[str, dict[str, str]])


_APPROVALS = msgspec.json.Decoder(dict[str, dict[str, str]])


def described(offer: McpServerOffer) -> dict[str, Any]:
    """An offer as the API returns it, without the values of its environment. `command`: the program and its arguments, word by word."""
    spec = offer.spec
    return {
        "name": spec.name,
        "command": [spec.command, *spec.args] if spec.command else [],
        "url": spec.url,
        "origin": spec.origin,
        "says": spec.says,
        "state": offer.state,
        "sha256": spec.digest,
        "network": spec.network,
        "env": sorted(spec.env),
    }
