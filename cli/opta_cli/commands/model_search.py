"""opta models search, recommend: which models there are, here and at the hub, and which of them fit."""

import argparse

import msgspec

from opta_core import openblas
from opta_core.errors import Refused
from opta_core.settings import LoadedSettings
from opta_protocol.lmx import LmxCatalog, LmxFound, LmxHubModel, LmxModels, LmxOffer

from ..lmx.catalog_text import description, size_text
from ..lmx.client import ask
from ..lmx.model_programs import advice, catalog_here, hub_search
from ..plain_text import plain_json, print_plain

CONTEXT_MAX = 10_000_000


def search(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models search WORDS"""
    words = " ".join(args.words)
    catalog = LmxCatalog(models=[]) if loaded.settings.lmx.host else catalog_here(loaded)
    here = [model for model in catalog.models if _matches(model, args.words)]
    hub = None if args.here else hub_search(loaded, words)
    if args.json:
        print(plain_json(msgspec.json.encode({"here": here, "hub": hub})).decode())
        return 0
    for model in here:
        print_plain(f"here  {model.id:44} {size_text(model.bytes):>9}  {description(model)}")
        if model.problem:
            print_plain(f"      {model.problem}")
    for each in hub.models if hub else []:
        print_plain(_hub_line(each))
    if hub and hub.problem:
        print_plain(f"The hub was not searched: {hub.problem}")
    elif hub and hub.models:
        print_plain("Fetch one, after its exact size and licence are shown: opta models pull OWNER/NAME")
    if not here and not (hub and hub.models):
        print_plain(f"No model matches {words!r}.")
        return 1
    return 0


def recommend(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models recommend"""
    if not 1 <= args.context <= CONTEXT_MAX:
        raise Refused(f"--context is {args.context}; it must be from 1 to {CONTEXT_MAX} tokens.")
    limit = 0
    if loaded.settings.lmx.host:
        memory = ask(loaded, "GET", "/admin/models", LmxModels, timeout_s=5).memory
        limit = memory.limit if memory else 0
    found = advice(loaded, args.context, limit)
    if args.json:
        print(plain_json(msgspec.json.encode(found)).decode())
        return 0
    where = f"LMX on {loaded.settings.lmx.host}" if loaded.settings.lmx.host else "LMX on this machine"
    print_plain(
        f"{where} has {size_text(found.available)} for models. Needed: weights, LMX itself, and the cache of {found.tokens} tokens."
    )
    for offer in found.here:
        print_plain(f"here   {_offer_line(offer)}" + ("" if offer.fits else "  does not fit"))
    for offer in found.offers:
        print_plain(f"fetch  {_offer_line(offer)}  {offer.words}, {offer.licence}")
        print_plain(f"       opta models pull {offer.id}")
    if not found.offers:
        print_plain(
            "No model that we know fits. Raise lmx.memory-limit-mb, ask for a shorter context (--context), or use another machine's LMX."
        )
    if not loaded.settings.lmx.host and (hint := openblas.hint()):
        print_plain(hint)
    return 0


def _matches(model: LmxFound, words: list[str]) -> bool:
    text = f"{model.id} {model.architecture} {model.quantisation} {model.origin} {model.licence}".lower()
    return all(word.lower() in text for word in words)


def _hub_line(model: LmxHubModel) -> str:
    size = f"about {size_text(model.bytes)}" if model.bytes else "size unknown"
    notes = [model.architecture, model.licence, f"{model.downloads} downloads", "gated" if model.gated else "", model.problem]
    return f"hub   {model.repo:44} {size:>15}  {', '.join(note for note in notes if note)}"


def _offer_line(offer: LmxOffer) -> str:
    cache = f"{size_text(offer.bytes)} + {size_text(offer.cache_bytes)} for {offer.tokens} tokens"
    return f"{offer.id:50} {size_text(offer.needed):>9} needed ({cache})"
