"""Where the home of this environment is. Beside `settings`, the only file that reads the environment; it imports almost nothing."""

import os
from collections.abc import Mapping
from pathlib import Path


def home_from_environment(variables: Mapping[str, str] = os.environ) -> Path:
    """`OPTA_HOME`, else the platform's config directory."""
    if home := variables.get("OPTA_HOME"):
        return Path(home).expanduser().absolute()
    if os.name == "nt":
        return Path(variables.get("APPDATA", "~")).expanduser() / "opta"
    return Path("~/.config/opta").expanduser()


def runtime_from_environment(variables: Mapping[str, str] = os.environ) -> Path | None:
    """The runtime folder that `opta up` chose for the daemon's processes (`Paths.runtime`)."""
    chosen = variables.get("OPTA_RUNTIME", "") if "SUPERVISOR_ENABLED" in variables else ""
    return Path(chosen) if chosen else None
