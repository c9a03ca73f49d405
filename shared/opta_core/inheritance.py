"""What Opta's processes inherit from their parent: an allow-list of environment variables, and an isolated Python.

A repository can set variables in a shell (direnv, mise, an editor's task). They must not make a daemon process load, run, log
or trust anything: `PYTHON*`, `LD_*`, `DYLD_*`, `GCONV_PATH`, `OPENSSL_*`, `SSLKEYLOGFILE`, `NODE_OPTIONS`, `BASH_ENV`, `GIT_*` and
all other variables that are not in the table are removed. Commands of the model get a separate allow-list (`opta_tools`).
"""

import fnmatch
import os
import sys
from collections.abc import Iterable, Mapping

# Each line: a name (a glob), then the reason.
TABLE = """
PATH                      finds commands of the model, outside the workspace
HOME                      the user's folder: caches, and what the sandbox hides
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
SYSTEMROOT                required by sockets (Windows)
XDG_CONFIG_HOME           folders of the user
XDG_CACHE_HOME            folders of the user
XDG_DATA_HOME             folders of the user
XDG_STATE_HOME            folders of the user
XDG_RUNTIME_DIR           sockets of this login: the keychain
DBUS_SESSION_BUS_ADDRESS  the keychain of Linux
DISPLAY                   the keychain's own prompt
WAYLAND_DISPLAY           the keychain's own prompt
SSH_AUTH_SOCK             access to the other machines of an LMX ring
HTTP_PROXY                proxy to model hubs and remote MCP servers; it forwards TLS without decrypting it
HTTPS_PROXY               the same
ALL_PROXY                 the same
NO_PROXY                  the same
http_proxy                the same
https_proxy               the same
all_proxy                 the same
no_proxy                  the same
SSL_CERT_FILE             certificates where Python has none (Nix), or of a company's own authority
SSL_CERT_DIR              the same
CUDA_VISIBLE_DEVICES      which accelerators an engine uses
OMP_NUM_THREADS           number of threads of an engine
OPENBLAS_NUM_THREADS      number of threads of an engine
HF_HOME                   where models already are; they are only read, and replace none that is found without it
HF_HUB_CACHE              the same
HUGGINGFACE_HUB_CACHE     the same
OLLAMA_MODELS             the same
VIRTUAL_ENV               for commands of the model only
JAVA_HOME                 for commands of the model only
GOROOT                    for commands of the model only
NVM_DIR                   for commands of the model only
RUSTUP_HOME               for commands of the model only
PYENV_ROOT                for commands of the model only
OPTA_*                    settings of Opta
SUPERVISOR_ENABLED        set by supervisord for its children
"""
NAMES = tuple(line.split()[0] for line in TABLE.strip().splitlines())


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of `environment` that a child process of Opta inherits."""
    return {name: value for name, value in environment.items() if any(fnmatch.fnmatchcase(name, known) for known in NAMES)}


def clear_environment() -> None:
    """Remove all variables that are not in the table from this process's environment, for its child processes."""
    for name in set(os.environ) - set(inherited(os.environ)):
        del os.environ[name]


def python(module: str, arguments: Iterable[str] = ()) -> list[str]:
    """The command that runs a module of Opta, unbuffered and isolated (`-I`: no variables, no user site folder, no current folder)."""
    return [sys.executable, "-I", "-u", "-m", module, *arguments]
