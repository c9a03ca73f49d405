"""What the splitter looks for in a text: markers, their beginnings, and the words around them."""

import re

from . import markers

TRIGGER = re.compile(r"[<\[\]{`~◁✿]|\n")
THOUGHT_TRIGGER = re.compile(r"[<\[◁]")
OPENER = re.compile("|".join(sorted((re.escape(opener) for opener in markers.OPENERS), key=len, reverse=True)))
THINK = re.compile(
    "|".join([*sorted((re.escape(opener) for opener in markers.THINKING), key=len, reverse=True), markers.GENERIC_THINKING.pattern])
)
THINK_CLOSER = re.compile("|".join(sorted((re.escape(closer) for closer in markers.THINKING_CLOSERS), key=len, reverse=True)))
ANSWER = re.compile("|".join(map(re.escape, markers.ANSWER_MARKERS)))
# `<|channel|>analysis<|message|>`, with the message's own beginning before it.
MESSAGE = re.compile(r"(?:<\|start\|>[^<]{0,120}|<\|channel\|>[^<]{0,120})(?:<\|(?:channel|constrain)\|>[^<]{0,120}){0,4}<\|message\|>")
MESSAGE_HEAD = re.compile(
    r"(?:<\|start\|>[^<]{0,120}|<\|channel\|>[^<]{0,120})(?:<\|(?:channel|constrain)\|>[^<]{0,120}){0,4}(?:<[|a-z]{0,13})?$"
)
MESSAGE_CLOSERS = ("<|call|>", "<|end|>", "<|return|>")
RECIPIENT_HEAD = re.compile(r"to=(?:functions?\.)?[\w.-]+[^<\n]{0,60}(?:<\|constrain\|>\s*\w+\s*)?<\|message\|>")
CALL_CLOSER = re.compile(
    r"</[|｜]?[\w:▁.|｜ -]*(?:tool|func|call|invoke)[\w:▁.-]*[|｜]?>|<[|｜][\w▁:]*end[|｜]?>|\[/[A-Z_]+\]", re.IGNORECASE
)
# Words after a tag that make it a word of a sentence.
TAG_TALK = re.compile(r" (?:and|or|tags?|is|are|blocks?|elements?|sections?|tokens?|markers?|markup)\b")
ELEMENT_NAME = re.compile(r"<([\w.-]+)>")
RECIPIENT = re.compile(r"to=(?:functions?\.)?([\w.-]+)")
MARKS = (
    *markers.OPENERS,
    *markers.THINKING,
    *markers.THINKING_CLOSERS,
    *markers.ANSWER_MARKERS,
    "<|channel|>",
    "<|start|>",
    *MESSAGE_CLOSERS,
)
PREFIXES = frozenset(mark[:length] for mark in MARKS for length in range(1, len(mark)))
THINK_PREFIXES = frozenset(mark[:length] for mark in markers.THINKING for length in range(1, len(mark)))
STRAY_PREFIXES = frozenset(
    mark[:length] for mark in ("<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "</s>", "<end_of_turn>") for length in range(1, len(mark))
)  # fmt: skip
WORDS = ("to=", "functools", "function call<|role_sep|>", "Action:", "print(")
# Words with which a text introduces an illustration.
TALK = re.compile(
    r"\b(?:examples?|e\.g\.|for instance|formats?|syntax|looks? like|schema|templates?|documentation|illustrat\w*|samples?|hypothetical\w*|such as"
    r"|would (?:look|be|write|emit|produce|send)|(?:models?|assistants?|llms?|agents?|parsers?) (?:that )?(?:write|emit|use|call|produce|output|expect|send|generate)s?"
    r"|as text|literal\w*|readme|in prose|placeholder|explain\w*|means|denotes?|represent\w*|called like|used like|written as|wrap(?:s|ped)?)\b",
    re.IGNORECASE,
)
REACT = re.compile(r"Action:[ \t]*(?P<name>[\w.-]+)[ \t]*\n+[ \t]*Action Input:[ \t]*", re.IGNORECASE)
REACT_HEAD = re.compile(r"Action:\s*`{0,2}$|Action:[^\n]{0,80}(?:\n[\s\w]{0,12}:?[ \t]*)?$", re.IGNORECASE)
