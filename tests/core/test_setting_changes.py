"""Changes of config.toml say the file, the key, the values before and after, and from when on they hold."""

from pathlib import Path

import msgspec
import pytest

from opta_core import setting_keys, settings
from opta_core.errors import Refused
from opta_core.setting_changes import list_settings, set_setting, unset_setting
from opta_core.setting_effects import EFFECTS, effect_of, sentence
from opta_core.settings import LoadedSettings, Settings


def loaded(home: Path) -> LoadedSettings:
    return settings.load(variables={"OPTA_HOME": str(home)})


def test_a_change_says_the_values_before_and_after_and_where_they_are(tmp_path: Path) -> None:
    first = set_setting(loaded(tmp_path), "notify.min-s", "30")
    assert (first.file, first.key, first.old, first.new) == (str(tmp_path / "config.toml"), "notify.min-s", "10.0", "30.0")
    assert (first.applies, first.services, first.note) == ("now", [], "")
    second = set_setting(loaded(tmp_path), "max-steps", "50")
    assert (second.old, second.new, second.applies, second.services) == ("200", "50", "restart", ["agent"])
    back = unset_setting(loaded(tmp_path), "notify.min-s")
    assert back is not None and (back.old, back.new) == ("30.0", "10.0")
    assert unset_setting(loaded(tmp_path), "notify.min-s") is None


def test_what_may_be_a_secret_is_written_and_never_said(tmp_path: Path) -> None:
    set_setting(loaded(tmp_path), "mcp.servers.files.command", "true")
    change = set_setting(loaded(tmp_path), "mcp.servers.files.env.TOKEN", "hush-1234")
    assert (change.old, change.new) == ("", "••••")
    shown = {info.key: info.value for info in list_settings(loaded(tmp_path)).settings}
    assert shown["mcp.servers.files.env.TOKEN"] == "••••"
    assert "hush-1234" in (tmp_path / "config.toml").read_text()


@pytest.mark.parametrize(("key", "value"), [("nonsense", "1"), ("max-steps", "many"), ("max-steps", "0"), ("default-model", "nobody/x")])
def test_what_is_not_valid_is_refused_and_nothing_is_written(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(Refused):
        set_setting(loaded(tmp_path), key, value)
    assert not (tmp_path / "config.toml").exists()


def test_providers_have_the_order_that_was_chosen_and_others_follow(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        settings.write_provider(loaded(tmp_path).paths, name, {"type": "openai", "base-url": "http://127.0.0.1:9/v1"})
    change = set_setting(loaded(tmp_path), "provider-order", "three gone one")
    assert (change.new, change.applies) == ('["three","gone","one"]', "turn")
    assert list(loaded(tmp_path).settings.providers) == ["three", "one", "two"]


def test_every_setting_says_from_when_on_a_change_of_it_holds() -> None:
    fields = {setting_keys.split(key)[0] for key in msgspec.to_builtins(Settings())}
    assert {setting_keys.split(key)[0] for key in EFFECTS} == fields
    assert sentence(effect_of("notify.command")) == "It holds from now on."
    assert sentence(effect_of("providers.box.options.temperature")) == "The next turn uses it."
    assert sentence(effect_of("max-steps")).endswith("opta daemon restart agent")
    assert sentence(effect_of("lmx.bind")).endswith("opta daemon restart")
    assert sentence(effect_of("notify.bell")).startswith("Commands and terminals")
