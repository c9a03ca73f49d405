"""HTTP responses (v3) about the daemon itself: its health, processes, models, providers and metrics."""

from typing import Any, Literal

import msgspec

from .http import Response
from .http_settings import SettingChange


class Contract(Response, frozen=True, kw_only=True):
    """The version of the API contract."""

    name: str
    version: int


class Health(Response, frozen=True, kw_only=True):
    """GET /v3/health. The last three fields are sent only with the token."""

    status: Literal["ok"]
    version: str
    daemonId: str
    uptime: float
    contract: Contract
    services: dict[str, Any] | None = None
    sandbox: str | None = None
    providers: list[dict[str, Any]] | None = None


class ServiceState(Response, frozen=True, kw_only=True):
    """One process of the daemon."""

    name: str
    state: str
    pid: int
    uptime: float
    restarts: int
    ready: bool
    memory: int
    reason: str = ""


class Daemon(Response, frozen=True, kw_only=True):
    """GET /v3/daemon"""

    services: list[ServiceState]
    pid: int
    port: int
    uiPort: int
    lmxPort: int
    daemonId: str
    version: str
    startedAt: str
    sandbox: str
    home: str


class ModelInfo(Response, frozen=True, kw_only=True):
    """One model that a turn can use. `tools`, `vision`, `thinking`: what its server says of it; null: nothing."""

    id: str
    provider: str
    name: str
    healthy: bool
    contextLimit: int = 0
    capability: str = ""
    default: bool = False
    state: str = ""
    tools: bool | None = None
    vision: bool | None = None
    thinking: bool | None = None


class ModelList(Response, frozen=True, kw_only=True):
    """GET /v3/models. `aliases`: other names of models."""

    models: list[ModelInfo]
    default: str
    aliases: dict[str, str] = msgspec.field(default_factory=dict[str, str])


class ProviderInfo(Response, frozen=True, kw_only=True):
    """A configured provider of models, as measured at most seconds ago.

    `program`: what serves its models, as far as it is known; `contextLimit`: of its model. `coolingUntil`: until when turns leave it
    alone because it failed, or ''. `fallback`: whether turns may go there when another provider does not answer.
    """

    name: str
    type: str
    baseUrl: str
    state: Literal["active", "standby", "configured"]
    healthy: bool
    latencyMs: float = 0
    reason: str = ""
    program: str = ""
    model: str = ""
    models: list[str] = msgspec.field(default_factory=list[str])
    contextLimit: int = 0
    coolingUntil: str = ""
    fallback: bool = False


class ProviderList(Response, frozen=True, kw_only=True):
    """GET /v3/providers"""

    providers: list[ProviderInfo]


class DiscoveredServer(Response, frozen=True, kw_only=True):
    """A model server on this machine. `name`: a free name for it; `configured`: the provider that it is already; `command`: adds it."""

    name: str
    label: str
    type: Literal["openai", "lmx"]
    baseUrl: str
    models: list[str]
    model: str = ""
    contextLimit: int = 0
    configured: str = ""
    command: str = ""


class DiscoveredServers(Response, frozen=True, kw_only=True):
    """GET /v3/providers/discover"""

    servers: list[DiscoveredServer]


class ProviderAdded(Response, frozen=True, kw_only=True):
    """POST /v3/providers. `problem`: why its server does not answer now; `change`: what was written."""

    name: str
    baseUrl: str
    models: list[str]
    problem: str = ""
    change: SettingChange | None = None


class Metrics(Response, frozen=True, kw_only=True):
    """GET /v3/metrics"""

    sessions: int
    turnsRunning: int
    turnsQueued: int
    tokensPerSec: float
    tools: dict[str, int]
    lmx: dict[str, Any]
    memory: dict[str, int]
    streams: int
