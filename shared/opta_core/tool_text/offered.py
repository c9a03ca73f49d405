"""The tools that a request offers: finds the one that a model means by a name, and the schema of its arguments."""

import difflib
from typing import Any, cast

# What models that were trained on other tools call these actions. Used only where the wanted tool is offered and the given name is not.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "run_command": (
        *("bash", "shell", "sh", "terminal", "exec", "execute", "run", "cmd", "command", "execute_command", "execute_bash", "run_shell"),
        *("run_shell_command", "run_bash", "run_terminal_cmd", "run_in_terminal", "shell_command", "local_shell", "powershell"),
    ),
    "read_file": ("cat", "open", "read", "view", "open_file", "view_file", "get_file", "show_file", "file_read", "read_files", "fs_read"),
    "list_dir": ("ls", "dir", "list", "list_files", "list_directory", "list_folder", "listdir", "tree", "view_directory"),
    "write_file": ("write", "create", "create_file", "write_to_file", "save_file", "file_write", "new_file", "fs_write"),
    "edit_file": (
        *("edit", "str_replace", "replace", "replace_in_file", "search_replace", "str_replace_editor", "apply_edit", "update_file"),
        *("str_replace_based_edit_tool", "modify_file", "replace_string_in_file", "file_edit"),
    ),
    "multi_edit": ("multiedit", "multi_replace", "edit_files"),
    "search_files": ("glob", "find", "find_files", "file_search", "search_file", "find_file", "find_path", "glob_search"),
    "grep": ("rg", "ripgrep", "search", "grep_search", "search_text", "search_content", "code_search", "search_code", "find_in_files"),
    "todo": ("todo_write", "todowrite", "update_plan", "plan", "update_todo_list", "todo_list", "write_todos"),
    "command_output": ("bash_output", "bashoutput", "get_output", "read_output", "get_terminal_output"),
    "command_stop": ("kill_bash", "kill_shell", "killbash", "stop_command", "kill_command"),
}
_MEANS = {synonym: name for name, synonyms in _SYNONYMS.items() for synonym in synonyms}
# How alike two names have to be, from 0 to 1, so that one can only be a slip of the other.
_ALIKE = 0.84
_PREFIXES = ("functions.", "function.", "functions/", "default_api.", "tools.", "tool.", "call:", "to=", "namespace.")


def plain(name: str) -> str:
    """A name without what models put around it: `functions.` before it, an index or a special token behind it, other case or dashes."""
    name = name.strip().strip("\"'`").partition("<|")[0].partition("<｜")[0].strip()
    changed = True
    while changed:
        changed = False
        for prefix in _PREFIXES:
            if name.lower().startswith(prefix):
                name, changed = name[len(prefix) :], True
    head, colon, tail = name.rpartition(":")
    if colon and tail.isdigit():
        name = head
    return name.removesuffix("()").removesuffix(".call").strip().lower().replace("-", "_").replace(".", "_").replace(" ", "_")


class OfferedTools:
    """The tools of one request. `functions`: each as `{"type": "function", "function": {"name", "parameters", ...}}`."""

    def __init__(self, functions: list[dict[str, Any]]):
        self._schemas: dict[str, dict[str, Any]] = {}
        for entry in functions:
            function = entry.get("function")
            if isinstance(function, dict):
                declared = cast("dict[str, Any]", function)
                parameters = declared.get("parameters")
                self._schemas[str(declared.get("name", ""))] = cast("dict[str, Any]", parameters) if isinstance(parameters, dict) else {}
        self._by_plain: dict[str, list[str]] = {}
        for name in self._schemas:
            self._by_plain.setdefault(plain(name), []).append(name)

    def __bool__(self) -> bool:
        return bool(self._schemas)

    def __contains__(self, name: str) -> bool:
        return name in self._schemas

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, in the order of the request."""
        return tuple(self._schemas)

    def schema(self, name: str) -> dict[str, Any]:
        """The JSON schema of a tool's arguments; {} for one that is not offered."""
        return self._schemas.get(name, {})

    def find(self, name: str) -> str:
        """The offered tool that `name` spells, whatever case or prefix it was given; '' for none."""
        if name in self._schemas:
            return name
        found = self._by_plain.get(plain(name), [])
        return found[0] if len(found) == 1 else ""

    def find_meant(self, name: str) -> str:
        """The offered tool that `name` spells, is a common word for, or is a slip of; '' when none or more than one may be meant."""
        if found := self.find(name):
            return found
        given = plain(name)
        if (meant := _MEANS.get(given, "")) in self._schemas:
            return meant
        alike = difflib.get_close_matches(given, list(self._by_plain), n=2, cutoff=_ALIKE)
        return self._by_plain[alike[0]][0] if len(alike) == 1 and len(self._by_plain[alike[0]]) == 1 else ""
