"""The shell text that a script runner of the workspace would run: scripts of package.json, recipes of a Makefile."""

import itertools
import os
import re
import tomllib
from typing import Any, cast

import msgspec

from .contained_paths import Places
from .program_names import names_of

_BYTES_MAX = 512 * 1024
_BUILTIN = {"t": "test", "tst": "test", "test": "test", "start": "start", "stop": "stop", "restart": "restart"}
_CALLED = re.compile(r"\b(?:npm|pnpm|yarn|bun)\s+(?:run(?:-script)?\s+)?(?:--?[\w-]+\s+)*([\w:.-]+)|\brun-[sp]\s+([\w:. -]+)")
_RECIPES_MAX = 100
# Runner -> the files that hold its scripts.
_MANIFESTS = {
    "composer": ("composer.json",), "deno": ("deno.json", "deno.jsonc", "package.json"), "poe": ("pyproject.toml",), "pdm": ("pyproject.toml",), "taskipy": ("pyproject.toml",),
    "hatch": ("pyproject.toml",), "rye": ("pyproject.toml",), "pixi": ("pyproject.toml",), "task": ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml"), "go-task": ("Taskfile.yml",),
}  # fmt: skip
_TASK = re.compile(r"^  ([\w:.-]+):[^\n]*\n((?:(?: {3,}[^\n]*)?\n)*)", re.MULTILINE)


def recipes_of(argv: tuple[str, ...], folders: tuple[str, ...], places: Places) -> list[str]:
    """The texts that `npm run build`, `make test` and the like run, as far as their names say it."""
    names = names_of(argv[0])
    words = [
        word
        for before, word in itertools.pairwise(argv)
        if not word.startswith("-")
        and "=" not in word
        and before not in ("-C", "--directory", "--prefix", "--cwd", "--dir", "-j", "-w", "--workspace")
    ]
    if "npm" in names:
        wanted = (
            words[1:2] if words[:1] in (["run"], ["run-script"], ["rum"], ["urn"]) else [_BUILTIN.get(words[0], words[0])] if words else []
        )
        moved = [argv[at + 1] for at, word in enumerate(argv[:-1]) if word in ("-C", "--prefix", "--cwd", "--dir")]
        starts = (*folders, *(os.path.normpath(os.path.join(folder, *moved)) for folder in folders if moved))
        return [text for folder in _upwards(starts, places) for text in _package(folder, wanted)]
    if "make" in names:
        moved = [argv[at + 1] for at, word in enumerate(argv[:-1]) if word in ("-C", "--directory")]
        starts = tuple(os.path.normpath(os.path.join(folder, *moved)) for folder in folders)
        return [text for folder in dict.fromkeys(starts) for text in _makefile(folder, words)]
    if "just" in names:
        return [text for folder in _upwards(folders, places) for text in _justfile(folder, words)]
    if names[0] in _MANIFESTS:
        sub = ("run", "run-script", "task", "test", "exec")
        wanted = [word for word in words if word not in sub] or (["test"] if "test" in words else [])
        return [text for folder in _upwards(folders, places) for text in _manifest(folder, names[0], wanted)]
    return []


def _justfile(folder: str, wanted: list[str]) -> list[str]:
    content = next((text for name in ("justfile", "Justfile", ".justfile") if (text := _read(os.path.join(folder, name)))), b"")
    recipes: dict[str, list[str]] = {}
    needs: dict[str, list[str]] = {}
    current: list[str] = []
    for line in content.decode(errors="replace").splitlines():
        if line[:1] in (" ", "\t"):
            current.append(line.strip().lstrip("@-"))
        elif found := re.match(r"@?([\w-]+)([^:=]*):(?!=)(.*)", line):
            current = recipes.setdefault(found.group(1), [])
            needs[found.group(1)] = re.findall(r"[\w-]+", found.group(3))
    waiting = list(wanted) or list(recipes)[:1]
    seen: dict[str, None] = {}
    while waiting and len(seen) < _RECIPES_MAX:
        name = waiting.pop()
        if name in recipes and name not in seen:
            seen[name] = None
            waiting += needs[name]
    return ["\n".join(recipes[name]) for name in seen]


def _manifest(folder: str, runner: str, wanted: list[str]) -> list[str]:
    """Scripts of composer.json and deno.json, and tasks of pyproject.toml and Taskfile.yml, whose text holds one of the names."""
    found: list[str] = []
    for name in _MANIFESTS[runner]:
        content = _read(os.path.join(folder, name)).decode(errors="replace")
        if name.endswith(".json") and content:
            found += _json_scripts(content, wanted)
        elif name.endswith(".toml") and content:
            found += _toml_scripts(content, wanted)
        else:
            found += [text for task, text in _yaml_tasks(content) if task in wanted or (not wanted and task == "default")]
    return found


def _json_scripts(content: str, wanted: list[str]) -> list[str]:
    try:
        given: Any = msgspec.json.decode(re.sub(r"^\s*//.*$", "", content, flags=re.MULTILINE))
        scripts = {**given.get("scripts", {}), **given.get("tasks", {})}
        return [_flat(scripts[name]) for name in wanted if name in scripts]
    except (msgspec.DecodeError, AttributeError, TypeError, RecursionError):
        return []


def _toml_scripts(content: str, wanted: list[str]) -> list[str]:
    try:
        tool: Any = tomllib.loads(content).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    found: list[str] = []
    for path in (
        ("poe", "tasks"),
        ("pdm", "scripts"),
        ("taskipy", "tasks"),
        ("hatch", "envs", "default", "scripts"),
        ("rye", "scripts"),
        ("pixi", "tasks"),
    ):
        scripts: Any = tool
        for key in path:
            scripts = cast("dict[str, Any]", scripts).get(key, {}) if isinstance(scripts, dict) else {}
        if isinstance(scripts, dict):
            found += [_flat(cast("dict[str, Any]", scripts)[name]) for name in wanted if name in scripts]
    return found


def _yaml_tasks(content: str) -> list[tuple[str, str]]:
    """The tasks of a Taskfile: `  NAME:` and the indented lines below it."""
    tasks = content.partition("\ntasks:")[2]
    return [(found.group(1), re.sub(r"^\s*(- |cmd: |cmds:)*", "", found.group(2), flags=re.MULTILINE)) for found in _TASK.finditer(tasks)]


def _flat(value: Any) -> str:
    """Every text within a script: a string, a list, or a table with the command and others that it calls."""
    if isinstance(value, dict):
        return "\n".join(_flat(each) for each in cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        return "\n".join(_flat(each) for each in cast("list[Any]", value))
    return str(value)


def _package(folder: str, wanted: list[str]) -> list[str]:
    content = _read(os.path.join(folder, "package.json"))
    try:
        scripts: Any = cast("dict[str, Any]", msgspec.json.decode(content)).get("scripts", {})
        known = {str(name): str(text) for name, text in scripts.items()}
    except (msgspec.DecodeError, AttributeError, RecursionError, UnicodeError):
        return []
    waiting = [name for given in wanted for name in (f"pre{given}", given, f"post{given}")]
    found: dict[str, str] = {}
    while waiting and len(found) < _RECIPES_MAX:
        name = waiting.pop()
        if name in known and name not in found:
            found[name] = known[name]
            called = [word for groups in _CALLED.findall(known[name]) for word in " ".join(groups).split()]
            waiting += [each for given in called for each in (f"pre{given}", given, f"post{given}")]
    return list(found.values())


def _makefile(folder: str, wanted: list[str]) -> list[str]:
    content = next((text for name in ("GNUmakefile", "makefile", "Makefile") if (text := _read(os.path.join(folder, name)))), b"")
    rules: dict[str, tuple[list[str], list[str]]] = {}
    first = ""
    current: list[str] = []
    for line in content.decode(errors="replace").replace("\\\n", " ").splitlines():
        if line.startswith("\t"):
            current.append(line.strip().lstrip("@-+"))
        elif (found := re.match(r"([^\s:=#][^:=#]*?)\s*::?(?!=)\s*([^=]*)$", line)) is not None:
            current = []
            for target in found.group(1).split():
                recipe, needs = rules.setdefault(target, ([], []))
                needs += re.sub(r"#.*|;.*", "", found.group(2)).split()
                current = recipe
                if not first and not target.startswith("."):
                    first = target
    waiting = list(wanted) or ([first] if first else [])
    seen: dict[str, None] = {}
    while waiting and len(seen) < _RECIPES_MAX:
        target = waiting.pop()
        if target in rules and target not in seen:
            seen[target] = None
            waiting += rules[target][1]
    return ["\n".join(re.sub(r"\$\((\w+)\)", r"${\1}", line).replace("$$", "$") for line in rules[target][0]) for target in seen]


def _read(file: str) -> bytes:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read(_BYTES_MAX) if os.path.isfile(file) else b""


def _upwards(folders: tuple[str, ...], places: Places) -> list[str]:
    found: dict[str, None] = {}
    for start in folders:
        folder: str = start
        found[folder] = None
        while folder not in (places.workspace, "/", ""):
            folder = os.path.dirname(folder)
            found[folder] = None
    return list(found)
