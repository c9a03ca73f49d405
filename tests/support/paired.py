"""Two daemons of this machine that are paired as two machines are: one serves models, the other uses them with a key and a pinned certificate."""

import subprocess
from pathlib import Path

from support.daemon import OPTA, Daemon
from support.limits import limit_s
from support.lmx import port_of
from support.oracles import until

PASSPHRASE = {"OPTA_VAULT_PASSPHRASE": "a passphrase of tests"}


def serving(folder: Path) -> Daemon:
    """The machine that serves, not started yet. Bound to all addresses, so that every request needs a key; tests call it by loopback alone."""
    return Daemon(folder, only="lmx", config='[lmx]\nbind = "0.0.0.0"\n')


def paired(studio: Daemon, folder: Path, config: str = "") -> Daemon:
    """A daemon that may load and unload models of `studio`, which runs. Not started yet."""
    assert until(lambda: "loaded" in studio.opta("lmx", "status").stdout, 60), studio.logs()
    laptop = Daemon(folder, only="gateway,agent,tools,sessions,desktop", config=f"vault-file = true\n{config}")
    laptop.environment |= PASSPHRASE
    showing = subprocess.Popen([str(OPTA), "lmx", "pair", "--admin"], env=studio.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert showing.stdout is not None
        code = showing.stdout.readline().split()[1]
        done = laptop.opta("lmx", "pair", f"127.0.0.1:{port_of(studio)}", "--code-stdin", stdin=f"{code}\n")
        assert done.returncode == 0, done.stderr
        assert showing.wait(limit_s(10)) == 0
    finally:
        showing.kill()
        showing.communicate()
    return laptop
