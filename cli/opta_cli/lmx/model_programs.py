"""Programs of LMX that work on model files: children of this command, so that no server has to run."""

import os
import subprocess
import sys
import tempfile
from typing import TypeVar

import msgspec

from opta_core.errors import OptaError, Unavailable
from opta_core.inheritance import inherited, python
from opta_core.settings import LoadedSettings
from opta_protocol.error_info import ErrorCode
from opta_protocol.lmx import LmxAdvice, LmxCatalog, LmxHubSearch, LmxWork, LmxWorkDone, LmxWorkFailed, LmxWorkProgress

CATALOG_S, HUB_S = 120.0, 60.0
T = TypeVar("T")
_BAR_WIDTH = 30
_work = msgspec.json.Decoder(LmxWork)


def catalog_here(loaded: LoadedSettings) -> LmxCatalog:
    """Every model on this machine. Raises Unavailable: the program failed."""
    return _answer(loaded, "opta_lmx.models.found", [], LmxCatalog)


def advice(loaded: LoadedSettings, tokens: int, limit: int) -> LmxAdvice:
    """What fits with a context of `tokens`. `limit`: bytes of an LMX on another machine, or 0. Raises Unavailable."""
    return _answer(loaded, "opta_lmx.models.found", ["--advise", str(tokens), "--limit", str(limit)], LmxAdvice)


def hub_search(loaded: LoadedSettings, words: str) -> LmxHubSearch:
    """The MLX models of the settings' hub for some words. Never raises: `problem` says why there are none."""
    hub = loaded.settings.lmx.hub
    try:
        return _answer(
            loaded, "opta_lmx.models.download.hub_search", [*(["--endpoint", hub] if hub else []), "--", words], LmxHubSearch, HUB_S
        )
    except Unavailable as error:
        return LmxHubSearch(endpoint=hub, problem=error.message)


def _answer(loaded: LoadedSettings, module: str, arguments: list[str], kind: type[T], limit_s: float = CATALOG_S) -> T:
    command = python(module, arguments)
    try:
        done = subprocess.run(command, env=environment_of(loaded), capture_output=True, stdin=subprocess.DEVNULL, timeout=limit_s)
        if not done.returncode:
            return msgspec.json.decode(done.stdout, type=kind)
        reason = _last_line(done.stderr)
    except subprocess.TimeoutExpired:
        reason = f"it took longer than {limit_s:g} s"
    except msgspec.DecodeError as error:
        reason = f"its answer cannot be read ({error})"
    raise Unavailable(f"The program {module} failed: {reason}.")


def run_work(loaded: LoadedSettings, module: str, arguments: list[str], doing: str) -> LmxWorkDone:
    """Run a program that makes a model folder, with a progress bar on a terminal. Raises OptaError with its sentence."""
    ending: LmxWork | None = None
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            python(module, arguments), env=environment_of(loaded), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as child,
    ):
        assert child.stdout is not None
        try:
            for line in child.stdout:
                ending = _work.decode(line)
                if isinstance(ending, LmxWorkProgress):
                    _show(ending, doing)
        except BaseException:
            # It removes what it has written so far.
            child.terminate()
            raise
        finally:
            _clear()
        child.wait()
        errors.seek(0)
        reason = _last_line(errors.read())
    if isinstance(ending, LmxWorkDone):
        return ending
    if isinstance(ending, LmxWorkFailed):
        raise OptaError(ending.message, code=ErrorCode.unavailable if ending.retryable else ErrorCode.invalid, retryable=ending.retryable)
    raise Unavailable(f"The program ended before its work was done (code {child.returncode}): {reason}")


def _show(progress: LmxWorkProgress, doing: str) -> None:
    if sys.stderr.isatty() and progress.total:
        share = progress.done / progress.total
        bar = "█" * int(_BAR_WIDTH * share)
        print(f"\r{bar:░<{_BAR_WIDTH}} {100 * share:3.0f} % {doing} ", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def environment_of(loaded: LoadedSettings) -> dict[str, str]:
    """The environment of such a program."""
    return {**inherited(os.environ), "OPTA_HOME": str(loaded.paths.home)}


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else f"the program ended without a reason ({sys.executable})"
