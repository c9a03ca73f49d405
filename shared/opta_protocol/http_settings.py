"""HTTP bodies (v3) of settings: values of config.toml, what a change changed, rules by layer, trusted folders, tests of providers, LMX hosts."""

from typing import Annotated, Literal

import msgspec

from .http import Name, Request, Response

# From when on a change holds: at once, with the next turn, after a restart of services, or in programs that start from then on.
Applies = Literal["now", "turn", "restart", "start"]
Word = Annotated[str, msgspec.Meta(max_length=4096, pattern="^[^\\x00]*$")]


class SetSetting(Request, frozen=True, kw_only=True, omit_defaults=True):
    """PUT /v3/config. `value` is written as `opta config set` takes it."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    value: Annotated[str, msgspec.Meta(max_length=20_000)]

    def __repr__(self) -> str:
        return f"SetSetting({self.key}, …)"


class SettingChange(Response, frozen=True, kw_only=True):
    """What a request changed: the file (or the keychain), the key in it, and the values before and after, '' for none; secrets are masked.

    `services`: those to restart, when it holds after a restart. `note`: what else has to be known, such as a variable that overrides it.
    """

    file: str
    key: str
    old: str = ""
    new: str = ""
    applies: Applies = "now"
    services: list[str] = msgspec.field(default_factory=list[str])
    note: str = ""
    ok: bool = True


class SettingInfo(Response, frozen=True, kw_only=True):
    """One setting as it holds now. `origin`: default, the file, a variable or a flag. Values that may be secret are masked."""

    key: str
    value: str
    origin: str
    applies: Applies
    services: list[str]


class SettingList(Response, frozen=True, kw_only=True):
    """GET /v3/config"""

    file: str
    settings: list[SettingInfo]


class RuleInfo(Response, frozen=True, kw_only=True):
    """One rule of a policy in words. `file` and `line`: where it is written, '' and 0 for a built-in one."""

    words: str
    effect: Literal["allow", "ask", "deny"]
    file: str = ""
    line: int = 0
    note: str = ""


class PolicyLayer(Response, frozen=True, kw_only=True):
    """One layer of rules, the strongest first. `files`: what is read for it; `isFound`: whether one of them is there.

    `isBroken`: a file of it cannot be used, which makes the rules stricter.
    """

    name: Literal["hard", "managed", "user", "project", "defaults"]
    rules: list[RuleInfo]
    files: list[str] = msgspec.field(default_factory=list[str])
    isFound: bool = False
    isBroken: bool = False


class FileProblem(Response, frozen=True, kw_only=True):
    """What is wrong in a file of rules. `fix`: what to do about it, '' when the message says it."""

    file: str
    line: int
    message: str
    fix: str = ""
    isWarning: bool = False


class PolicyLayers(Response, frozen=True, kw_only=True):
    """GET /v3/policy/layers. `trust`: of the folder."""

    folder: str
    trust: Literal["untrusted", "trusted", "changed"]
    layers: list[PolicyLayer]
    problems: list[FileProblem]


class TrustedFolder(Response, frozen=True, kw_only=True):
    """A folder that a person trusts. `state`: trusted; changed (its files differ, so nothing of it counts); replaced (another folder has its
    path now); missing. `files`: those that were trusted.
    """

    path: str
    state: Literal["trusted", "changed", "replaced", "missing"]
    since: str
    files: list[str]


class TrustedFolders(Response, frozen=True, kw_only=True):
    """GET /v3/trust/folders"""

    file: str
    folders: list[TrustedFolder]


class ProviderTestRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/providers/test. Without `model`: the provider's, else the first that its server lists."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    model: Name = ""


class ProviderTested(Response, frozen=True, kw_only=True):
    """What a test of a provider found: whether its server answers, and a real turn of a few words.

    `state`: ok, failed, late (no end within its time) or skipped; `reason` says why. `tool`: whether the model called the tool that it was
    asked to use.
    """

    name: str
    healthy: bool
    latencyMs: float = 0.0
    models: int = 0
    model: str = ""
    state: Literal["ok", "failed", "late", "skipped"] = "skipped"
    reason: str = ""
    answer: str = ""
    tool: str = ""
    firstTokenMs: float = 0.0
    elapsedMs: float = 0.0


class AddMcpServer(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/mcp/servers: a program with its arguments, or an address. `env` is written to config.toml and never sent back."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    command: Annotated[list[Word], msgspec.Meta(max_length=200)] = []
    url: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    env: Annotated[dict[str, Word], msgspec.Meta(max_length=100)] = {}
    network: bool = False
    replace: bool = False

    def __repr__(self) -> str:
        return f"AddMcpServer({self.name}, …)"


class LmxHostInfo(Response, frozen=True, kw_only=True):
    """A machine whose LMX is used. `role`: here (this machine), main (turns to lmx/MODEL go there) or provider (`provider` names it).

    `isPaired`: TLS with a pinned certificate and a key; without, plain HTTP.
    """

    host: str
    role: Literal["here", "main", "provider"]
    healthy: bool
    provider: str = ""
    isPaired: bool = False
    latencyMs: float = 0.0
    reason: str = ""
    models: list[str] = msgspec.field(default_factory=list[str])


class LmxHosts(Response, frozen=True, kw_only=True):
    """GET /v3/lmx/hosts, as measured just now."""

    file: str
    hosts: list[LmxHostInfo]


class FoundLmxHost(Response, frozen=True, kw_only=True):
    """A machine of the network that offers LMX. The offer proves nothing; pairing does."""

    name: str
    host: str
    fingerprint: str


class FoundLmxHosts(Response, frozen=True, kw_only=True):
    """GET /v3/lmx/hosts/find"""

    hosts: list[FoundLmxHost]


class PairLmxHost(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/lmx/hosts. `code`: the six digits that `opta lmx pair` shows there. With `provider`, it is added as a provider of that name."""

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    code: Annotated[str, msgspec.Meta(max_length=20)]
    provider: Annotated[str, msgspec.Meta(max_length=64)] = ""

    def __repr__(self) -> str:
        return f"PairLmxHost({self.host}, …)"
