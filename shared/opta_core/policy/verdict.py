"""Judges a tool call: denied if any layer denies it, otherwise by the rules in their order, otherwise by the session's level.

Order (docs/permissions.md): hard denies, denies of any layer, hard questions, managed rules, then project, user and defaults (in a
trusted folder the project's rules come first; in any other folder they only tighten), then grants. A line of several programs gets
the verdict of its most severe one.
"""

import fnmatch
from dataclasses import dataclass, field
from typing import Literal

from opta_protocol.permissions import Level, Risk, SessionPolicy
from opta_protocol.tools.searching import GREP
from opta_protocol.tools.shell import RUN_COMMAND

from . import command_line, other_names, reading_only
from .actions import Action, PolicyRequest
from .contained_paths import Places, chosen_secret
from .grants import script_now
from .layers import Layers
from .offline import works_offline
from .option_checks import veto
from .path_names import is_secret, protected, relative_to
from .programs import needs_network
from .rules import SEVERITY, Effect, Layer, Rule, words_fit, words_within

SandboxLevel = Literal["full", "landlock", "none"]


NO_LAYERS = Layers()
# The scope of an answer for all commands that the sandbox contains. "run" is the scope of older answers, for plain commands only.
CONTAINED = "contained"


@dataclass(frozen=True)
class Verdict:
    """The effect of the rules on a call, the rule and the layer that decided, and the subject of the action that it is about."""

    effect: Effect
    rule: str
    layer: Layer
    subject: str = ""
    # Whether the answer holds for this call only: neither "always" nor "session" can be chosen.
    is_single: bool = False


@dataclass(frozen=True)
class Situation:
    """What a verdict depends on besides the request. `granted`: the scopes allowed for the session (`scope_of`).

    `interactive`: whether a person can be asked. `extra`: further rules of the user's layer, for one judgement.
    """

    level: Level
    layers: Layers = NO_LAYERS
    policy: SessionPolicy = SessionPolicy.standard
    interactive: bool = True
    sandbox: SandboxLevel = "full"
    # Whether commands reach the network without a word about it (setting `sandbox.network`).
    has_network: bool = False
    granted: frozenset[str] = frozenset()
    # Mode plan: whatever is not known to read is denied.
    reads_only: bool = False
    extra: tuple[Rule, ...] = field(default=())


def judge(request: PolicyRequest, situation: Situation) -> Verdict:
    """The most severe verdict on the actions of a request. "ask" becomes "deny" when nobody can be asked."""
    if situation.reads_only and (problem := reading_only.problem(request)):
        return Verdict("deny", problem, "mode", request.actions[0].subject)
    verdict = max(
        (_judge_action(request, action, situation) for action in request.actions), key=lambda v: (SEVERITY[v.effect], v.is_single)
    )
    if verdict.effect == "ask" and situation.policy is SessionPolicy.unrestricted and verdict.layer != "managed":
        return Verdict("allow", f"unrestricted session ({verdict.rule})", "session", verdict.subject)
    if verdict.effect == "ask" and not situation.interactive:
        return Verdict("deny", f"{verdict.rule}; nobody can be asked", verdict.layer, verdict.subject)
    return verdict


def scope_of(request: PolicyRequest) -> str:
    """What an answer for the session covers: all writes, all commands that the sandbox contains, one origin, or one tool."""
    action = request.actions[0]
    if action.kind == "write":
        return "write"
    if action.kind == "run":
        return CONTAINED
    if action.kind == "browse" and action.origin:
        return f"origin {action.origin}"
    return f"tool {action.tool} {action.schema}".strip()


def wants_network(request: PolicyRequest) -> bool:
    """Whether a command holds a program that usually needs the network."""
    if request.contained is not None and request.contained.wants_network:
        return True
    return any(_needs_network(request, action) for action in request.actions if action.argv)


def is_held(request: PolicyRequest, situation: Situation) -> bool:
    """Whether the sandbox holds a command whose words alone do not say what it does: full, without network, and judged so."""
    return request.contained is not None and not request.contained.why and situation.sandbox == "full" and not situation.has_network


def _judge_action(request: PolicyRequest, action: Action, situation: Situation) -> Verdict:
    layers = situation.layers
    subject = action.subject

    def verdict(effect: Effect, rule: str, layer: Layer, *, is_single: bool = False) -> Verdict:
        return Verdict(effect, rule, layer, subject, is_single)

    if problem := _hard_deny(request, action):
        return verdict("deny", problem, "hard")
    # Rules given for one judgement (`policy check --rule`) belong to the user's layer.
    rules: dict[Layer, tuple[Rule, ...]] = {
        "managed": layers.rules("managed"),
        "user": (*situation.extra, *layers.rules("user")),
        "project": layers.rules("project"),
    }
    for layer, candidates in rules.items():
        for rule in candidates:
            if rule.effect == "deny" and _denies(rule, request, action):
                return verdict("deny", rule.label, layer)
    if action.kind == "plan":
        return verdict("allow", f"{action.tool} = allow", "defaults")
    first = _first(rules["managed"], request, action)
    problem = _hard_ask(request, action, situation)
    if not problem and (label := _write_protecting_rule(rules, request, action)):
        problem = f"it names a file that a rule forbids to write ({label})"
    # A managed rule that asks applies in an unrestricted session too.
    if first is not None and first.effect == "ask":
        return verdict("ask", problem or first.label, "managed", is_single=bool(problem))
    for layer in ("managed", "user"):
        if layer in layers.broken:
            return verdict("ask", "a policy file is broken, so every tool call asks (opta doctor --policy)", layer)
    if problem:
        return verdict("ask", problem, "hard", is_single=True)
    base = verdict(first.effect, first.label, "managed") if first else _base(rules, request, action, situation)
    # A rule that allows a program by its name does not cover options with which it does more than its name suggests.
    problem = veto(action.argv, action.program) if action.argv else ""
    if base.effect == "allow" and problem and not (base.layer == "level" and is_held(request, situation)):
        also = _why_not_held(request, situation) if base.layer == "level" and request.contained is not None else ""
        base = verdict("ask", f"{problem}; {also}" if also not in ("", problem) else problem, "hard")
    if base.effect == "ask" and base.layer != "managed":
        if granted := _granted(request, action, situation, problem):
            return granted
        if changed := _changed(request, action, situation):
            return verdict("ask", changed, base.layer)
    return base


def _hard_deny(request: PolicyRequest, action: Action) -> str:
    if action.is_outside:
        fix = '; to let commands and file tools read it, add it with "opta config set sandbox.read"' if action.risk is Risk.read else ""
        return f"{action.subject[:80]} is outside the workspace{fix}"
    if action.kind == "write" and (control := protected(action.path)) and control.is_refused:
        return f"{control.name} is protected from every write"
    if action.kind == "run":
        folder = request.args.get("cwd")
        if isinstance(folder, str) and relative_to(request.cwd, folder) is None:
            return f"the folder {folder[:80]} is outside the workspace"
        if target := next((path for path in command_line.redirect_targets(str(request.args.get("command", ""))) if protected(path)), ""):
            return f"{target[:80]} is a control file, which commands cannot write; write_file can, after asking a person"
    for value in (request.args.get(name) for name in ("command", "path", "cwd", "url")):
        if isinstance(value, str) and (character := command_line.deceiving(value)):
            return f"it contains the character {character}, which hides or reorders text"
    return ""


def _hard_ask(request: PolicyRequest, action: Action, situation: Situation) -> str:
    if action.kind == "read" and is_secret(action.path):
        return f"{action.path} may hold credentials"
    if action.kind == "search" and action.tool == GREP.name and is_secret(action.path):
        return f"{action.path} may hold credentials"
    if action.kind == "write" and (control := protected(action.path)):
        return f"{control.name} makes other programs act ({control.source})"
    if action.kind != "run":
        return ""
    command = request.command
    if command is None or not command.is_plain:
        return "" if is_held(request, situation) else _why_not_held(request, situation)
    if action.loss:
        return action.loss
    if any(is_secret(part) for word in action.argv[1:] for part in (word, word.rpartition(":")[2], word.rpartition("=")[2])):
        return "it names a file that may hold credentials"
    if chosen_secret(action.argv) and action.argv[0] != "find":
        return "it chooses files that may hold credentials"
    places = Places(request.cwd, request.cwd)
    if any(places.leads_to_secret(word, action.folders) for word in action.argv[1:] if len(word) < 1024):
        return "it names a link to a file that may hold credentials"
    return {"none": "there is no sandbox on this machine", "landlock": "this machine's sandbox does not protect control files"}.get(
        situation.sandbox, ""
    )


def _why_not_held(request: PolicyRequest, situation: Situation) -> str:
    command, contained = request.command, request.contained
    if contained is None or command is None or not contained.is_judged or situation.sandbox != "full" or situation.has_network:
        return f"not a plain command: {command.why if command else 'unreadable'}"
    return contained.why


def _asks(rule: Rule, request: PolicyRequest, action: Action) -> bool:
    """Whether a rule that asks is about a command that is not plain: its words may stand anywhere in the text."""
    if not rule.command:
        return rule.matches(action)
    if not fnmatch.fnmatchcase(action.tool, rule.tool):
        return False
    return words_within(command_line.all_words(str(request.args.get("command", ""))), rule.command)


def _needs_network(request: PolicyRequest, action: Action) -> bool:
    if not needs_network(action.argv):
        return False
    places = Places(request.cwd, request.cwd)
    return not works_offline(action.argv, action.folders or (request.cwd,), places)


def _denies(rule: Rule, request: PolicyRequest, action: Action) -> bool:
    """Whether a deny rule is about an action. A line that is not plain is searched for the rule's words."""
    if not rule.command:
        return rule.matches(action) or other_names.denies(rule, request, action)
    if action.kind != "run" or rule.tool not in (RUN_COMMAND.name, "*"):
        return False
    if request.command is not None and request.command.is_plain:
        return words_fit(action.argv, rule.command)
    return words_within(command_line.all_words(str(request.args.get("command", ""))), rule.command)


def _write_protecting_rule(rules: dict[Layer, tuple[Rule, ...]], request: PolicyRequest, action: Action) -> str:
    denying = (rule for candidates in rules.values() for rule in candidates if rule.effect == "deny")
    return next((rule.label for rule in denying if other_names.asks(rule, request, action)), "")


def _first(rules: tuple[Rule, ...], request: PolicyRequest, action: Action) -> Rule | None:
    if request.command is None or request.command.is_plain:
        return next((rule for rule in rules if rule.matches(action)), None)
    # What a rule allows are plain commands. What it asks about is looked for in the whole text of any other.
    return next((rule for rule in rules if rule.effect == "ask" and _asks(rule, request, action)), None)


def _base(rules: dict[Layer, tuple[Rule, ...]], request: PolicyRequest, action: Action, situation: Situation) -> Verdict:
    project, user = _first(rules["project"], request, action), _first(rules["user"], request, action)
    default = _default(request, action, situation)
    if situation.layers.trust == "trusted":
        if project is not None:
            return Verdict(project.effect, project.label, "project", action.subject)
        if user is not None:
            return Verdict(user.effect, user.label, "user", action.subject)
        return default
    below = Verdict(user.effect, user.label, "user", action.subject) if user else default
    tightened = Verdict(project.effect, project.label, "project", action.subject) if project else below
    return max(below, tightened, key=lambda verdict: SEVERITY[verdict.effect])


def _default(request: PolicyRequest, action: Action, situation: Situation) -> Verdict:
    effect: Effect = "allow" if action.risk is Risk.read else "ask"
    if situation.level is Level.L1:
        return Verdict("ask", "L1 asks before every tool call", "level", action.subject)
    if action.kind == "write" and action.writes:
        return Verdict("ask", action.writes, "hard", action.subject)
    if situation.level is Level.L3 and action.kind == "write":
        return Verdict("allow", "L3 allows writes in the workspace", "level", action.subject)
    if action.is_filter:
        return Verdict("allow", "it only passes on what is piped into it", "defaults", action.subject)
    if situation.level is Level.L3 and action.kind == "run":
        if not action.argv:
            return Verdict("allow", "L3 allows commands that the sandbox contains", "level", action.subject)
        if problem := action.script_loss or action.writes:
            return Verdict("ask", problem, "hard", action.subject)
        if not _needs_network(request, action):
            return Verdict("allow", "L3 allows plain commands in the sandbox", "level", action.subject)
    if action.kind == "run" and action.argv and situation.level is Level.L3:
        return Verdict(effect, f"{' '.join(action.argv[:2])[:60]} usually needs the network", "defaults", action.subject)
    why = f" ({request.command.why})" if effect == "ask" and request.command is not None and request.command.why else ""
    return Verdict(effect, f"{action.tool} = {effect}{why}", "defaults", action.subject)


def _changed(request: PolicyRequest, action: Action, situation: Situation) -> str:
    """Why a grant for this command no longer applies; '' when no grant was about it."""
    for grant in situation.layers.granted:
        if grant.argv and grant.is_about(request, action) and (script := script_now(request, action)).sha256 != grant.script:
            if not grant.script:
                return f"it was allowed by a version that did not check scripts for changes ({script.about})"
            return f"the script changed since you allowed it ({script.about or 'it is gone'})"
    return ""


def _granted(request: PolicyRequest, action: Action, situation: Situation, problem: str) -> Verdict | None:
    if (
        grant := next(
            (grant for grant in situation.layers.granted if grant.covers(request, action) and not (problem and grant.is_prefix)), None
        )
    ) is not None:
        return Verdict("allow", f"always allowed: {grant.label}", "user", action.subject)
    scope = scope_of(request)
    if action.kind == "write" and action.writes:
        return None
    if action.kind != "run":
        return Verdict("allow", f"allowed for this session: {scope}", "session", action.subject) if scope in situation.granted else None
    held = is_held(request, situation)
    if action.script_loss or action.writes:
        return None
    if action.argv and not problem:
        is_granted = bool({CONTAINED, "run"} & situation.granted)
        if is_granted and ("network" in situation.granted or not _needs_network(request, action)):
            return Verdict("allow", "allowed for this session: plain commands", "session", action.subject)
    elif held and CONTAINED in situation.granted:
        return Verdict("allow", "allowed for this session: commands that the sandbox contains", "session", action.subject)
    return None
