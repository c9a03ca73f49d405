"""opta models: list the models of LMX and of every provider; load, unload, pull and measure those of LMX."""

import argparse
import asyncio
import sys
import time

import msgspec

from opta_core import openblas, settings
from opta_core.errors import OptaError, Refused
from opta_core.settings import LoadedSettings
from opta_protocol.error_info import ErrorCode
from opta_protocol.lmx import LmxAvailable, LmxCatalog, LmxModelDetails, LmxModelList, LmxModels, LmxPull, LmxUnloaded

from ..ask import can_ask, confirm
from ..lmx.catalog_text import print_models, size_text
from ..lmx.client import ask
from ..lmx.model_bench import ModelFigures, measure
from ..lmx.model_programs import catalog_here
from ..model_lookup import LMX, of_lmx, resolve
from ..plain_text import plain_json, print_plain
from ..progress_bars import Bar, waiting
from .config import print_overridden
from .provider_models import look_at_all, print_look

LOOK_EVERY_S = 0.5


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models list"""
    looks = asyncio.run(look_at_all(loaded))
    is_here = not loaded.settings.lmx.host
    catalog = catalog_here(loaded) if is_here else LmxCatalog(models=[])
    try:
        found, problem = _models_of(loaded), ""
    except OptaError as error:
        # Who uses other servers may have no LMX, and models can be listed before it runs.
        if not (is_here or looks):
            raise
        found, problem = LmxModels(models=[]), error.message
    if args.json:
        whole = {**msgspec.to_builtins(found), "providers": looks, "found": catalog.models, "problems": catalog.problems}
        print(plain_json(msgspec.json.encode(whole)).decode())
        return 0
    if problem:
        print_plain(f"lmx: {problem}")
    print_models(found.models, catalog, loaded.settings.default_model)
    for pull in found.pulls:
        if pull.state != "done":
            print_plain(f"{pull.name:36} {_share(pull)}  {pull.state} {pull.message}")
    if (memory := found.memory) is not None:
        print_plain(
            f"LMX uses {size_text(memory.used)} of {size_text(memory.limit)}" + ("" if memory.level == "ok" else f" ({memory.level})")
        )
    for look in looks:
        print_look(look, loaded.settings.default_model)
    return 0


def use(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models use NAME"""
    looks = asyncio.run(look_at_all(loaded))
    known = [f"{look.name}/{model.id}" for look in looks for model in look.models]
    problem = ""
    try:
        known += [f"lmx/{model.id}" for model in _models_of(loaded).models]
    except OptaError as error:
        problem = error.message
        if not loaded.settings.lmx.host:
            known += [f"lmx/{model.id}" for model in catalog_here(loaded).models if model.runnable]
    try:
        whole = resolve(args.name, known, loaded.settings)
    except Refused as error:
        raise Refused(f"{error.message}{f' LMX was not asked: {problem}' if problem else ''}") from None
    settings.write_value(loaded.paths, "default-model", whole)
    head, _, name = whole.partition("/")
    if head == LMX and not loaded.settings.lmx.host:
        settings.write_value(loaded.paths, "lmx.model", name)
        if not problem:
            ask(loaded, "POST", "/admin/models/load", LmxModelDetails, {"model": name})
    print_plain(f"New turns that name no model use {whole}.")
    print_overridden("default-model")
    return 0


def load(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models load NAME"""
    name = of_lmx(args.name, loaded.settings)
    with waiting(f"loading {name}"):
        model = ask(loaded, "POST", "/admin/models/load", LmxModelDetails, {"model": name, "pin": args.pin})
    print_plain(f"{model.id} is loaded: {size_text(model.memory)}, {model.context_length} tokens of context.")
    if not loaded.settings.lmx.host and (hint := openblas.hint()):
        print_plain(hint)
    return 0


def unload(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models unload NAME"""
    name = of_lmx(args.name, loaded.settings)
    ask(loaded, "POST", "/admin/models/unload", LmxUnloaded, {"model": name})
    print_plain(f"{name} is unloaded.")
    return 0


def pull(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models pull OWNER/NAME"""
    token = sys.stdin.readline().strip() if args.token_stdin else ""
    wanted = {"repo": args.repo, "revision": args.revision, "token": token}
    found = ask(loaded, "POST", "/admin/models/available", LmxAvailable, wanted)
    print_plain(f"{found.repo} at {found.revision[:12]}: {size_text(found.bytes)}, licence {found.licence or 'not stated'}")
    if not args.yes:
        if not can_ask():
            raise Refused("Nothing was fetched: the download needs a confirmation, and there is no terminal. Confirm with --yes.")
        if not confirm("Fetch it?"):
            return 1
    begun = ask(loaded, "POST", "/admin/models/pull", LmxPull, {**wanted, "revision": found.revision, "name": args.name})
    return _follow(loaded, begun.name)


def pause(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models pause NAME"""
    paused = ask(loaded, "POST", "/admin/models/pull/pause", LmxPull, {"name": args.name.rpartition("/")[2]})
    if paused.state == "done":
        print_plain(f"{paused.name} was complete already. Use it: opta models use {paused.name}")
    else:
        print_plain(f"The download of {paused.name} is paused. Continue it: opta models pull {paused.repo}")
    return 0


def _follow(loaded: LoadedSettings, name: str) -> int:
    bar = Bar(f"fetching {name}")
    while True:
        pulls = ask(loaded, "GET", "/admin/models", LmxModels, timeout_s=10).pulls
        entry = next((entry for entry in pulls if entry.name == name), None)
        if entry is None:
            raise OptaError(f"LMX was restarted during the download of {name}. Pull it again to continue.")
        if entry.state == "failed":
            raise OptaError(entry.message)
        if entry.state == "paused":
            raise OptaError(f"The download of {name} was paused. Pull it again to continue.")
        if entry.state == "done":
            bar.clear()
            print_plain(f"{name} is here. Use it: opta models use {name}")
            return 0
        bar.show(entry.done, entry.total, f"of {size_text(entry.total)}")
        time.sleep(LOOK_EVERY_S)


def bench(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models bench [NAME]"""
    name = _served(loaded, args.name) if args.name else ""
    with waiting(f"measuring {name or 'the default model'}"):
        figures = asyncio.run(measure(loaded, name, tokens=args.tokens, prompt_words=args.prompt))
    if name and figures.model.removeprefix("lmx/") != name:
        raise OptaError(f"LMX answered with {figures.model} instead of {name}, so nothing was measured.")
    if args.json:
        print(msgspec.json.encode(figures).decode())
        return 0
    _print(figures)
    return 0


def _served(loaded: LoadedSettings, name: str) -> str:
    """The model of LMX that a name means. LMX itself would answer an unknown name with its default model. Raises Refused."""
    served = [f"lmx/{model.id}" for model in _models_of(loaded).models]
    return of_lmx(resolve(f"lmx/{of_lmx(name, loaded.settings)}", served, loaded.settings), loaded.settings)


def _print(figures: ModelFigures) -> None:
    print_plain(f"{figures.model}: prompts of {figures.prompt_tokens} tokens, {figures.tokens} tokens of answer")
    print_plain(
        f"first token, alone, nothing kept: p50 {figures.first_ms[0]:.0f} ms, p95 {figures.first_ms[1]:.0f} ms ({figures.prefill:.0f} tok/s read)"
    )
    print_plain(f"first token, same prompt again:   p50 {figures.again_ms[0]:.0f} ms")
    print_plain("at once   tok/s in sum   tok/s each   gap p50 ms   gap p95 ms")
    for row in figures.batches:
        print_plain(
            f"{row.at_once:7}   {row.total:12.0f}   {row.total / row.at_once:10.1f}   {row.gap_ms[0]:10.1f}   {row.gap_ms[1]:10.1f}"
        )


def _models_of(loaded: LoadedSettings) -> LmxModels:
    """LMX's models; with a key that has no admin rights, without figures, memory and downloads."""
    try:
        return ask(loaded, "GET", "/admin/models", LmxModels, timeout_s=5)
    except OptaError as error:
        if error.code != ErrorCode.provider_auth:
            raise
        return LmxModels(models=ask(loaded, "GET", "/v1/models", LmxModelList, timeout_s=5).data)


def _share(pull: LmxPull) -> str:
    return f"{100 * pull.done / pull.total:5.1f} %" if pull.total else "      …"
