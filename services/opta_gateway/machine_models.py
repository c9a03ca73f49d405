"""Models that lie on this machine, models that would fit its memory, and models of the hub: asked of LMX's programs, which read no weights."""

import asyncio
import os
from typing import TypeVar

import msgspec

from opta_core.errors import Unavailable
from opta_core.inheritance import inherited, python
from opta_core.settings import LoadedSettings
from opta_protocol.lmx import LmxHubSearch, LmxOverview

LOOK_S = 60.0
# The context that the memory is computed with: what the instructions, the tools and the files of an agent's task take.
USEFUL_TOKENS = 32_768
T = TypeVar("T")


async def machine_models(loaded: LoadedSettings) -> LmxOverview:
    """Every model on this machine, with what fits. Raises Unavailable: the program failed."""
    return await _answer(loaded, "opta_lmx.models.found", ["--overview", str(USEFUL_TOKENS)], "Looking for models", LmxOverview)


async def hub_models(loaded: LoadedSettings, words: str) -> LmxHubSearch:
    """The MLX models of the settings' hub for some words; `problem` says why the hub gave none. Raises Unavailable: the program failed."""
    hub = loaded.settings.lmx.hub
    options = [*(["--endpoint", hub] if hub else []), "--", words]
    return await _answer(loaded, "opta_lmx.models.download.hub_search", options, "Searching the hub", LmxHubSearch)


async def _answer(loaded: LoadedSettings, module: str, options: list[str], doing: str, kind: type[T]) -> T:
    program = await asyncio.create_subprocess_exec(
        *python(module, options),
        env={**inherited(os.environ), "OPTA_HOME": str(loaded.paths.home)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LOOK_S):
            output, errors = await program.communicate()
    except TimeoutError:
        raise Unavailable(f"{doing} took longer than {LOOK_S:g} s.") from None
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    try:
        if not program.returncode:
            return msgspec.json.decode(output, type=kind)
    except msgspec.DecodeError as error:
        raise Unavailable(f"{doing}: the answer cannot be read ({error}).") from error
    lines = errors.decode(errors="replace").strip().splitlines()
    raise Unavailable(f"{doing} failed: {lines[-1][:300] if lines else 'the program gave no reason'}.")
