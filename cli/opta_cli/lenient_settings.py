"""The settings for commands that must work although config.toml is broken: where the home is, and the rest only when it is asked for."""

from functools import cached_property

from opta_core.paths import Paths


class LenientSettings:
    """Has the fields of `LoadedSettings`; the file is read when `settings` is used. Raises Refused then."""

    def __init__(self, paths: Paths):
        self.paths = paths

    @cached_property
    def _loaded(self):
        from opta_core import settings

        return settings.load()

    @property
    def settings(self):
        """The merged settings. Raises Refused, which names the file and the line."""
        return self._loaded.settings

    @property
    def origins(self) -> dict[str, str]:
        """The origin of each value."""
        return self._loaded.origins


def load_paths() -> LenientSettings:
    """The home of this environment."""
    from opta_core.home import home_from_environment, runtime_from_environment

    return LenientSettings(Paths(home_from_environment(), runtime_from_environment()))
