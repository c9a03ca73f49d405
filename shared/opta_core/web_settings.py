"""Settings of the tool that reads addresses on the web."""

import msgspec


class WebSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """`web` of config.toml. Only the user's own file has it; a project cannot set it."""

    # Off: web_fetch answers that it is switched off. It stays in the list of tools, because that list is a part of every prompt.
    enabled: bool = True
    # Whether addresses of this machine and of its network are read. Ports that sandbox.allow-hosts names are read without it.
    local: bool = False
