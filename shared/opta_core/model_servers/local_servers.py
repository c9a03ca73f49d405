"""Finds the model servers that already run on this machine, at the ports that they use by default.

Loopback only, nothing but a question for the list of models, no key, and nothing is used: a person adds what they want.
"""

import asyncio
import shlex
from collections.abc import Collection, Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from ..net.http_client import HttpClient
from ..provider_settings import RESERVED, ProviderSettings
from .address import ServerAddress
from .catalogue import ServerProblem, ServerReport, look
from .server_model import ServerModel

LOOK_S = 1.0
# Ports at which model servers listen by default -> the program that is meant when a server there does not name itself, '' for none:
# LM Studio, LMX, vLLM, llama.cpp, Ollama, KoboldCpp and SGLang do.
PORTS = {
    1234: "",
    1337: "jan",
    4891: "gpt4all",
    5000: "text-generation-webui",
    5001: "",
    8000: "",
    8080: "mlx",
    8081: "mlx",
    8082: "",
    10240: "mlx",
    11434: "",
    30000: "",
}
LABELS = {
    "lmstudio": "LM Studio",
    "jan": "Jan",
    "gpt4all": "GPT4All",
    "text-generation-webui": "text-generation-webui",
    "koboldcpp": "KoboldCpp",
    "vllm": "vLLM",
    "llama.cpp": "llama.cpp",
    "mlx": "mlx_lm",
    "ollama": "Ollama",
    "sglang": "SGLang",
    "lmx": "LMX",
    "": "Model server",
}


class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answers on loopback. `name`: a free name for it as a provider; `configured`: the provider that it is already, or ''."""

    name: str
    label: str
    type: Literal["openai", "lmx"]
    base_url: str
    models: tuple[ServerModel, ...]
    configured: str = ""

    @property
    def model(self) -> ServerModel | None:
        """The model to begin with: one that is loaded, else the first one for conversations."""
        chat = [model for model in self.models if model.is_chat]
        return next((model for model in chat if model.state == "loaded"), chat[0] if chat else None)

    @property
    def offer(self) -> str:
        """One line for a person."""
        chat = sum(model.is_chat for model in self.models)
        has = f"with {self.model.id}" + (f" and {chat - 1} more" if chat > 1 else "") if self.model is not None else "without a model"
        return f"{self.label} runs at {self.base_url} {has}, and is not used"

    @property
    def command(self) -> str:
        """The command that adds it."""
        words = ["opta", "config", "add-provider", self.name, "--type", self.type, "--base-url", self.base_url]
        return shlex.join([*words, *(["--model", self.model.id] if self.model is not None else [])])


async def discover(
    providers: Mapping[str, ProviderSettings], *, without: Collection[int] = (), ports: Mapping[int, str] = PORTS
) -> list[Discovered]:
    """The servers that answer, in the order of their ports. `without`: ports of this daemon."""
    asked = [(port, kind) for port, kind in sorted(ports.items()) if port not in without]
    reports = await asyncio.gather(*(_look(port) for port, _ in asked))
    found: list[Discovered] = []
    for (port, usual), report in zip(asked, reports, strict=True):
        if report is None:
            continue
        kind = report.kind or usual
        taken = {RESERVED, *providers, *(server.name for server in found)}
        found.append(
            Discovered(
                name=_free_name(kind, port, taken),
                label=LABELS[kind],
                type="lmx" if kind == "lmx" else "openai",
                base_url=f"http://127.0.0.1:{port}/v1",
                models=report.models,
                configured=next((name for name, provider in providers.items() if _is_at(provider, port)), ""),
            )
        )
    return found


async def _look(port: int) -> ServerReport | None:
    """What a model server at a port says; None when there is none."""
    root = f"http://127.0.0.1:{port}"
    client = HttpClient(root)
    try:
        async with asyncio.timeout(3 * LOOK_S):
            address = ServerAddress(f"{root}/v1")
            listed = await look(client, address, "openai", LOOK_S, is_deep=False)
            # Other programs listen at these ports as well. One that lists something else than models is asked nothing more.
            is_candidate = bool(listed.kind) or listed.is_standard or not listed.models
            report = await look(client, address, "openai", LOOK_S) if is_candidate else listed
    except (ServerProblem, TimeoutError):
        return None
    finally:
        client.close()
    return report if report.kind or report.is_standard else None


def _free_name(kind: str, port: int, taken: set[str]) -> str:
    name = kind.replace(".", "").replace("text-generation-webui", "textgen") or "local"
    return next(free for free in (name, f"{name}-{port}", *(f"{name}-{port}-{n}" for n in range(2, 100))) if free not in taken)


def _is_at(provider: ProviderSettings, port: int) -> bool:
    """Whether a provider of the settings is the server at a port of this machine."""
    url = provider.base_url or f"http://{provider.host}"
    try:
        parts = urlsplit(url)
        at = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return False
    return at == port and parts.hostname in ("127.0.0.1", "localhost", "::1", "0.0.0.0")
