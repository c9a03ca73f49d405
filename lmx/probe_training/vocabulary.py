"""The probe model's vocabulary: 256 bytes, markers, and the scaffold of its tool calls.

A tool call is the same few strings around one or two copied words, so each fixed string is one
token: the model spends its capacity on the copied part. `encode` here and the tokenizer.json that
`write_tokenizer` makes give the same ids (held by a test).
"""

import json
import re
from pathlib import Path

END = "<|end|>"
USER = "<|user|>"
ASSISTANT = "<|assistant|>"
TOOL = "<|tool|>"
TOOLS = "<|tools|>"
PAD = "<|pad|>"
CALL_START = "<tool_call>"
CALL_END = "</tool_call>"

CALL_TOOLS = ("read_file", "list_dir", "search_files", "grep")


def call_head(tool: str) -> str:
    """The fixed text with which a call of `tool` begins."""
    return '{"name": "' + tool + '", "arguments": {'


MARKERS = [END, USER, ASSISTANT, TOOL, TOOLS, PAD, CALL_START, CALL_END]
SCAFFOLD = [
    *(call_head(tool) for tool in CALL_TOOLS),
    '"path": "',
    '"pattern": "',
    '", "path": "',
    '"}}',
    "}}",
    "I found ",
    "The file begins with: ",
    "That did not work: ",
]
SPECIALS = MARKERS + SCAFFOLD
IDS = {text: 256 + index for index, text in enumerate(SPECIALS)}
SIZE = 256 + len(SPECIALS)
END_ID = IDS[END]
PAD_ID = IDS[PAD]
ASSISTANT_ID = IDS[ASSISTANT]

_SPLIT = re.compile("(" + "|".join(re.escape(text) for text in sorted(SPECIALS, key=len, reverse=True)) + ")")


def encode(text: str) -> list[int]:
    """Token ids of `text`; the longest scaffold string that fits is taken first."""
    ids: list[int] = []
    for piece in _SPLIT.split(text):
        if piece in IDS:
            ids.append(IDS[piece])
        else:
            ids.extend(piece.encode())
    return ids


def _byte_alphabet() -> list[str]:
    """The printable character for each byte value in byte-level tokenizers (GPT-2's table)."""
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    shifted = iter(range(256, 512))
    return [chr(byte) if byte in kept else chr(next(shifted)) for byte in range(256)]


def write_tokenizer(folder: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja into `folder`."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": IDS[text],
                "content": text,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": text in (END, USER, ASSISTANT, TOOL, TOOLS, PAD),
            }
            for text in SPECIALS
        ],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {char: byte for byte, char in enumerate(_byte_alphabet())},
            "merges": [],
        },
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "model_max_length": 1024,
        "clean_up_tokenization_spaces": False,
        "tool_parser_type": "json_tools",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, indent=1) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)


# Drops everything before the last user message and cuts long contents, so that no prompt of the
# daemon outgrows what the model was trained on (512 tokens). Of a user's message it keeps what a
# person typed. The tools are one token: the model knows them by heart. It was trained on files without line numbers, so the numbers of read_file and
# the note behind them are cut, as `copy_constraint.without_line_numbers` does.
CHAT_TEMPLATE = """\
{%- set ns = namespace(last=0, tool='') -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- if tools -%}<|tools|>{%- endif -%}
{%- set turn = messages[ns.last:] -%}
{%- for m in turn -%}{%- if m.tool_calls -%}{%- set ns.tool = m.tool_calls[-1].function.name -%}{%- endif -%}{%- endfor -%}
{%- set kept = turn[:1] + turn[1:][-2:] -%}
{%- for m in kept -%}
{%- if m.role == 'user' -%}
{%- set typed = namespace(text=m.content) -%}
{%- for mark in ['<project-instructions ', '<untrusted-file ', '<attached ', '<environment>'] -%}
{%- set typed.text = typed.text.split('\\n\\n' + mark)[0] -%}
{%- endfor -%}
<|user|>{{ typed.text[:240] }}<|end|>
{%- elif m.role == 'tool' -%}
{%- set lines = m.content[:1600].split('\\n') -%}
{%- if ns.tool == 'read_file' and '\\t' in lines[0] and lines[0].split('\\t', 1)[0].isdigit() -%}
{%- set bare = namespace(text='') -%}
{%- for line in lines -%}{%- if '\\t' in line and line.split('\\t', 1)[0].isdigit() -%}
{%- set bare.text = bare.text + ('' if loop.first else '\\n') + line.split('\\t', 1)[1] -%}
{%- endif -%}{%- endfor -%}
<|tool|>{{ bare.text[:160] }}<|end|>
{%- else -%}<|tool|>{{ m.content[:160] }}<|end|>{%- endif -%}
{%- elif m.role == 'assistant' -%}<|assistant|>
{%- if m.tool_calls -%}
{%- set call = m.tool_calls[-1].function -%}
<tool_call>{"name": "{{ call.name }}", "arguments": {{ call.arguments if call.arguments is string else call.arguments | tojson }}}</tool_call>
{%- else -%}{{ (m.content or '')[:240] }}{%- endif -%}<|end|>
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}
"""
