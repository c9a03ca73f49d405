"""The rules of a policy.yaml file. A broken file is an error with its line; no rule is guessed."""

import fnmatch
import shlex
from typing import Any, Literal, cast

import msgspec

from opta_protocol.tools.shell import RUN_COMMAND

from .. import globs
from ..clock import moment_s
from ..errors import Refused
from .actions import Action
from .path_names import origin_of
from .strict_yaml import Mapping, YamlProblem, load

Effect = Literal["allow", "ask", "deny"]
Layer = Literal["hard", "managed", "session", "user", "project", "defaults", "level", "mode"]
SEVERITY: dict[Effect, int] = {"allow": 0, "ask": 1, "deny": 2}
RULES_MAX = 500
_RULE_KEYS = frozenset({"effect", "tool", "path", "command", "origin", "server", "note", "expires"})
# Keys that a project can never set. They are ignored with a warning instead of refused, because people may expect them to work.
NEVER_BY_PROJECT = frozenset(
    {"trusted", "trust", "defaultMode", "default-mode", "sandbox", "unrestricted", "policy", "providers", "lmx", "env", "mcp"}
)


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule of a policy. An empty field matches everything; `command` holds the first words of the commands that it is about."""

    effect: Effect
    tool: str
    path: str = ""
    command: tuple[str, ...] = ()
    origin: str = ""
    server: str = ""
    note: str = ""
    expires: str = ""
    source: str = ""
    line: int = 0

    def matches(self, action: Action) -> bool:
        """Whether this rule is about an action."""
        if not fnmatch.fnmatchcase(action.tool, self.tool) or (self.server and self.server != action.server):
            return False
        if self.path and not (action.path and path_fits(action.path, self.path)):
            return False
        if self.origin and not (action.origin and fnmatch.fnmatchcase(action.origin, _with_port(self.origin))):
            return False
        return not self.command or words_fit(action.argv, self.command)

    @property
    def label(self) -> str:
        """The rule in one line for people, such as `deny run_command git push`."""
        about = [self.tool, " ".join(self.command), self.path, self.origin, self.server]
        return f"{self.effect} {' '.join(word for word in about if word)}"

    def has_expired(self, now_s: float) -> bool:
        """Whether the rule has expired at `now_s` (Unix time). A time without a UTC offset is UTC; a date expires at its first moment."""
        return bool(self.expires) and moment_s(self.expires) <= now_s


class PolicyProblem(Refused):
    """A policy file that cannot be used; `line` counts from 1."""

    def __init__(self, message: str, line: int = 1):
        super().__init__(message)
        self.line = line


def parse(content: bytes, source: str, *, by_project: bool = False) -> tuple[list[Rule], list[str]]:
    """(the rules of a file, warnings about keys that it may not set). Raises PolicyProblem."""
    try:
        document = load(content)
    except YamlProblem as problem:
        raise PolicyProblem(str(problem), problem.line) from problem
    if document is None:
        return [], []
    if not isinstance(document, Mapping):
        raise PolicyProblem("a policy is a mapping with `version: 1` and `rules:`")
    warnings: list[str] = []
    for key in list(document):
        if by_project and key in NEVER_BY_PROJECT:
            warnings.append(f"{source}: a project cannot set {key!r}; ignored")
            del document[key]
        elif key not in ("version", "rules"):
            raise PolicyProblem(f"unknown key {key!r}; a policy holds `version: 1` and `rules:`")
    if document.get("version", 1) != 1:
        raise PolicyProblem(f"version {document['version']!r} is not known; write `version: 1`")
    rules: Any = document.get("rules") or []
    if not isinstance(rules, list) or len(cast("list[Any]", rules)) > RULES_MAX:
        raise PolicyProblem(f"rules is a list of at most {RULES_MAX} rules")
    return [_rule(rule, source) for rule in cast("list[Any]", rules)], warnings


def words_fit(argv: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Whether `argv` begins with `words`. A last word `**` matches any further words; alone it matches every command."""
    if words[-1] in ("**", "*"):
        words = words[:-1]
    return argv[: len(words)] == words and (bool(argv) or not words)


def words_within(found: list[str], words: tuple[str, ...]) -> bool:
    """Whether `words` occur anywhere in the words of a text, with the program by name or by path. For rules that deny."""
    wanted = [word for word in words if word not in ("**", "*")]
    names = [word.rsplit("/", 1)[-1] for word in found]
    return any(names[at] == wanted[0] and found[at + 1 : at + len(wanted)] == wanted[1:] for at in range(len(found))) if wanted else True


def path_fits(path: str, glob: str) -> bool:
    """Whether a relative path matches a glob. `*` stays within a folder, `**` crosses folders; a bare name matches in any folder."""
    if "/" not in glob and "**" not in glob:
        path = path.rsplit("/", 1)[-1]
    return globs.compiled(globs.without_sets(glob.removeprefix("./"))).match(path) is not None


def rule_from(text: str) -> Rule:
    """The rule for commands that `EFFECT:WORDS` stands for; words are quoted as in a shell. Raises Refused."""
    effect, colon, given = text.partition(":")
    try:
        words = _words(given)
    except ValueError:
        words = ()
    if effect not in SEVERITY or not colon or not words:
        raise Refused(f"A rule is EFFECT:WORDS such as 'allow:git status', not {text[:80]!r}.")
    return Rule(effect=effect, tool=RUN_COMMAND.name, command=words, source="--rule")


def _words(text: str) -> tuple[str, ...]:
    """The words of a rule's command, unquoted as in a shell. Raises ValueError when a quote is not closed."""
    return tuple(shlex.split(text))


def _rule(given: Any, source: str) -> Rule:
    if not isinstance(given, Mapping):
        raise PolicyProblem("a rule is a mapping such as `{effect: ask, tool: run_command}`")
    line = given.line
    if unknown := sorted(set(given) - _RULE_KEYS):
        raise PolicyProblem(f"unknown key {unknown[0]!r} in a rule; a rule may have {', '.join(sorted(_RULE_KEYS))}", line)
    if not isinstance(given.get("effect"), str) or given["effect"] not in SEVERITY:
        raise PolicyProblem(f"effect is allow, ask or deny, not {given.get('effect')!r}", line)
    command: Any = given.get("command")
    words: tuple[str, ...] = ()
    if command is not None:
        try:
            given_words = _words(command) if isinstance(command, str) else command
        except ValueError as error:
            raise PolicyProblem(f"command holds a quote that is not closed ({error})", line) from None
        pieces = tuple(cast("list[Any]", given_words)) if isinstance(given_words, list | tuple) else ()
        if not pieces or not all(isinstance(word, str) and word for word in pieces):
            raise PolicyProblem("command is the first words of a command, such as `git status`", line)
        words = pieces
    texts: dict[str, str] = {}
    for key in ("tool", "path", "origin", "server", "note", "expires"):
        value = given.get(key)
        if value is not None and not isinstance(value, str):
            raise PolicyProblem(f"{key} is text, not {value!r}", line)
        texts[key] = value or ""
    if not texts["tool"]:
        raise PolicyProblem("a rule names its tool (`tool: run_command`)", line)
    if texts["expires"]:
        try:
            moment_s(texts["expires"])
        except ValueError:
            raise PolicyProblem(
                f"expires is a day such as 2027-01-31 or a time such as 2027-01-31T18:00+01:00, not {texts['expires']!r}", line
            ) from None
    if words and texts["tool"] not in (RUN_COMMAND.name, "*"):
        raise PolicyProblem(f"command can only be used with `tool: {RUN_COMMAND.name}`", line)
    return Rule(effect=given["effect"], command=words, source=source, line=line, **texts)


def _with_port(origin: str) -> str:
    return origin if "*" in origin else origin_of(origin) or origin
