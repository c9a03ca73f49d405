"""Settings of LMX: its address, and the models that it serves."""

import ipaddress
import re

import msgspec

from .errors import Refused

LMX_DEFAULT_PORT = 1234


class LmxSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The address of LMX, and the models that it serves."""

    # Empty: start LMX on this machine, on loopback.
    host: str = ""
    port: int = LMX_DEFAULT_PORT
    model: str = "probe"
    # Any address except loopback requires TLS, and a key with every request.
    bind: str = "127.0.0.1"
    # Host names that other machines may use, besides the bound address.
    hosts: list[str] = []
    # Web pages that may ask for answers, by their origin: "http://localhost:3000". None by default: any site could use the models.
    origins: list[str] = []
    # Advertise this LMX on the local network with mDNS; other machines still have to pair.
    offer: bool = False
    # Aliases of models: "gpt-4o=qwen3-4b".
    aliases: list[str] = []
    # Draft models for speculative decoding: "qwen3-32b=qwen3-0.6b".
    drafts: list[str] = []
    # Propose tokens that are copied from the prompt and the answer so far; off for a while where too few are accepted.
    prompt_lookup: bool = True
    # Models that stay loaded; other models are unloaded after `idle_s` without a request (0: never).
    pinned: list[str] = []
    idle_s: float = 1800.0
    # 0: three quarters of the machine's memory.
    memory_limit_mb: int = 0
    # Size of the prefix store on disk, and of what is written to it in a day; 0: off.
    prefix_disk_gb: float = 4.0
    # Time for running requests to end when LMX is stopped.
    drain_s: float = 3.0
    # A host file of mlx.launch: the default model is distributed over these machines.
    ring: str = ""
    # Further folders with models: model folders, a Hugging Face cache, or an Ollama store. They are only read.
    model_folders: list[str] = []
    # Whether to offer the models that other programs have on this machine (Hugging Face cache, LM Studio, Ollama).
    other_models: bool = True
    # Address of a model hub; empty: the default of the hub's library.
    hub: str = ""


_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.%\w]+\])(?::\d{1,5})?")


def check_lmx(lmx: LmxSettings) -> None:
    """Raises Refused for a value out of its range."""
    try:
        ipaddress.ip_address(lmx.bind)
    except ValueError:
        raise Refused(f"lmx.bind is {lmx.bind!r}; it must be an address of this machine, such as 127.0.0.1 or 0.0.0.0.") from None
    if lmx.host and not _HOST.fullmatch(lmx.host):
        raise Refused(
            f"lmx.host is {lmx.host!r}; it must be the name or the address of a machine, such as studio.local or studio.local:1234."
        )
    for key, pairs in (("lmx.aliases", lmx.aliases), ("lmx.drafts", lmx.drafts)):
        if bad := next((pair for pair in pairs if not re.fullmatch(r"[^=]+=[^=]+", pair)), None):
            raise Refused(f"{key} has {bad!r}; each entry must be two names of models, as in one=other.")
    for origin in lmx.origins:
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._\-\[\]:]+", origin):
            raise Refused(f"lmx.origins has {origin!r}; each entry must be one origin, such as http://localhost:3000 (no path, no *).")
    numbers = {"memory-limit-mb": lmx.memory_limit_mb, "idle-s": lmx.idle_s, "prefix-disk-gb": lmx.prefix_disk_gb, "drain-s": lmx.drain_s}
    if bad := next((key for key, number in numbers.items() if not 0 <= number < 1e9), None):
        raise Refused(f"lmx.{bad} is {numbers[bad]}; it must be 0 or more.")
