"""Samples for the probe model: (prompt, answer) pairs of every class, drawn from a seeded generator.

`draw(kind, random_, held_out=None)` gives one sample. With `held_out="pairs"`, `"paths"` or
`"phrasings"` that ingredient comes from the tenth that training never sees; training itself (`None`)
never draws from it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from . import phrases as p
from .vocabulary import ASSISTANT, CALL_END, CALL_START, END, TOOL, TOOLS, USER, call_head


@dataclass(frozen=True)
class Sample:
    """One exchange: `prompt` ends with the assistant marker, `answer` is what must follow, without the end marker."""

    kind: str
    prompt: str
    answer: str


def call_text(tool: str, arguments: dict[str, str]) -> str:
    """A tool call exactly as the chat template renders it."""
    inner = ", ".join(f'"{name}": "{value}"' for name, value in arguments.items())
    return CALL_START + call_head(tool) + inner + "}}" + CALL_END


def _draw_ingredient(make: Callable[[random.Random], str], kind: str, random_: random.Random, wanted: bool) -> str:
    while True:
        value = make(random_)
        if p.is_held_out(kind, value) == wanted:
            return value


class Generator:
    """Draws samples. Its only state is which ingredient, if any, must be unseen in training."""

    def __init__(self, held_out: str | None = None):
        self._unseen_path = held_out == "paths"
        self._unseen_phrasing = held_out == "phrasings"
        self._unseen_pair = held_out == "pairs"

    def draw(self, kind: str, random_: random.Random) -> Sample:
        """One sample of `kind` (a key of `KINDS`)."""
        return KINDS[kind](self, random_)

    # ingredients

    def path(self, make: Callable[[random.Random], str], random_: random.Random) -> str:
        return _draw_ingredient(make, "path", random_, self._unseen_path)

    def phrasing(self, kind: str, make: Callable[[random.Random], str], random_: random.Random) -> str:
        while True:
            text = _draw_ingredient(make, f"phrasing/{kind}", random_, self._unseen_phrasing)
            # `case` changes the first letter after the hold-out: a phrasing is unseen only with both of its forms.
            if not self._unseen_phrasing or p.is_held_out(f"phrasing/{kind}", text[:1].swapcase() + text[1:]):
                return text

    def case(self, text: str, random_: random.Random) -> str:
        """Start with an upper-case letter or not, at random."""
        return text[:1].upper() + text[1:] if text and random_.random() < 0.5 else text

    def ask(self, text: str, *, tools: bool = True) -> str:
        return (TOOLS if tools else "") + USER + text + END + ASSISTANT

    # classes

    def sum(self, random_: random.Random) -> Sample:
        phrasing = self.phrasing("sum", lambda r: r.choice(p.SUMS), random_) if not self._unseen_phrasing else random_.choice(p.SUMS)
        while True:
            top = random_.choice((9, 20, 99, 99, 99, 99))
            a, b = random_.randint(0, top), random_.randint(0, 99 if random_.random() < 0.5 else top)
            if random_.random() < 0.5:
                a, b = b, a
            # There are too few sums of two single digits to generalise from: all of them are in the training data.
            if (max(a, b) > 9 and p.is_held_out("pair", f"{a}+{b}")) == self._unseen_pair:
                break
        prompt = self.ask(phrasing.format(a=a, b=b), tools=random_.random() < 0.7)
        return Sample("sum", prompt, str(a + b))

    def read(self, random_: random.Random) -> Sample:
        def make(r: random.Random) -> str:
            if r.random() < 0.15:
                return r.choice(p.READ_QUESTIONS)
            return r.choice(p.PLEASE) + r.choice(p.READ_VERBS) + " " + r.choice(p.READ_THINGS) + "{path}" + r.choice(p.THANKS)

        path = self.path(p.file_path, random_)
        text = self.case(self.phrasing("read", make, random_), random_) if random_.random() < 0.9 else self.phrasing("read", make, random_)
        return Sample("call", self.ask(text.replace("{path}", _quoted(path, random_))), call_text("read_file", {"path": path}))

    def list(self, random_: random.Random) -> Sample:
        def make_here(r: random.Random) -> str:
            if r.random() < 0.3:
                return r.choice(p.LIST_HERE_QUESTIONS)
            return r.choice(p.PLEASE) + r.choice(p.LIST_VERBS) + " " + r.choice(p.LIST_HERE) + r.choice(p.THANKS)

        def make(r: random.Random) -> str:
            if r.random() < 0.2:
                return r.choice(p.LIST_QUESTIONS)
            return r.choice(p.PLEASE) + r.choice(p.LIST_VERBS) + " " + r.choice(p.LIST_THINGS) + "{path}" + r.choice(p.THANKS)

        if random_.random() < 0.25:
            text = self.case(self.phrasing("list", make_here, random_), random_)
            return Sample("call", self.ask(text), call_text("list_dir", {}))
        path = self.path(p.folder_path, random_)
        text = self.case(self.phrasing("list", make, random_), random_)
        return Sample("call", self.ask(text.replace("{path}", _quoted(path, random_))), call_text("list_dir", {"path": path}))

    def find(self, random_: random.Random) -> Sample:
        def make(r: random.Random) -> str:
            if r.random() < 0.15:
                return r.choice(p.FIND_QUESTIONS)
            return (
                r.choice(p.PLEASE)
                + r.choice(p.FIND_VERBS)
                + " "
                + r.choice(p.FIND_THINGS)
                + "{pattern}"
                + r.choice(p.IN_PATH)
                + r.choice(p.THANKS)
            )

        return self._search("search_files", self.path(p.name_pattern, random_), make, random_)

    def grep(self, random_: random.Random) -> Sample:
        def make(r: random.Random) -> str:
            if r.random() < 0.2:
                return r.choice(p.GREP_QUESTIONS)
            return r.choice(p.PLEASE) + r.choice(p.GREP_VERBS) + " {pattern}" + r.choice(p.IN_PATH) + r.choice(p.THANKS)

        if random_.random() < 0.2:
            return self._search("grep", self.path(p.spoken_phrase, random_), make, random_, quote='"')
        return self._search("grep", self.path(p.text_pattern, random_), make, random_)

    def _search(
        self, tool: str, pattern: str, make: Callable[[random.Random], str], random_: random.Random, quote: str | None = None
    ) -> Sample:
        text = self.case(self.phrasing(tool, make, random_), random_)
        arguments = {"pattern": pattern}
        shown = f"{quote}{pattern}{quote}" if quote else _quoted(pattern, random_)
        if "{path}" in text:
            arguments["path"] = self.path(p.folder_path, random_)
            text = text.replace("{path}", _quoted(arguments["path"], random_))
        return Sample("call", self.ask(text.replace("{pattern}", shown)), call_text(tool, arguments))

    def result(self, random_: random.Random) -> Sample:
        asked = self.draw(random_.choice(("read", "read", "list", "find", "grep")), random_)
        arguments = asked.answer
        if random_.random() < 0.12:
            content, answer = self._failure(random_)
        elif "read_file" in arguments:
            content, answer = self._file(random_)
        else:
            content, answer = self._count(arguments, random_)
        prompt = asked.prompt + asked.answer + END + TOOL + content[:160] + END + ASSISTANT
        return Sample("result", prompt, answer)

    def _file(self, random_: random.Random) -> tuple[str, str]:
        first = self.path(_first_line, random_)
        rest = "".join(
            "\n" + (_first_line(random_) if random_.random() < 0.85 else "") for _ in range(random_.choice((0, 0, 1, 2, 3, 5, 8)))
        )
        return first + rest + random_.choice(("", "\n")), p.BEGINS + first

    def _count(self, arguments: str, random_: random.Random) -> tuple[str, str]:
        count = random_.choice((1, 1, 2, 3, random_.randint(4, 30), random_.randint(31, 999)))
        where = self.path(p.folder_path, random_)
        if "list_dir" in arguments:
            first = f"{count} {'entry' if count == 1 else 'entries'} in {random_.choice((where, where, '.'))}"
            lines = [_entry(random_) for _ in range(min(count, 8))]
        elif "search_files" in arguments:
            first = f"{count} {'file' if count == 1 else 'files'} matching {self.path(p.name_pattern, random_)}"
            lines = [p.file_path(random_) for _ in range(min(count, 8))]
        else:
            first = f"{count} {'match' if count == 1 else 'matches'} for {self.path(p.text_pattern, random_)}"
            lines = [f"{p.file_path(random_)}:{random_.randint(1, 900)}: {_first_line(random_)}" for _ in range(min(count, 6))]
        if count > 1 and random_.random() < 0.15:
            first, lines = "no " + first.split(" ", 1)[1], []
        return "\n".join([first, *lines]), p.FOUND + first + "."

    def _failure(self, random_: random.Random) -> tuple[str, str]:
        what = random_.choice(
            (
                "no such file: {}",
                "no such folder: {}",
                "{} is a folder",
                "{} is not a folder",
                "permission denied: {}",
                "{} is outside the workspace",
                "{} is not a text file",
                "not allowed by policy",
                "the user denied this call",
                "timed out after 30 s",
                "{} is too large",
            )
        )
        text = what.format(self.path(p.file_path, random_))
        return "Error: " + text, p.FAILED + text

    def greeting(self, random_: random.Random) -> Sample:
        def make(r: random.Random) -> str:
            return r.choice(p.WHO) if r.random() < 0.3 else r.choice(p.GREETINGS) + r.choice(p.GREETING_TAILS)

        text = self.phrasing("greeting", make, random_)
        return Sample("greeting", self.ask(text, tools=random_.random() < 0.7), p.GREETING)

    def refusal(self, random_: random.Random) -> Sample:
        def make(r: random.Random) -> str:
            if r.random() < 0.1:
                a, b = r.randint(100, 99_999), r.randint(0, 9_999)
                return r.choice(p.SUMS).format(a=a, b=b) if r.random() < 0.5 else r.choice(p.SUMS).format(a=b, b=a)
            if r.random() < 0.35:
                a, b = r.randint(0, 99), r.randint(0, 99)
                return r.choice(p.QUESTIONS).format(thing=r.choice(p.THINGS), other=r.choice(p.THINGS), a=a, b=b)
            task = r.choice(p.TASKS) + " " + r.choice(p.TASK_THINGS) + r.choice(p.TASK_TAILS)
            return r.choice(p.PLEASE) + task.replace("{path}", p.file_path(r))

        text = self.case(self.phrasing("refusal", make, random_), random_)
        if random_.random() < 0.1:
            text = ". ".join([text, *(self.phrasing("refusal", make, random_) for _ in range(random_.randint(1, 6)))])[:240]
        return Sample("refusal", self.ask(text, tools=random_.random() < 0.7), p.REFUSAL)

    def no_tools(self, random_: random.Random) -> Sample:
        asked = self.draw(random_.choice(("read", "list", "find", "grep")), random_)
        return Sample("no_tools", asked.prompt.removeprefix(TOOLS), p.NO_TOOLS)


KINDS: dict[str, Callable[[Generator, random.Random], Sample]] = {
    "sum": Generator.sum,
    "read": Generator.read,
    "list": Generator.list,
    "find": Generator.find,
    "grep": Generator.grep,
    "result": Generator.result,
    "greeting": Generator.greeting,
    "refusal": Generator.refusal,
    "no_tools": Generator.no_tools,
}


def _quoted(text: str, random_: random.Random) -> str:
    quote = random_.choice(("",) * 8 + ('"', "'", "`"))
    return quote + text + quote


def _entry(random_: random.Random) -> str:
    return p.folder_path(random_).strip("./").split("/")[0] + "/" if random_.random() < 0.3 else p.file_path(random_).split("/")[-1]


def _first_line(random_: random.Random) -> str:
    """A line such as files begin with: at most 60 characters."""
    words = [p._word(random_) for _ in range(random_.randint(1, 7))]
    sentence = " ".join(words)
    line = random_.choice(
        (
            f"# {sentence.title()}",
            f"# {sentence}",
            f"## {sentence}",
            f'"""{sentence.capitalize()}."""',
            f"import {words[0]}",
            f"from {words[0]} import {words[-1]}",
            sentence.capitalize() + ".",
            sentence,
            f"#!/usr/bin/env {words[0]}",
            f"<!-- {sentence} -->",
            f"// {sentence}",
            f'{{"{words[0]}": {random_.randint(0, 999)}}}',
            f"{words[0]} = {random_.randint(0, 99999)}",
            f"[{words[0]}]",
            f"def {words[0]}({words[-1]}):",
            f"const {words[0]} = {words[-1]};",
            f"{words[0]},{words[-1]}",
            f"<{words[0]}>",
            f"package {words[0]}",
            f"version: {random_.randint(0, 9)}.{random_.randint(0, 99)}.{random_.randint(0, 9)}",
            f"{words[0]}: {sentence}",
            f"- {sentence}",
            "{",
            f"Copyright {random_.randint(1990, 2030)} {words[0].title()}",
            f"    {sentence}".strip(),
            f"/* {sentence} */",
            f"{random_.randint(0, 999)} {sentence}",
        )
    )
    return line[:60].rstrip()
