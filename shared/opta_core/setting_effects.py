"""From when on a changed setting holds, and which services have to be restarted for it. The command line, the daemon and the page say the same.

Services that read a setting through `LiveSettings` take it in by themselves; `tests/core/test_setting_changes.py` compares the areas with
the fields of `Settings`.
"""

import msgspec

from opta_protocol.http_settings import Applies

from . import setting_keys

EVERY_SERVICE = ("gateway", "sessions", "agent", "tools", "browser", "lmx", "desktop")


class SettingEffect(msgspec.Struct, frozen=True):
    """From when on a change holds. `services`: those to restart."""

    applies: Applies
    services: tuple[str, ...] = ()


NOW, TURN, START = SettingEffect("now"), SettingEffect("turn"), SettingEffect("start")
_AGENT = SettingEffect("restart", ("agent",))
# Area or key -> effect; the longest one that fits counts.
EFFECTS: dict[str, SettingEffect] = {
    "default-model": TURN,
    "thinking": TURN,
    "thinking-budget": TURN,
    "mcp": TURN,
    "providers": TURN,
    "provider-order": TURN,
    "models": TURN,
    "aliases": TURN,
    "hooks": TURN,
    "web": TURN,
    "diagnostics": TURN,
    "lmx.host": TURN,
    "notify": NOW,
    "notify.bell": START,
    "terminal": START,
    "max-steps": _AGENT,
    "max-calls": _AGENT,
    "max-minutes": _AGENT,
    "max-turn-tokens": _AGENT,
    "permissions": _AGENT,
    "agents": _AGENT,
    "sandbox": SettingEffect("restart", ("tools", "agent", "gateway")),
    "vault-file": SettingEffect("restart", ("gateway", "agent")),
    "daemon.port": SettingEffect("restart", ("gateway",)),
    "daemon.ui-port": SettingEffect("restart", ("gateway", "desktop")),
    "otel": SettingEffect("restart", ("gateway",)),
    "lmx": SettingEffect("restart", ("lmx", "gateway")),
    "log-level": SettingEffect("restart", EVERY_SERVICE),
}
_WORDS: dict[Applies, str] = {
    "now": "It holds from now on.",
    "turn": "The next turn uses it.",
    "start": "Commands and terminals that start from now on use it.",
}


def effect_of(key: str) -> SettingEffect:
    """The effect of a change at a key."""
    parts = setting_keys.split(key)
    for end in range(len(parts), 0, -1):
        if (found := EFFECTS.get(".".join(parts[:end]))) is not None:
            return found
    return SettingEffect("restart", EVERY_SERVICE)


def sentence(effect: SettingEffect) -> str:
    """The same for people."""
    if effect.applies != "restart":
        return _WORDS[effect.applies]
    one = f" {effect.services[0]}" if len(effect.services) == 1 else ""
    return f"Running services use it after a restart: opta daemon restart{one}"
