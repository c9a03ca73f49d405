"""Levels, layers and grants: which rule wins."""

from pathlib import Path
from typing import Any

import pytest

from opta_core.errors import Broken, Refused
from opta_core.paths import Paths
from opta_core.policy import grants
from opta_core.policy.actions import PolicyRequest, normalise
from opta_core.policy.layers import Layers
from opta_core.policy.rules import Effect, Rule
from opta_core.policy.verdict import Situation, Verdict, judge, scope_of
from opta_protocol.permissions import Level, SessionPolicy
from opta_protocol.tools.declared import tool_of

PATH = "/usr/bin:/bin"
ARGS: dict[str, dict[str, Any]] = {
    "run_command": {"command": "ls -l src"},
    "read_file": {"path": "a"},
    "write_file": {"path": "a", "content": "x"},
    "web_fetch": {"url": "https://docs.test/a"},
}


def asked(tool: str, cwd: str = "/w", **args: Any) -> PolicyRequest:
    return normalise(tool_of(tool), args or ARGS.get(tool, {}), cwd, path=PATH)


def rule(effect: Effect, tool: str = "run_command", command: str = "", **fields: Any) -> Rule:
    return Rule(effect=effect, tool=tool, command=tuple(command.split()), **fields)


def effect_of(request: PolicyRequest, layers: Layers | None = None, **fields: Any) -> Verdict:
    return judge(request, Situation(level=fields.pop("level", Level.L2), layers=layers or Layers(), **fields))


@pytest.mark.parametrize(
    ("tool", "level", "policy", "granted", "effect"),
    [
        ("read_file", Level.L2, "standard", (), "allow"),
        ("read_file", Level.L1, "standard", (), "ask"),
        ("read_file", Level.L1, "standard", ("tool read_file",), "allow"),
        ("write_file", Level.L2, "standard", (), "ask"),
        ("write_file", Level.L2, "standard", ("write",), "allow"),
        ("write_file", Level.L3, "standard", (), "allow"),
        ("run_command", Level.L2, "standard", (), "ask"),
        ("run_command", Level.L2, "standard", ("run",), "allow"),
        ("run_command", Level.L3, "standard", (), "allow"),
        ("run_command", Level.L2, "unrestricted", (), "allow"),
        ("unheard_of", Level.L3, "standard", (), "ask"),
        ("todo", Level.L1, "standard", (), "allow"),
        ("browser_navigate", Level.L2, "standard", (), "ask"),
        ("browser_snapshot", Level.L2, "standard", (), "allow"),
        ("web_fetch", Level.L1, "standard", (), "ask"),
        ("web_fetch", Level.L3, "standard", (), "ask"),
        ("web_fetch", Level.L3, "standard", ("origin https://docs.test:443",), "allow"),
        ("web_fetch", Level.L3, "standard", ("origin http://docs.test:80", "write", "contained"), "ask"),
        ("web_fetch", Level.L2, "unrestricted", (), "allow"),
    ],
)
def test_the_matrix_and_the_levels(tool: str, level: Level, policy: str, granted: tuple[str, ...], effect: str) -> None:
    assert effect_of(asked(tool), level=level, policy=SessionPolicy(policy), granted=frozenset(granted)).effect == effect


@pytest.mark.parametrize(
    ("url", "effect"),
    [
        ("https://docs.test/any/path?q", "allow"),
        ("https://DOCS.test:443/", "allow"),
        ("http://docs.test/", "deny"),
        ("https://docs.test:8443/", "ask"),
        ("https://docs.test.evil.test/", "ask"),
        ("https://evil.test/https://docs.test/", "ask"),
        ("https://docs.test@evil.test/", "ask"),
        ("https://docs.test/\u202e", "deny"),
    ],
)
def test_rules_and_grants_decide_on_a_web_address_by_its_origin(url: str, effect: str) -> None:
    rules = (rule("deny", "web_fetch", origin="http://*"), rule("allow", "web_fetch", origin="https://docs.test"))
    assert effect_of(asked("web_fetch", url=url), Layers(user=rules)).effect == effect
    granted = tuple(grants.for_request(asked("web_fetch", url="https://docs.test/one")))
    assert grants.words_of(granted[0]) == "web_fetch: any address of https://docs.test:443, with any arguments"
    by_grant = Layers(granted=granted, user=rules[:1])
    assert effect_of(asked("web_fetch", url=url), by_grant).effect == effect
    assert effect_of(asked("browser_navigate", url="https://docs.test/"), by_grant).effect == "ask"


def test_nobody_to_ask_is_a_no_and_names_the_rule() -> None:
    verdict = effect_of(asked("run_command"), interactive=False)
    assert (verdict.effect, verdict.rule) == ("deny", "run_command = ask; nobody can be asked")


def test_a_deny_of_any_layer_wins() -> None:
    for layer in ("managed", "user", "project"):
        others = {name: (rule("allow"),) for name in ("managed", "user", "project") if name != layer}
        layers = Layers(**{layer: (rule("deny", command="ls"),), **others}, trust="trusted")  # type: ignore[arg-type]
        verdict = effect_of(asked("run_command"), layers, policy=SessionPolicy.unrestricted)
        assert (verdict.effect, verdict.layer) == ("deny", layer)


def test_managed_rules_stand_above_everybody_else() -> None:
    layers = Layers(managed=(rule("ask", command="ls"),), user=(rule("allow"),), project=(rule("allow"),), trust="trusted")
    assert effect_of(asked("run_command"), layers, level=Level.L3, policy=SessionPolicy.unrestricted).layer == "managed"
    assert effect_of(asked("run_command"), Layers(managed=(rule("allow", command="ls"),))).effect == "allow"


@pytest.mark.parametrize(
    ("trust", "project", "user", "effect"),
    [
        ("untrusted", "allow", None, "ask"),
        ("changed", "allow", None, "ask"),
        ("trusted", "allow", None, "allow"),
        ("untrusted", "ask", "allow", "ask"),
        ("trusted", "ask", "allow", "ask"),
        ("trusted", "allow", "ask", "allow"),
        ("untrusted", None, "allow", "allow"),
        ("untrusted", "deny", "allow", "deny"),
    ],
)
def test_a_project_loosens_only_where_it_is_trusted(trust: Any, project: Any, user: Any, effect: str) -> None:
    layers = Layers(trust=trust, project=(rule(project),) if project else (), user=(rule(user),) if user else ())
    assert effect_of(asked("run_command"), layers).effect == effect


def test_a_broken_file_of_the_user_asks_for_everything() -> None:
    layers = Layers(user=(rule("allow"),), broken=frozenset({"user"}))
    assert effect_of(asked("run_command"), layers, level=Level.L3).effect == "ask"
    assert effect_of(asked("read_file"), layers).effect == "ask"


def test_what_destroys_always_asks_and_no_answer_covers_the_next_time() -> None:
    for command in ("rm -r build", "git push --force", "git reset --hard", "find . -delete", "git clean -fd", "npm publish"):
        verdict = effect_of(
            asked("run_command", command=command), Layers(user=(rule("allow"),)), level=Level.L3, granted=frozenset({"run"})
        )
        assert (verdict.effect, verdict.is_single) == ("ask", True), command


def test_network_needs_a_separate_answer() -> None:
    clone = asked("run_command", command="git clone https://example.test/x")
    assert effect_of(clone, level=Level.L3).effect == "ask"
    assert effect_of(clone, granted=frozenset({"run"})).effect == "ask"
    assert effect_of(clone, granted=frozenset({"run", "network"})).effect == "allow"


def test_without_a_sandbox_every_command_asks() -> None:
    assert effect_of(asked("run_command"), Layers(user=(rule("allow"),)), level=Level.L3, sandbox="none").effect == "ask"


def test_rules_about_paths_origins_and_servers() -> None:
    layers = Layers(
        user=(
            rule("allow", "write_file", path="src/**/*.py"),
            rule("allow", "mcp__*", server="docs"),
            rule("allow", "browser_*", origin="https://a.test"),
        )
    )
    for path, effect in (("src/a.py", "allow"), ("src/b/c.py", "allow"), ("src/a.txt", "ask"), ("a.py", "ask"), ("../src/a.py", "deny")):
        assert effect_of(asked("write_file", path=path, content=""), layers).effect == effect, path
    assert effect_of(normalise(tool_of("mcp__docs__find", "docs"), {}, "/w"), layers).effect == "allow"
    assert effect_of(normalise(tool_of("mcp__docs__find", "other"), {}, "/w"), layers).effect == "ask"
    for url, effect in (("https://a.test/x", "allow"), ("https://a.test.evil/", "ask"), ("http://a.test/", "ask")):
        assert effect_of(asked("browser_navigate", url=url), layers).effect == effect, url


def test_a_rule_ends_on_its_day() -> None:
    assert effect_of(asked("run_command"), Layers(user=(rule("allow", expires="2020-01-01"),))).effect == "ask"
    assert effect_of(asked("run_command"), Layers(user=(rule("allow", expires="2999-01-01"),))).effect == "allow"


@pytest.mark.attack("A37")
def test_a_grant_covers_exactly_what_was_asked_and_can_be_taken_back(tmp_path: Path) -> None:
    paths, cwd = Paths(tmp_path), str(tmp_path)
    request = asked("run_command", cwd, command="npm run build")
    new = grants.for_request(request)
    grants.add(paths, new)

    def verdict(command: str, folder: str = cwd) -> str:
        return effect_of(asked("run_command", folder, command=command), Layers(granted=tuple(grants.read(paths)))).effect

    assert verdict("npm run build") == "allow"
    assert verdict("npm  run  'build'") == "allow"
    for other in ("npm run build && touch M", "npm run build2", "npm run build -- --x", "npm run", "npm run build > x"):
        assert verdict(other) == "ask", other
    assert verdict("npm run build", "/") == "ask"
    assert grants.remove(paths, new[0].id)
    assert not grants.remove(paths, new[0].id)
    assert verdict("npm run build") == "ask"
    grants.add(paths, grants.for_request(request, prefix=True))
    assert verdict("npm run build -- --x") == "allow"
    assert verdict("npm run build2") == "ask"
    assert verdict("npm test") == "ask"
    (tmp_path / "policies/grants.json").write_text("[{")
    with pytest.raises(Broken, match="damaged"):
        grants.read(paths)


def test_what_is_not_plain_is_never_granted() -> None:
    with pytest.raises(Refused, match="not"):
        grants.for_request(asked("run_command", command="ls $(x)"))


def test_a_grant_for_a_tool_of_a_server_ends_when_its_description_changes() -> None:
    (grant,) = grants.for_request(normalise(tool_of("mcp__docs__find", "docs", "one"), {"q": "a"}, "/w"))
    layers = Layers(granted=(grant,))
    assert effect_of(normalise(tool_of("mcp__docs__find", "docs", "one"), {"q": "b"}, "/w"), layers).effect == "allow"
    assert effect_of(normalise(tool_of("mcp__docs__find", "docs", "two"), {"q": "b"}, "/w"), layers).effect == "ask"


def test_scopes_of_a_session_say_what_they_cover() -> None:
    assert scope_of(asked("edit_file", path="a")) == scope_of(asked("write_file")) == "write"
    assert scope_of(asked("browser_navigate", url="https://a.test/x")) == "origin https://a.test:443"


@pytest.mark.parametrize("tool", ["write_file", "edit_file", "multi_edit"])
def test_instructions_for_agents_are_written_with_a_question_at_every_level(tool: str) -> None:
    for path in ("AGENTS.md", "src/claude.md", "./AGENTS.md"):
        request = normalise(tool_of(tool), {"path": path, "content": "x", "old": "a", "new": "b", "edits": []}, "/w")
        for fields in ({"level": Level.L3}, {"granted": frozenset({"write"})}):
            found = effect_of(request, **fields)
            assert found.effect == "ask" and "tells agents what to do" in found.rule, (path, fields, found)
        allowed = effect_of(request, Layers(user=(rule("allow", tool, path=path.removeprefix("./")),)))
        assert allowed.effect == "allow"
    assert effect_of(asked(tool, path="src/a.md"), level=Level.L3).effect == "allow"
