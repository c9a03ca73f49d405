"""Looks for what a person must be asked about in the text of a program: a script file, `python -c`, a recipe of a Makefile.

The text is not understood. What it names is found: calls and commands that delete, control files, files with credentials. A program
that hides its intent is held by the sandbox alone, as one that was compiled is.
"""

import re

from .control_files import control_file
from .destructive_commands import loss_of
from .path_names import is_secret, protected
from .program_names import names_of

TEXT_MAX = 256 * 1024

_DELETING_CALL = re.compile(
    r"""(?<![\w.])(?:shutil\s*\.\s*rmtree|os\s*\.\s*(?:remove|unlink|rmdir|removedirs|truncate)|rmtree|unlink(?:Sync|_sync)?|removedirs|remove_tree"""
    r"""|send2trash|FileUtils\s*\.\s*(?:rm|remove)\w*|(?:File|Dir)\s*\.\s*(?:delete|unlink|rmdir)|fs(?:Promises|\s*\.\s*promises)?\s*\.\s*(?:rm|rmdir|unlink|truncate)(?:Sync)?"""
    r"""|rm(?:dir)?Sync|rimraf(?:\.sync)?|std::fs::remove_\w+|os\.RemoveAll|os\.Remove|del(?:ete)?Sync|Deno\s*\.\s*remove(?:Sync)?|emptyDir(?:Sync)?)\s*\("""
    r"""|\.\s*(?:unlink|rmdir|rmtree|rmSync|unlinkSync|rmdirSync)\s*\("""
    r"""|\b(?:unlink|rmtree|removeSync|removedirs|unlinkSync|rmSync|RemoveAll|rm_rf|rm_r|remove_dir_all)\b""",
    re.VERBOSE,
)  # fmt: skip
# The same without a call, and under another name: only in code on the line, which is short.
_DELETING_NAME = re.compile(
    r"""\bos\s*\.\s*(?:remove|unlink|rmdir|removedirs|truncate)\b|\bfrom\s+os\s+import\b[^\n;]*(?:\*|\b(?:remove|unlink|rmdir|removedirs|truncate|system|popen)\b)"""
    r"""|\bimport\s+os\s+as\b|\b(?:File|Dir)\s*\.\s*(?:delete|unlink|rmdir)\b|\bfile\s*\.\s*remove\b|\.\s*rm(?:Sync)?\s*\(|(?<![\w.])truncate\b"""
    r"""|\[\s*['"](?:rm|unlink|rmdir|remove|removedirs|rmtree)(?:Sync)?['"]\s*\]""",
)  # fmt: skip
# Text that is built and then run, or an attribute that is looked up by a computed name.
_BUILT = re.compile(
    r"\b(eval|exec|compile|__import__|getattr|globals|vars|attrgetter|methodcaller|import_module|Function|b64decode|fromhex|atob|unpack|setInterval)\s*\("
    r"|\bBuffer\.from\b|base64|\\x[0-9a-fA-F]{2}|codecs|marshal|pickle|ctypes|__dict__|__getattribute__|\bdotenv\b|\bprocess\.binding\b|\bReflect\.|\bpty\b"
)
# What joins two pieces of a string: `".e" + "nv"`.
_JOINT = re.compile(r"""(['"])\s*\+?\s*\1""")
_COMMAND_IN_TEXT = re.compile(
    r"\b(?:rm|rimraf|shred|truncate|unlink|rmdir)\s+-|\bgit['\",\s]+(?:reset|clean|checkout|restore|stash|push|filter-branch)\b|\brm['\"]\s*,|\bfind\b[^\n]*-delete\b|\bmkfs\b|\bdd\s+[io]f="
)
_QUOTED_OR_BARE = re.compile(r"""[^\s'"`;,|&<>(){}=\[\]]+""")
# awk runs what stands after a pipe and writes what stands after `>`.
_AWK = re.compile(
    r"\bsystem\s*\(|\|\s*[\"\w&]|[\"\w)$]\s*\|\s*getline|\bgetline\s*<|\bprintf?\b[^;}\n]*>|>>|@load|@include|@\w+\s*\(|\bENVIRON\b"
)

# Programs that destroy more than a script's own output.
_LOSING = frozenset(
    {"rm", "rmdir", "unlink", "shred", "truncate", "dd", "mkfs", "wipefs", "rimraf", "git", "hg", "find", "fd", "del", "trash"}
)
_BUILD_OUTPUT = frozenset(
    """
    dist build out output coverage .coverage .nyc_output htmlcov target .next .nuxt .output .svelte-kit .turbo .cache .parcel-cache .vite
    __pycache__ .pytest_cache .mypy_cache .ruff_cache .tox .eggs node_modules tmp temp storybook-static
    _build docs/_build doc/api .angular .docusaurus cmake-build-debug release debug dist-types a.out *.o *.a *.so *.pyc *.class *.exe
    *.egg-info *.log *.tsbuildinfo tsconfig.tsbuildinfo **/__pycache__
    """.split()
)

_FOLDERS_OF_OTHERS = frozenset({"PWD", "OLDPWD", "HOME", "INIT_CWD", "CURDIR", "ROOT", "WORKSPACE", "srcdir", "top_srcdir", "1", "@", "*"})


def code_problem(text: str, *, is_awk: bool = False) -> str:
    """What code of a line (`python -c`, a here document, an awk program) would do that a person is asked about; '' for nothing."""
    if len(text) > TEXT_MAX:
        return "its code is too long to look through"
    if is_awk and (found := _AWK.search(text)):
        return f"its awk program may run or write something ({found.group().strip()[:20]})"
    if found := _BUILT.search(text):
        return f"its code may run text that it builds ({found.group().strip(' (')[:30]})"
    for each in dict.fromkeys((text, _JOINT.sub("", text))):
        if found := _DELETING_NAME.search(each):
            return f"its code deletes files ({found.group().strip(' (')[:30]})"
        if problem := script_problem(each):
            return problem
    return ""


def script_problem(text: str) -> str:
    """The same for a script file in the workspace, which may build text as every program does."""
    if found := _DELETING_CALL.search(text):
        return f"its code deletes files ({found.group().strip(' (')[:30]})"
    if found := _COMMAND_IN_TEXT.search(text):
        return f"its code runs a command that deletes or discards ({found.group()[:30].strip()})"
    return named_problem(text)


def named_problem(text: str) -> str:
    """The control file, or the file with credentials, that a text names; '' for none."""
    for word in set(_QUOTED_OR_BARE.findall(text)):
        path = word.rstrip(".:!?").lstrip("@")
        if "/" not in path and not path.startswith((".", "id_", "_netrc", "credentials")) and not path.endswith((".pem", ".key")):
            continue
        if is_secret(path) and not path.endswith("."):
            name = path.rsplit("/", 1)[-1]
            if name.startswith(".env") and not _names_a_file(text, path):
                continue
            return f"it names {path[:60]}, which may hold credentials"
        if (control := _control(path)) and not path.startswith(("http:", "https:")):
            return f"it names {path[:60]}, which makes other programs act ({control})"
    return ""


def _control(path: str) -> str:
    parts = path.split("/")
    # A plain mention of `.git` or `.github` in a list of ignored folders names nothing within.
    if len(parts) == 1 and (entry := control_file(parts[0])) is not None and entry.kind == "folder":
        return ""
    found = protected(path)
    return found.name if found is not None else ""


def _names_a_file(text: str, path: str) -> bool:
    """Whether `.env` is a file's name here and no attribute, as in `process.env`."""
    return re.search(rf"(?<![\w)\]}}?]){re.escape(path)}(?![\w(\[])", text) is not None


def is_serious_loss(argv: tuple[str, ...], program: str = "") -> str:
    """What a command of a script destroys, other than the script's own build output; '' for nothing."""
    if not _LOSING & set(names_of(argv[0], program)):
        return ""
    problem = loss_of(argv, None, program)
    if not problem:
        return ""
    operands = [word.strip("\"'") for word in argv[1:] if not word.startswith("-")]
    if argv[0] in ("rm", "rmdir", "rimraf", "del", "unlink") and operands and all(map(_is_build_output, operands)):
        return ""
    return problem


def _is_build_output(path: str) -> bool:
    trimmed = path.removeprefix("./").rstrip("/")
    trimmed = re.sub(r"/\*+\Z", "", trimmed)
    if ".." in trimmed.split("/") or trimmed.startswith(("/", "~")):
        return False
    # A variable of the script: its value is the script's own.
    if found := re.fullmatch(r"\$[{(]?([\w@<^*]+)[)}]?(/[\w.*/-]+)?", trimmed):
        return found.group(1) not in _FOLDERS_OF_OTHERS
    last = trimmed.rsplit("/", 1)[-1]
    return trimmed in _BUILD_OUTPUT or last in _BUILD_OUTPUT or bool(re.fullmatch(r".*\*?\.(o|a|so|pyc|class|exe|log|tmp|obj|d|gch)", last))
