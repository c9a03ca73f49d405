"""opta models import, quantise: make model folders from what is on this machine. No server has to run."""

import argparse

from opta_core.settings import LoadedSettings
from opta_protocol.lmx import LmxWorkDone

from ..lmx.catalog_text import size_text
from ..lmx.model_programs import run_work
from ..plain_text import print_plain


def import_file(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models import FILE"""
    options = [
        *(["--name", args.name] if args.name else []),
        *(["--dtype", args.dtype] if args.dtype else []),
        *(["--plain"] if args.plain else []),
    ]
    done = run_work(loaded, "opta_lmx.models.gguf", [*options, "--", args.file], "imported")
    _print_done(loaded, done, f"{done.summary}: {size_text(done.bytes_before)} of weights became {size_text(done.bytes)}")
    return 0


def quantise(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models quantise NAME"""
    options = ["--bits", str(args.bits), "--group-size", str(args.group_size), *(["--name", args.name] if args.name else [])]
    done = run_work(loaded, "opta_lmx.models.quantise", [*options, "--", args.name_of_model], "quantised")
    _print_done(loaded, done, f"{done.summary}: {size_text(done.bytes_before)} of weights became {size_text(done.bytes)}")
    return 0


def _print_done(loaded: LoadedSettings, done: LmxWorkDone, what: str) -> None:
    print_plain(f"{done.name} is here, at {done.path}. {what}.")
    for note in done.notes:
        print_plain(f"  {note}")
    if loaded.settings.lmx.host:
        print_plain(f"  It is on this machine; LMX on {loaded.settings.lmx.host} does not have it.")
    else:
        print_plain(f"Use it: opta models use {done.name}")
