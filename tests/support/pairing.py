"""Two machines that are paired by the code that one of them shows."""

import subprocess

from .daemon import OPTA, Daemon


def shown_code(studio: Daemon, *options: str) -> "tuple[subprocess.Popen[str], str]":
    """(`opta lmx pair` on the machine that serves, the code that it shows). It ends when the code was used."""
    process = subprocess.Popen([str(OPTA), "lmx", "pair", *options], env=studio.environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split()[1]
