"""opta lmx use-with: configurations of other clients are changed in place, and everything else in them stays."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.daemon import Daemon

from opta_cli.lmx import json_edit
from opta_cli.lmx.client_configs import CLIENTS, ClientConfig, LmxTarget, config_of
from opta_cli.lmx.use_with import change_of, write
from opta_core.errors import Refused

TARGET = LmxTarget(root="http://127.0.0.1:1234", model="qwen3-4b", context=32_768)
REMOTE = LmxTarget(root="https://studio.local:1234", model="qwen3-4b", context=0, needs_key=True, certificate="/pin.pem")


def config(client: str, home: Path, target: LmxTarget = TARGET) -> ClientConfig:
    return config_of(client, target, home, {})


def parsed(file: Path) -> Any:
    text = file.read_text()
    return tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text) if file.suffix == ".yaml" else json_edit.read(text).value


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("target", [TARGET, REMOTE], ids=["here", "with a key"])
def test_a_file_is_made_and_a_second_time_changes_nothing(client: str, target: LmxTarget, tmp_path: Path) -> None:
    made = config(client, tmp_path, target)
    old, new = change_of(made)
    assert old == ""
    assert write(made, old, new) is None
    assert target.root in str(parsed(made.file)) and "qwen3-4b" in str(parsed(made.file))
    assert change_of(made) == (new, new)
    assert ("none" in new) == (target is TARGET and client not in ("codex", "opencode", "zed"))


BEFORE = {
    "claude": '{\n  "permissions": {"allow": ["Bash(ls:*)"]}, // mine\n  "env": {"FOO": "1", "ANTHROPIC_MODEL": "x",},\n}\n',
    "codex": '# mine\nmodel = "gpt-5" # best\napproval_policy = "on-request"\n\n[model_providers.other]\nname = "O"\n\n[model_providers.lmx]\nname = "old"\nx = 1\n\n'
    '[projects."/a"]\ntrust_level = "trusted"\n',
    "opencode": '{\n\t"theme": "dark", /* mine */\n\t"provider": {"other": {"name": "O"}}\n}',
    "pi": '{"providers": {"other": {"models": []}}}',
    "zed": '// Zed settings\n//\n{\n  "vim_mode": true,\n  // mine\n  "language_models": {},\n  "agent": {\n    "default_model": { "provider": "x", "model": "y", },\n  },\n}\n',
    "continue": "# mine\nname: Mine\nversion: 2.0.0\nschema: v1\nmodels:\n  # first\n  - name: Other\n    provider: openai # kept\n    model: x\nrules:\n  - be kind\n",
}


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_person_wrote_stays(client: str, tmp_path: Path) -> None:
    made = config(client, tmp_path)
    made.file.parent.mkdir(parents=True)
    made.file.write_text(BEFORE[client])
    made.file.chmod(0o640)
    before = parsed(made.file)
    old, new = change_of(made)
    backup = write(made, old, new)
    assert backup is not None and backup.read_text() == BEFORE[client]
    assert made.file.stat().st_mode & 0o777 == backup.stat().st_mode & 0o777 == 0o640
    after = parsed(made.file)
    assert before.keys() <= after.keys()
    for word in ("mine", "kept", "first", "FOO", "vim_mode", "approval_policy", "trust_level", "other", "theme", "Other", "be kind"):
        assert new.count(word) >= BEFORE[client].count(word)
    assert change_of(made)[1] == new


def test_codex_reads_what_was_set(tmp_path: Path) -> None:
    made = config("codex", tmp_path)
    after = tomllib.loads(made.edit(BEFORE["codex"]))
    assert (after["model"], after["model_provider"], after["approval_policy"]) == ("qwen3-4b", "lmx", "on-request")
    assert after["model_providers"]["lmx"] == {"name": "LMX", "base_url": "http://127.0.0.1:1234/v1", "wire_api": "responses"}
    assert (after["model_providers"]["other"], after["projects"]) == ({"name": "O"}, {"/a": {"trust_level": "trusted"}})


def test_continue_puts_the_model_first(tmp_path: Path) -> None:
    made = config("continue", tmp_path)
    for before in (BEFORE["continue"], "name: a\nmodels: []\n", "name: a\n", "models:\n- name: Other\n  model: x\n", "models:\n"):
        after = yaml.safe_load(made.edit(before))
        assert after["models"][0]["apiBase"] == "http://127.0.0.1:1234/v1"
        assert [model["name"] for model in after["models"][1:]] == ["Other"] * before.count("Other")


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("claude", "not json"), ("claude", "[]"), ("claude", '{"env": 5}'), ("claude", '{"env": {"a": 1}'), ("claude", "{" * 5000), ("zed", '{"agent": [1]}'),
        ("codex", "model = "), ("codex", "model_providers = 5"), ("codex", 'text = """\n[a]\n"""\nmodel = "x"'), ("codex", "[[model_providers]]\na = 1"),
        ("codex", "model_providers.lmx.name = 'x'"), ("continue", "a: [1"), ("continue", "- a"), ("continue", "models: {a: 1}"), ("continue", "models: [{name: a}]"),
        ("continue", "models:\n- name: LMX qwen3-4b\n  model: mine\n"), ("continue", "a: &x [1]\nmodels: *x\n"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_changed_safely_is_left_as_it_is(client: str, text: str, tmp_path: Path) -> None:
    made = config(client, tmp_path)
    made.file.parent.mkdir(parents=True)
    made.file.write_text(text)
    with pytest.raises(Refused, match="left as it is") as refused:
        change_of(made)
    assert made.snippet in refused.value.message
    assert [file.name for file in made.file.parent.iterdir()] == [made.file.name]


def test_files_that_are_none_or_change_meanwhile_are_left(tmp_path: Path) -> None:
    made = config("claude", tmp_path)
    made.file.mkdir(parents=True)
    with pytest.raises(Refused, match="plain file"):
        change_of(made)
    made.file.rmdir()
    made.file.write_bytes(b"\xff\xfe")
    with pytest.raises(Refused, match="cannot be read"):
        change_of(made)
    made.file.write_text("{}")
    with pytest.raises(Refused, match="meanwhile"):
        write(made, "", "{}")
    assert made.file.read_text() == "{}"


def test_a_link_stays_one_and_every_backup_is_kept(tmp_path: Path) -> None:
    made, kept = config("pi", tmp_path), tmp_path / "dotfiles.json"
    made.file.parent.mkdir(parents=True)
    kept.write_text('{"a": 1}\r\n')
    made.file.symlink_to(kept)
    backups = [write(made, *(change_of(made)[0], text)) for text in ("{}", '{"b": 2}')]
    assert made.file.is_symlink()
    assert (kept.read_text(), [backup.name for backup in backups if backup]) == (
        '{"b": 2}',
        ["dotfiles.json.before-opta", "dotfiles.json.before-opta1"],
    )
    assert kept.with_name("dotfiles.json.before-opta").read_bytes() == b'{"a": 1}\r\n'


NAMES = st.text(max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, JSON, max_size=3), st.lists(NAMES, min_size=1, max_size=3), JSON, st.sampled_from([None, 2, "\t"]))
def test_any_value_is_set_at_any_path_and_no_other_changes(before: dict[str, Any], path: list[str], value: Any, indent: Any) -> None:
    text = json.dumps(before, indent=indent, ensure_ascii=bool(indent))
    try:
        changed = json_edit.with_values(text, {tuple(path): value})
    except Refused:
        inner: Any = before
        for name in path[:-1]:
            inner = inner.get(name, {})
            if not isinstance(inner, dict):
                return
        raise
    expected: Any = json.loads(text)
    inner = expected
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    inner[path[-1]] = value
    assert json.loads(changed) == expected


@pytest.mark.system
def test_the_command_prints_and_writes_only_when_it_may(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "opta")
    daemon.environment |= {"HOME": str(tmp_path), "CODEX_HOME": "", "XDG_CONFIG_HOME": ""}
    shown = daemon.opta("lmx", "use-with", "codex", "--model", "qwen3-4b")
    assert (shown.returncode, "--write" in shown.stdout, 'wire_api = "responses"' in shown.stdout) == (0, True, True)
    file = tmp_path / ".codex/config.toml"
    refused = daemon.opta("lmx", "use-with", "codex", "--write")
    assert (refused.returncode != 0, file.exists()) == (True, False)
    done = daemon.opta("lmx", "use-with", "codex", "--write", "--yes")
    assert (done.returncode, "+model_provider" in done.stdout) == (0, True), done.stderr
    assert tomllib.loads(file.read_text())["model_provider"] == "lmx"
    assert "already" in daemon.opta("lmx", "use-with", "codex", "--write", "--yes").stdout
