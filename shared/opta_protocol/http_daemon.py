"""HTTP responses (v3) about the daemon itself: its health, processes, models, providers and metrics."""

from typing import Any, Literal

from .http import Response


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
    """One model that a turn can use."""

    id: str
    provider: str
    name: str
    healthy: bool
    contextLimit: int = 0
    capability: str = ""
    default: bool = False


class ModelList(Response, frozen=True, kw_only=True):
    """GET /v3/models"""

    models: list[ModelInfo]
    default: str


class ProviderInfo(Response, frozen=True, kw_only=True):
    """A configured provider of models."""

    name: str
    type: str
    baseUrl: str
    state: Literal["active", "standby", "configured"]
    healthy: bool
    latencyMs: float = 0
    reason: str = ""


class ProviderList(Response, frozen=True, kw_only=True):
    """GET /v3/providers"""

    providers: list[ProviderInfo]


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
