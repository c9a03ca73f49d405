"""What a process of ours inherits from whoever started it: an allow-list of variables, and a Python that reads none of them.

A shell can be prepared by a repository (direnv, mise, an editor's task). Nothing it sets makes a process of the daemon load, run,
log or trust anything: `PYTHON*`, `LD_*`, `DYLD_*`, `GCONV_PATH`, `OPENSSL_*`, `SSLKEYLOGFILE`, `NODE_OPTIONS`, `BASH_ENV`, `GIT_*` and
whatever else is not in the table stay behind. What commands of the model get is an allow-list of its own (`opta_tools`).
"""

import fnmatch
import os
import sys
from collections.abc import Iterable, Mapping

# `NAME  why`; a name is a glob.
TABLE = """
PATH                      where commands of the model are looked up, outside the workspace
HOME                      the person's folder: caches, and what the sandbox hides of it
USER                      named by commands
LOGNAME                   named by commands
SHELL                     named by commands
TERM                      named by commands
LANG                      language of messages
LANGUAGE                  language of messages
LC_*                      language of messages
TZ                        local time
TMPDIR                    temporary files
TEMP                      temporary files (Windows)
TMP                       temporary files (Windows)
APPDATA                   settings (Windows)
LOCALAPPDATA              settings (Windows)
SYSTEMROOT                sockets need it (Windows)
XDG_CONFIG_HOME           folders of the person
XDG_CACHE_HOME            folders of the person
XDG_DATA_HOME             folders of the person
XDG_STATE_HOME            folders of the person
XDG_RUNTIME_DIR           sockets of this login: the keychain
DBUS_SESSION_BUS_ADDRESS  the keychain of Linux
DISPLAY                   the keychain's own prompt
WAYLAND_DISPLAY           the keychain's own prompt
SSH_AUTH_SOCK             the other machines of an LMX ring
HTTP_PROXY                the way to model hubs and remote MCP servers: it moves TLS and opens none
HTTPS_PROXY               the same
ALL_PROXY                 the same
NO_PROXY                  the same
http_proxy                the same
https_proxy               the same
all_proxy                 the same
no_proxy                  the same
SSL_CERT_FILE             certificates of a machine whose Python has none (Nix), or of a company's own authority
SSL_CERT_DIR              the same
CUDA_VISIBLE_DEVICES      which accelerators an engine uses
OMP_NUM_THREADS           how many processors an engine uses
OPENBLAS_NUM_THREADS      how many processors an engine uses
VIRTUAL_ENV               for commands of the model only
JAVA_HOME                 for commands of the model only
GOROOT                    for commands of the model only
NVM_DIR                   for commands of the model only
RUSTUP_HOME               for commands of the model only
PYENV_ROOT                for commands of the model only
OPTA_*                    our own settings
SUPERVISOR_ENABLED        supervisord says that it is the parent
"""
NAMES = tuple(line.split()[0] for line in TABLE.strip().splitlines())


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that go on to a process of ours."""
    return {name: value for name, value in environment.items() if any(fnmatch.fnmatchcase(name, known) for known in NAMES)}


def forget_the_rest() -> None:
    """Take what is not in the table out of this process's environment, for those that it starts."""
    for name in set(os.environ) - set(inherited(os.environ)):
        del os.environ[name]


def python(module: str, arguments: Iterable[str] = ()) -> list[str]:
    """The command that runs a module of ours: isolated (`-I` reads no variable, no user's site folder, no current folder), unbuffered."""
    return [sys.executable, "-I", "-u", "-m", module, *arguments]
