# fmt: off
"""The formats in which models write tool calls as text, and texts that are no tool call.

`FORMATS` maps the name of a format to the same four calls in that format, with all special tokens
in the text. `THINKING` maps a model family to the tags around its reasoning; an empty opening tag
says that the prompt already holds it. `PROSE` holds answers in which no call is meant, although
many of them name tools, tags or JSON objects. All texts were written for these tests.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """Four answers in one format.

    one: read_file with {"path": "a.txt"}.
    two: read_file a.txt, then read_file b.txt, in one answer; empty where the format has one call only.
    typed: grep with {"pattern": "x", "ignore_case": true, "context": 3}; empty where unknown.
    multiline: write_file with a.py and a content of two lines that has quotes and an angle bracket.
    """

    one: str
    two: str
    typed: str
    multiline: str


FORMATS: dict[str, Format] = {
    # Hermes 2/3, Qwen 2.5 and 3, Granite 4, Ernie 4.5, Falcon 3, SmolLM3 (JSON), MiMo 7B, Trinity, InternVL.
    'hermes': Format(
        one=(
            '<tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tool_call>\n'
            '<tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '</tool_call>'
        ),
    ),
    # EXAONE 4, TeleChat 4 (JSON).
    'hermes_one_line': Format(
        one='<tool_call>{"name": "read_file", "arguments": {"path": "a.txt"}}</tool_call>',
        two=(
            '<tool_call>{"name": "read_file", "arguments": {"path": "a.txt"}}</tool_call>\n'
            '<tool_call>{"name": "read_file", "arguments": {"path": "b.txt"}}</tool_call>'
        ),
        typed='<tool_call>{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}</tool_call>',
        multiline=(
            '<tool_call>{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}</tool_call>'
        ),
    ),
    # Hermes 2 Pro: the key order of its prompt.
    'hermes_arguments_first': Format(
        one=(
            '<tool_call>\n'
            '{"arguments": {"path": "a.txt"}, "name": "read_file"}\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>\n'
            '{"arguments": {"path": "a.txt"}, "name": "read_file"}\n'
            '</tool_call>\n'
            '<tool_call>\n'
            '{"arguments": {"path": "b.txt"}, "name": "read_file"}\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>\n'
            '{"arguments": {"pattern": "x", "ignore_case": true, "context": 3}, "name": "grep"}\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>\n'
            '{"arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}, "name": "write_file"}\n'
            '</tool_call>'
        ),
    ),
    # Granite 4: the arguments as a JSON string.
    'hermes_string_arguments': Format(
        one=(
            '<tool_call>\n'
            '{"name": "read_file", "arguments": "{\\"path\\": \\"a.txt\\"}"}\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>\n'
            '{"name": "read_file", "arguments": "{\\"path\\": \\"a.txt\\"}"}\n'
            '</tool_call>\n'
            '<tool_call>\n'
            '{"name": "read_file", "arguments": "{\\"path\\": \\"b.txt\\"}"}\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>\n'
            '{"name": "grep", "arguments": "{\\"pattern\\": \\"x\\", \\"ignore_case\\": true, \\"context\\": 3}"}\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>\n'
            '{"name": "write_file", "arguments": "{\\"path\\": \\"a.py\\", \\"content\\": \\"def f():\\\\n    return \\\\\\"x\\\\\\" # <b>\\\\n\\"}"}\n'
            '</tool_call>'
        ),
    ),
    # Hermes family: the block in a code fence that is the whole answer.
    'hermes_fenced': Format(
        one=(
            '```xml\n'
            '<tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tool_call>\n'
            '```'
        ),
        two=(
            '```xml\n'
            '<tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tool_call>\n'
            '```\n'
            '```xml\n'
            '<tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '</tool_call>\n'
            '```'
        ),
        typed=(
            '```xml\n'
            '<tool_call>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '</tool_call>\n'
            '```'
        ),
        multiline=(
            '```xml\n'
            '<tool_call>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '</tool_call>\n'
            '```'
        ),
    ),
    # Llama 3 Groq tool use.
    'hermes_with_id': Format(
        one=(
            '<tool_call>\n'
            '{"id": 0, "name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>\n'
            '{"id": 0, "name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tool_call>\n'
            '<tool_call>\n'
            '{"id": 1, "name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>\n'
            '{"id": 0, "name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>\n'
            '{"id": 0, "name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '</tool_call>'
        ),
    ),
    # Hermes family: the closing tag is the stop of the answer.
    'hermes_unclosed': Format(
        one=(
            '<tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}'
        ),
        two='',
        typed=(
            '<tool_call>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}'
        ),
        multiline=(
            '<tool_call>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}'
        ),
    ),
    # Granite 3.0 and 3.1, xLAM in tags.
    'hermes_list': Format(
        one='<tool_call>[{"name": "read_file", "arguments": {"path": "a.txt"}}]</tool_call>',
        two=(
            '<tool_call>[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]</tool_call>'
        ),
        typed='<tool_call>[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]</tool_call>',
        multiline=(
            '<tool_call>[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]</tool_call>'
        ),
    ),
    # Qwen 2.5 Coder.
    'tools_tag': Format(
        one=(
            '<tools>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tools>'
        ),
        two=(
            '<tools>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tools>\n'
            '<tools>\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '</tools>'
        ),
        typed=(
            '<tools>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '</tools>'
        ),
        multiline=(
            '<tools>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '</tools>'
        ),
    ),
    # Hermes-like fine-tunes.
    'function_call_tag': Format(
        one=(
            '<function_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</function_call>'
        ),
        two=(
            '<function_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</function_call>\n'
            '<function_call>\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '</function_call>'
        ),
        typed=(
            '<function_call>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '</function_call>'
        ),
        multiline=(
            '<function_call>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '</function_call>'
        ),
    ),
    # Granite 20B function calling.
    'granite_20b_fc': Format(
        one='<function_call> {"name": "read_file", "arguments": {"path": "a.txt"}}',
        two=(
            '<function_call> {"name": "read_file", "arguments": {"path": "a.txt"}} <function_call> {"name": "read_file", "arguments": {"path": "b.txt"}}'
        ),
        typed='<function_call> {"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}',
        multiline=(
            '<function_call> {"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}'
        ),
    ),
    # Granite 3.2 and 3.3.
    'granite3': Format(
        one='<|tool_call|>[{"name": "read_file", "arguments": {"path": "a.txt"}}]',
        two=(
            '<|tool_call|>[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]'
        ),
        typed='<|tool_call|>[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]',
        multiline=(
            '<|tool_call|>[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]'
        ),
    ),
    # Phi-4-mini chat template.
    'phi4_mini_tag': Format(
        one='<|tool_call|>[{"name": "read_file", "arguments": {"path": "a.txt"}}]<|/tool_call|>',
        two=(
            '<|tool_call|>[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]<|/tool_call|>'
        ),
        typed=(
            '<|tool_call|>[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]<|/tool_call|>'
        ),
        multiline=(
            '<|tool_call|>[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]<|/tool_call|>'
        ),
    ),
    # Phi-4-mini, FireFunction 2.
    'functools': Format(
        one='functools[{"name": "read_file", "arguments": {"path": "a.txt"}}]',
        two=(
            'functools[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]'
        ),
        typed='functools[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]',
        multiline=(
            'functools[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]'
        ),
    ),
    # Hunyuan A13B, Apriel 1.5 and 1.6.
    'hunyuan_a13b': Format(
        one='<tool_calls>[{"name": "read_file", "arguments": {"path": "a.txt"}}]</tool_calls>',
        two=(
            '<tool_calls>[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]</tool_calls>'
        ),
        typed='<tool_calls>[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]</tool_calls>',
        multiline=(
            '<tool_calls>[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]</tool_calls>'
        ),
    ),
    # Jamba 1.5 and later.
    'jamba': Format(
        one=(
            '<tool_calls>[\n'
            '    {"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            ']</tool_calls>'
        ),
        two=(
            '<tool_calls>[\n'
            '    {"name": "read_file", "arguments": {"path": "a.txt"}},\n'
            '    {"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            ']</tool_calls>'
        ),
        typed=(
            '<tool_calls>[\n'
            '    {"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            ']</tool_calls>'
        ),
        multiline=(
            '<tool_calls>[\n'
            '    {"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            ']</tool_calls>'
        ),
    ),
    # MiniMax M1.
    'minimax_m1': Format(
        one=(
            '<tool_calls>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</tool_calls>'
        ),
        two=(
            '<tool_calls>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '</tool_calls>'
        ),
        typed=(
            '<tool_calls>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '</tool_calls>'
        ),
        multiline=(
            '<tool_calls>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '</tool_calls>'
        ),
    ),
    # Nemotron Nano 2, Llama Nemotron Super 1.5.
    'nemotron_nano_v2': Format(
        one='<TOOLCALL>[{"name": "read_file", "arguments": {"path": "a.txt"}}]</TOOLCALL>',
        two=(
            '<TOOLCALL>[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]</TOOLCALL>'
        ),
        typed='<TOOLCALL>[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]</TOOLCALL>',
        multiline=(
            '<TOOLCALL>[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]</TOOLCALL>'
        ),
    ),
    # Nemotron Mini.
    'nemotron_mini': Format(
        one='<toolcall> {"name": "read_file", "arguments": {"path": "a.txt"}} </toolcall>',
        two=(
            '<toolcall> {"name": "read_file", "arguments": {"path": "a.txt"}} </toolcall>\n'
            '<toolcall> {"name": "read_file", "arguments": {"path": "b.txt"}} </toolcall>'
        ),
        typed='<toolcall> {"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}} </toolcall>',
        multiline=(
            '<toolcall> {"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}} </toolcall>'
        ),
    ),
    # LongCat Flash.
    'longcat_json': Format(
        one=(
            '<longcat_tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</longcat_tool_call>'
        ),
        two=(
            '<longcat_tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</longcat_tool_call>\n'
            '<longcat_tool_call>\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '</longcat_tool_call>'
        ),
        typed=(
            '<longcat_tool_call>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '</longcat_tool_call>'
        ),
        multiline=(
            '<longcat_tool_call>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '</longcat_tool_call>'
        ),
    ),
    # LM Studio, default tool format.
    'lm_studio': Format(
        one='[TOOL_REQUEST]{"name": "read_file", "arguments": {"path": "a.txt"}}[END_TOOL_REQUEST]',
        two=(
            '[TOOL_REQUEST]{"name": "read_file", "arguments": {"path": "a.txt"}}[END_TOOL_REQUEST]\n'
            '[TOOL_REQUEST]{"name": "read_file", "arguments": {"path": "b.txt"}}[END_TOOL_REQUEST]'
        ),
        typed=(
            '[TOOL_REQUEST]{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}[END_TOOL_REQUEST]'
        ),
        multiline=(
            '[TOOL_REQUEST]{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}[END_TOOL_REQUEST]'
        ),
    ),
    # LFM2 (JSON), openPangu.
    'lfm2_json': Format(
        one='<|tool_call_start|>[{"name": "read_file", "arguments": {"path": "a.txt"}}]<|tool_call_end|>',
        two=(
            '<|tool_call_start|>[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]<|tool_call_end|>'
        ),
        typed=(
            '<|tool_call_start|>[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]<|tool_call_end|>'
        ),
        multiline=(
            '<|tool_call_start|>[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]<|tool_call_end|>'
        ),
    ),
    # openPangu with unnamed tokens.
    'pangu_unused': Format(
        one='[unused11][{"name": "read_file", "arguments": {"path": "a.txt"}}][unused12]',
        two=(
            '[unused11][{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}][unused12]'
        ),
        typed='[unused11][{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}][unused12]',
        multiline=(
            '[unused11][{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}][unused12]'
        ),
    ),
    # InternLM 2, 2.5 and 3.
    'internlm2': Format(
        one=(
            '<|action_start|><|plugin|>\n'
            '{"name": "read_file", "parameters": {"path": "a.txt"}}<|action_end|>'
        ),
        two='',
        typed=(
            '<|action_start|><|plugin|>\n'
            '{"name": "grep", "parameters": {"pattern": "x", "ignore_case": true, "context": 3}}<|action_end|>'
        ),
        multiline=(
            '<|action_start|><|plugin|>\n'
            '{"name": "write_file", "parameters": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}<|action_end|>'
        ),
    ),
    # Intern-S1.
    'intern_s1': Format(
        one=(
            '<|action_start|> <|plugin|>\n'
            '{"name": "read_file", "parameters": {"path": "a.txt"}}<|action_end|>'
        ),
        two=(
            '<|action_start|> <|plugin|>\n'
            '{"name": "read_file", "parameters": {"path": "a.txt"}}<|action_end|>\n'
            '<|action_start|> <|plugin|>\n'
            '{"name": "read_file", "parameters": {"path": "b.txt"}}<|action_end|>'
        ),
        typed=(
            '<|action_start|> <|plugin|>\n'
            '{"name": "grep", "parameters": {"pattern": "x", "ignore_case": true, "context": 3}}<|action_end|>'
        ),
        multiline=(
            '<|action_start|> <|plugin|>\n'
            '{"name": "write_file", "parameters": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}<|action_end|>'
        ),
    ),
    # Apertus.
    'apertus': Format(
        one='<|tools_prefix|>[{"read_file": {"path": "a.txt"}}]<|tools_suffix|>',
        two='<|tools_prefix|>[{"read_file": {"path": "a.txt"}}, {"read_file": {"path": "b.txt"}}]<|tools_suffix|>',
        typed='<|tools_prefix|>[{"grep": {"pattern": "x", "ignore_case": true, "context": 3}}]<|tools_suffix|>',
        multiline=(
            '<|tools_prefix|>[{"write_file": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]<|tools_suffix|>'
        ),
    ),
    # Command R7B, Command A.
    'cohere_command': Format(
        one=(
            '<|START_ACTION|>[\n'
            '    {"tool_call_id": "0", "tool_name": "read_file", "parameters": {"path": "a.txt"}}\n'
            ']<|END_ACTION|>'
        ),
        two=(
            '<|START_ACTION|>[\n'
            '    {"tool_call_id": "0", "tool_name": "read_file", "parameters": {"path": "a.txt"}},\n'
            '    {"tool_call_id": "1", "tool_name": "read_file", "parameters": {"path": "b.txt"}}\n'
            ']<|END_ACTION|>'
        ),
        typed=(
            '<|START_ACTION|>[\n'
            '    {"tool_call_id": "0", "tool_name": "grep", "parameters": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            ']<|END_ACTION|>'
        ),
        multiline=(
            '<|START_ACTION|>[\n'
            '    {"tool_call_id": "0", "tool_name": "write_file", "parameters": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            ']<|END_ACTION|>'
        ),
    ),
    # Command R and R+ (2024).
    'command_r': Format(
        one=(
            'Action: ```json\n'
            '[\n'
            '    {\n'
            '        "tool_name": "read_file",\n'
            '        "parameters": {\n'
            '            "path": "a.txt"\n'
            '        }\n'
            '    }\n'
            ']\n'
            '```'
        ),
        two=(
            'Action: ```json\n'
            '[\n'
            '    {\n'
            '        "tool_name": "read_file",\n'
            '        "parameters": {\n'
            '            "path": "a.txt"\n'
            '        }\n'
            '    },\n'
            '    {\n'
            '        "tool_name": "read_file",\n'
            '        "parameters": {\n'
            '            "path": "b.txt"\n'
            '        }\n'
            '    }\n'
            ']\n'
            '```'
        ),
        typed=(
            'Action: ```json\n'
            '[\n'
            '    {\n'
            '        "tool_name": "grep",\n'
            '        "parameters": {\n'
            '            "pattern": "x",\n'
            '            "ignore_case": true,\n'
            '            "context": 3\n'
            '        }\n'
            '    }\n'
            ']\n'
            '```'
        ),
        multiline=(
            'Action: ```json\n'
            '[\n'
            '    {\n'
            '        "tool_name": "write_file",\n'
            '        "parameters": {\n'
            '            "path": "a.py",\n'
            '            "content": "def f():\\n    return \\"x\\" # <b>\\n"\n'
            '        }\n'
            '    }\n'
            ']\n'
            '```'
        ),
    ),
    # HyperCLOVA X SEED Think 14B.
    'hyperclovax_14b': Format(
        one=(
            ' -> tool/function_call\n'
            '[{"name": "read_file", "arguments": {"path": "a.txt"}}]<|im_end|>'
        ),
        two=(
            ' -> tool/function_call\n'
            '[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]<|im_end|>'
        ),
        typed=(
            ' -> tool/function_call\n'
            '[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]<|im_end|>'
        ),
        multiline=(
            ' -> tool/function_call\n'
            '[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]<|im_end|>'
        ),
    ),
    # GigaChat 3: the message of the role `function call`.
    'gigachat3': Format(
        one=(
            '<|message_sep|>\n'
            '\n'
            'function call<|role_sep|>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}'
        ),
        two='',
        typed=(
            '<|message_sep|>\n'
            '\n'
            'function call<|role_sep|>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}'
        ),
        multiline=(
            '<|message_sep|>\n'
            '\n'
            'function call<|role_sep|>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}'
        ),
    ),
    # GigaChat 3.1.
    'gigachat31': Format(
        one='<|function_call|>{"name": "read_file", "arguments": {"path": "a.txt"}}',
        two='',
        typed='<|function_call|>{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}',
        multiline=(
            '<|function_call|>{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}'
        ),
    ),
    # RWKV 7.
    'rwkv': Format(
        one=(
            '**Tool Call:**\n'
            '```json\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '```'
        ),
        two=(
            '**Tool Call:**\n'
            '```json\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '```\n'
            '\n'
            '**Tool Call:**\n'
            '```json\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '```'
        ),
        typed=(
            '**Tool Call:**\n'
            '```json\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '```'
        ),
        multiline=(
            '**Tool Call:**\n'
            '```json\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '```'
        ),
    ),
    # Step-Audio 2.
    'step_audio_2': Format(
        one=(
            '<tool_call>function\n'
            'read_file\n'
            '{"path": "a.txt"}</tool_call>'
        ),
        two=(
            '<tool_call>function\n'
            'read_file\n'
            '{"path": "a.txt"}</tool_call><tool_call>function\n'
            'read_file\n'
            '{"path": "b.txt"}</tool_call>'
        ),
        typed=(
            '<tool_call>function\n'
            'grep\n'
            '{"pattern": "x", "ignore_case": true, "context": 3}</tool_call>'
        ),
        multiline=(
            '<tool_call>function\n'
            'write_file\n'
            '{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}</tool_call>'
        ),
    ),
    # Inkling.
    'inkling': Format(
        one=(
            '<|message_model|>read_file<|content_invoke_tool_json|>{"name":"read_file","args":{"path":"a.txt"}}<|end_message|>'
        ),
        two=(
            '<|message_model|>read_file<|content_invoke_tool_json|>{"name":"read_file","args":{"path":"a.txt"}}<|end_message|><|message_model|>read_file<|content_invoke_tool_json|>{"name":"read_file","args":{"path":"b.txt"}}<|end_message|>'
        ),
        typed=(
            '<|message_model|>grep<|content_invoke_tool_json|>{"name":"grep","args":{"pattern":"x","ignore_case":true,"context":3}}<|end_message|>'
        ),
        multiline=(
            '<|message_model|>write_file<|content_invoke_tool_json|>{"name":"write_file","args":{"path":"a.py","content":"def f():\\n    return \\"x\\" # <b>\\n"}}<|end_message|>'
        ),
    ),
    # Solar Open 100B.
    'solar_open': Format(
        one=(
            '<|tool_calls|><|tool_call:begin|>a1b2c3d4e0<|tool_call:name|>read_file<|tool_call:args|>{"path": "a.txt"}<|tool_call:end|><|calls|>'
        ),
        two=(
            '<|tool_calls|><|tool_call:begin|>a1b2c3d4e0<|tool_call:name|>read_file<|tool_call:args|>{"path": "a.txt"}<|tool_call:end|><|tool_call:begin|>a1b2c3d4e1<|tool_call:name|>read_file<|tool_call:args|>{"path": "b.txt"}<|tool_call:end|><|calls|>'
        ),
        typed=(
            '<|tool_calls|><|tool_call:begin|>a1b2c3d4e0<|tool_call:name|>grep<|tool_call:args|>{"pattern": "x", "ignore_case": true, "context": 3}<|tool_call:end|><|calls|>'
        ),
        multiline=(
            '<|tool_calls|><|tool_call:begin|>a1b2c3d4e0<|tool_call:name|>write_file<|tool_call:args|>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}<|tool_call:end|><|calls|>'
        ),
    ),
    # PLaMo 3.
    'plamo3': Format(
        one=(
            '<|plamo:begin_tool_requests:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>read_file<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{"path": "a.txt"}<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|><|plamo:end_tool_requests:plamo|>'
        ),
        two=(
            '<|plamo:begin_tool_requests:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>read_file<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{"path": "a.txt"}<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>read_file<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{"path": "b.txt"}<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|><|plamo:end_tool_requests:plamo|>'
        ),
        typed=(
            '<|plamo:begin_tool_requests:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>grep<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{"pattern": "x", "ignore_case": true, "context": 3}<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|><|plamo:end_tool_requests:plamo|>'
        ),
        multiline=(
            '<|plamo:begin_tool_requests:plamo|><|plamo:begin_tool_request:plamo|><|plamo:begin_tool_name:plamo|>write_file<|plamo:end_tool_name:plamo|><|plamo:begin_tool_arguments:plamo|><|plamo:constrain|>json<|plamo:msg|>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}<|plamo:end_tool_arguments:plamo|><|plamo:end_tool_request:plamo|><|plamo:end_tool_requests:plamo|>'
        ),
    ),
    # K2 Horizon (JSON).
    'k2_horizon_json': Format(
        one=(
            '<ifm|tool_calls><ifm|tool_call>{"name": "read_file", "arguments": {"path": "a.txt"}}</ifm|tool_call></ifm|tool_calls>'
        ),
        two=(
            '<ifm|tool_calls><ifm|tool_call>{"name": "read_file", "arguments": {"path": "a.txt"}}</ifm|tool_call>\n'
            '<ifm|tool_call>{"name": "read_file", "arguments": {"path": "b.txt"}}</ifm|tool_call></ifm|tool_calls>'
        ),
        typed=(
            '<ifm|tool_calls><ifm|tool_call>{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}</ifm|tool_call></ifm|tool_calls>'
        ),
        multiline=(
            '<ifm|tool_calls><ifm|tool_call>{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}</ifm|tool_call></ifm|tool_calls>'
        ),
    ),
    # Llama 3.1 to 3.3.
    'llama3_json': Format(
        one='{"name": "read_file", "parameters": {"path": "a.txt"}}',
        two=(
            '{"name": "read_file", "parameters": {"path": "a.txt"}}; {"name": "read_file", "parameters": {"path": "b.txt"}}'
        ),
        typed='{"name": "grep", "parameters": {"pattern": "x", "ignore_case": true, "context": 3}}',
        multiline='{"name": "write_file", "parameters": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}',
    ),
    # Llama 3.1 with code interpreter, Llama 3.2.
    'llama3_python_tag': Format(
        one='<|python_tag|>{"name": "read_file", "parameters": {"path": "a.txt"}}',
        two=(
            '<|python_tag|>{"name": "read_file", "parameters": {"path": "a.txt"}}; {"name": "read_file", "parameters": {"path": "b.txt"}}'
        ),
        typed='<|python_tag|>{"name": "grep", "parameters": {"pattern": "x", "ignore_case": true, "context": 3}}',
        multiline=(
            '<|python_tag|>{"name": "write_file", "parameters": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}'
        ),
    ),
    # Llama 3.x, often seen through proxies.
    'llama3_type': Format(
        one='{"type": "function", "name": "read_file", "parameters": {"path": "a.txt"}}',
        two=(
            '{"type": "function", "name": "read_file", "parameters": {"path": "a.txt"}}; {"type": "function", "name": "read_file", "parameters": {"path": "b.txt"}}'
        ),
        typed='{"type": "function", "name": "grep", "parameters": {"pattern": "x", "ignore_case": true, "context": 3}}',
        multiline=(
            '{"type": "function", "name": "write_file", "parameters": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}'
        ),
    ),
    # Llama 3.1 custom calls, Functionary 3.1.
    'llama_function_tag': Format(
        one='<function=read_file>{"path": "a.txt"}</function>',
        two=(
            '<function=read_file>{"path": "a.txt"}</function>\n'
            '<function=read_file>{"path": "b.txt"}</function>'
        ),
        typed='<function=grep>{"pattern": "x", "ignore_case": true, "context": 3}</function>',
        multiline='<function=write_file>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}</function>',
    ),
    # Hermes-like fine-tunes.
    'function_name_attribute': Format(
        one='<function name="read_file">{"path": "a.txt"}</function>',
        two=(
            '<function name="read_file">{"path": "a.txt"}</function>\n'
            '<function name="read_file">{"path": "b.txt"}</function>'
        ),
        typed='<function name="grep">{"pattern": "x", "ignore_case": true, "context": 3}</function>',
        multiline='<function name="write_file">{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}</function>',
    ),
    # Qwen 2.5 Coder, Athene and small models without the tag.
    'json_bare': Format(
        one='{"name": "read_file", "arguments": {"path": "a.txt"}}',
        two=(
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}'
        ),
        typed='{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}',
        multiline='{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}',
    ),
    # Qwen 2.5 Coder, Gemma 2 and 3, small models.
    'json_fence': Format(
        one=(
            '```json\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '```'
        ),
        two=(
            '```json\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '```\n'
            '```json\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '```'
        ),
        typed=(
            '```json\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '```'
        ),
        multiline=(
            '```json\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '```'
        ),
    ),
    # xLAM, BitAgent.
    'json_list': Format(
        one='[{"name": "read_file", "arguments": {"path": "a.txt"}}]',
        two=(
            '[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]'
        ),
        typed='[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]',
        multiline='[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]',
    ),
    # xLAM.
    'json_list_fence': Format(
        one=(
            '```json\n'
            '[{"name": "read_file", "arguments": {"path": "a.txt"}}]\n'
            '```'
        ),
        two=(
            '```json\n'
            '[{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]\n'
            '```'
        ),
        typed=(
            '```json\n'
            '[{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]\n'
            '```'
        ),
        multiline=(
            '```json\n'
            '[{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]\n'
            '```'
        ),
    ),
    # xLAM 1.
    'xlam_object': Format(
        one='{"thought": "", "tool_calls": [{"name": "read_file", "arguments": {"path": "a.txt"}}]}',
        two=(
            '{"thought": "", "tool_calls": [{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]}'
        ),
        typed=(
            '{"thought": "", "tool_calls": [{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]}'
        ),
        multiline=(
            '{"thought": "", "tool_calls": [{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]}'
        ),
    ),
    # models that copy the API shape.
    'openai_function': Format(
        one='{"type": "function", "function": {"name": "read_file", "arguments": {"path": "a.txt"}}}',
        two=(
            '{"type": "function", "function": {"name": "read_file", "arguments": {"path": "a.txt"}}}\n'
            '{"type": "function", "function": {"name": "read_file", "arguments": {"path": "b.txt"}}}'
        ),
        typed=(
            '{"type": "function", "function": {"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}}'
        ),
        multiline=(
            '{"type": "function", "function": {"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}}'
        ),
    ),
    # models that copy the API message, arguments as a string.
    'openai_tool_calls': Format(
        one=(
            '{"tool_calls": [{"id": "call_0", "type": "function", "function": {"name": "read_file", "arguments": "{\\"path\\": \\"a.txt\\"}"}}]}'
        ),
        two=(
            '{"tool_calls": [{"id": "call_0", "type": "function", "function": {"name": "read_file", "arguments": "{\\"path\\": \\"a.txt\\"}"}}, {"id": "call_1", "type": "function", "function": {"name": "read_file", "arguments": "{\\"path\\": \\"b.txt\\"}"}}]}'
        ),
        typed=(
            '{"tool_calls": [{"id": "call_0", "type": "function", "function": {"name": "grep", "arguments": "{\\"pattern\\": \\"x\\", \\"ignore_case\\": true, \\"context\\": 3}"}}]}'
        ),
        multiline=(
            '{"tool_calls": [{"id": "call_0", "type": "function", "function": {"name": "write_file", "arguments": "{\\"path\\": \\"a.py\\", \\"content\\": \\"def f():\\\\n    return \\\\\\"x\\\\\\" # <b>\\\\n\\"}"}}]}'
        ),
    ),
    # llama.cpp, generic format.
    'llamacpp_generic': Format(
        one=(
            '{\n'
            '  "tool_call": {\n'
            '    "name": "read_file",\n'
            '    "arguments": {\n'
            '      "path": "a.txt"\n'
            '    }\n'
            '  }\n'
            '}'
        ),
        two='',
        typed=(
            '{\n'
            '  "tool_call": {\n'
            '    "name": "grep",\n'
            '    "arguments": {\n'
            '      "pattern": "x",\n'
            '      "ignore_case": true,\n'
            '      "context": 3\n'
            '    }\n'
            '  }\n'
            '}'
        ),
        multiline=(
            '{\n'
            '  "tool_call": {\n'
            '    "name": "write_file",\n'
            '    "arguments": {\n'
            '      "path": "a.py",\n'
            '      "content": "def f():\\n    return \\"x\\" # <b>\\n"\n'
            '    }\n'
            '  }\n'
            '}'
        ),
    ),
    # llama.cpp, generic format with parallel calls.
    'llamacpp_generic_parallel': Format(
        one=(
            '{\n'
            '  "tool_calls": [\n'
            '    {\n'
            '      "name": "read_file",\n'
            '      "arguments": {\n'
            '        "path": "a.txt"\n'
            '      },\n'
            '      "id": "call00000"\n'
            '    }\n'
            '  ]\n'
            '}'
        ),
        two=(
            '{\n'
            '  "tool_calls": [\n'
            '    {\n'
            '      "name": "read_file",\n'
            '      "arguments": {\n'
            '        "path": "a.txt"\n'
            '      },\n'
            '      "id": "call00000"\n'
            '    },\n'
            '    {\n'
            '      "name": "read_file",\n'
            '      "arguments": {\n'
            '        "path": "b.txt"\n'
            '      },\n'
            '      "id": "call00001"\n'
            '    }\n'
            '  ]\n'
            '}'
        ),
        typed=(
            '{\n'
            '  "tool_calls": [\n'
            '    {\n'
            '      "name": "grep",\n'
            '      "arguments": {\n'
            '        "pattern": "x",\n'
            '        "ignore_case": true,\n'
            '        "context": 3\n'
            '      },\n'
            '      "id": "call00000"\n'
            '    }\n'
            '  ]\n'
            '}'
        ),
        multiline=(
            '{\n'
            '  "tool_calls": [\n'
            '    {\n'
            '      "name": "write_file",\n'
            '      "arguments": {\n'
            '        "path": "a.py",\n'
            '        "content": "def f():\\n    return \\"x\\" # <b>\\n"\n'
            '      },\n'
            '      "id": "call00000"\n'
            '    }\n'
            '  ]\n'
            '}'
        ),
    ),
    # MiniMax-Text-01.
    'minimax_text_01': Format(
        one=(
            '<function_call>```typescript\n'
            'functions.read_file({"path": "a.txt"})\n'
            '```'
        ),
        two=(
            '<function_call>```typescript\n'
            'functions.read_file({"path": "a.txt"})\n'
            'functions.read_file({"path": "b.txt"})\n'
            '```'
        ),
        typed=(
            '<function_call>```typescript\n'
            'functions.grep({"pattern": "x", "ignore_case": true, "context": 3})\n'
            '```'
        ),
        multiline=(
            '<function_call>```typescript\n'
            'functions.write_file({"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"})\n'
            '```'
        ),
    ),
    # GLM-4 9B, GLM-4-0414.
    'glm4_9b': Format(
        one=(
            'read_file\n'
            '{"path": "a.txt"}'
        ),
        two='',
        typed=(
            'grep\n'
            '{"pattern": "x", "ignore_case": true, "context": 3}'
        ),
        multiline=(
            'write_file\n'
            '{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}'
        ),
    ),
    # ChatGLM3.
    'chatglm3': Format(
        one=(
            'read_file\n'
            '```python\n'
            "tool_call(path='a.txt')\n"
            '```'
        ),
        two='',
        typed=(
            'grep\n'
            '```python\n'
            "tool_call(pattern='x', ignore_case=True, context=3)\n"
            '```'
        ),
        multiline=(
            'write_file\n'
            '```python\n'
            'tool_call(path=\'a.py\', content=\'def f():\\n    return "x" # <b>\\n\')\n'
            '```'
        ),
    ),
    # Functionary 3.2.
    'functionary_v32': Format(
        one=(
            '>>>read_file\n'
            '{"path": "a.txt"}'
        ),
        two=(
            '>>>read_file\n'
            '{"path": "a.txt"}\n'
            '>>>read_file\n'
            '{"path": "b.txt"}'
        ),
        typed=(
            '>>>grep\n'
            '{"pattern": "x", "ignore_case": true, "context": 3}'
        ),
        multiline=(
            '>>>write_file\n'
            '{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}'
        ),
    ),
    # Functionary 3.2, the first marker in the prompt.
    'functionary_v32_prompt_opened': Format(
        one=(
            'read_file\n'
            '{"path": "a.txt"}'
        ),
        two=(
            'read_file\n'
            '{"path": "a.txt"}\n'
            '>>>read_file\n'
            '{"path": "b.txt"}'
        ),
        typed=(
            'grep\n'
            '{"pattern": "x", "ignore_case": true, "context": 3}'
        ),
        multiline=(
            'write_file\n'
            '{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}'
        ),
    ),
    # Functionary 2.x.
    'functionary_v2': Format(
        one=(
            '<|from|>assistant\n'
            '<|recipient|>read_file\n'
            '<|content|>{"path": "a.txt"}'
        ),
        two=(
            '<|from|>assistant\n'
            '<|recipient|>read_file\n'
            '<|content|>{"path": "a.txt"}\n'
            '<|from|>assistant\n'
            '<|recipient|>read_file\n'
            '<|content|>{"path": "b.txt"}'
        ),
        typed=(
            '<|from|>assistant\n'
            '<|recipient|>grep\n'
            '<|content|>{"pattern": "x", "ignore_case": true, "context": 3}'
        ),
        multiline=(
            '<|from|>assistant\n'
            '<|recipient|>write_file\n'
            '<|content|>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}'
        ),
    ),
    # Qwen 1.5, QwQ preview with Qwen-Agent.
    'qwen_agent': Format(
        one=(
            '✿FUNCTION✿: read_file\n'
            '✿ARGS✿: {"path": "a.txt"}'
        ),
        two=(
            '✿FUNCTION✿: read_file\n'
            '✿ARGS✿: {"path": "a.txt"}\n'
            '✿FUNCTION✿: read_file\n'
            '✿ARGS✿: {"path": "b.txt"}'
        ),
        typed=(
            '✿FUNCTION✿: grep\n'
            '✿ARGS✿: {"pattern": "x", "ignore_case": true, "context": 3}'
        ),
        multiline=(
            '✿FUNCTION✿: write_file\n'
            '✿ARGS✿: {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}'
        ),
    ),
    # ReAct prompts (Qwen 1, LangChain).
    'react': Format(
        one=(
            'Action: read_file\n'
            'Action Input: {"path": "a.txt"}'
        ),
        two='',
        typed=(
            'Action: grep\n'
            'Action Input: {"pattern": "x", "ignore_case": true, "context": 3}'
        ),
        multiline=(
            'Action: write_file\n'
            'Action Input: {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}'
        ),
    ),
    # CWM: the tool name is the first word of the body.
    'cwm': Format(
        one=(
            '<tool: function>\n'
            'read_file {"path": "a.txt"}\n'
            '</tool>'
        ),
        two=(
            '<tool: function>\n'
            'read_file {"path": "a.txt"}\n'
            '</tool>\n'
            '<tool: function>\n'
            'read_file {"path": "b.txt"}\n'
            '</tool>'
        ),
        typed=(
            '<tool: function>\n'
            'grep {"pattern": "x", "ignore_case": true, "context": 3}\n'
            '</tool>'
        ),
        multiline=(
            '<tool: function>\n'
            'write_file {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}\n'
            '</tool>'
        ),
    ),
    # MiroThinker, MCP by prompt.
    'miro_mcp': Format(
        one=(
            '<use_mcp_tool>\n'
            '<server_name>files</server_name>\n'
            '<tool_name>read_file</tool_name>\n'
            '<arguments>\n'
            '{"path": "a.txt"}\n'
            '</arguments>\n'
            '</use_mcp_tool>'
        ),
        two=(
            '<use_mcp_tool>\n'
            '<server_name>files</server_name>\n'
            '<tool_name>read_file</tool_name>\n'
            '<arguments>\n'
            '{"path": "a.txt"}\n'
            '</arguments>\n'
            '</use_mcp_tool>\n'
            '<use_mcp_tool>\n'
            '<server_name>files</server_name>\n'
            '<tool_name>read_file</tool_name>\n'
            '<arguments>\n'
            '{"path": "b.txt"}\n'
            '</arguments>\n'
            '</use_mcp_tool>'
        ),
        typed=(
            '<use_mcp_tool>\n'
            '<server_name>files</server_name>\n'
            '<tool_name>grep</tool_name>\n'
            '<arguments>\n'
            '{"pattern": "x", "ignore_case": true, "context": 3}\n'
            '</arguments>\n'
            '</use_mcp_tool>'
        ),
        multiline=(
            '<use_mcp_tool>\n'
            '<server_name>files</server_name>\n'
            '<tool_name>write_file</tool_name>\n'
            '<arguments>\n'
            '{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}\n'
            '</arguments>\n'
            '</use_mcp_tool>'
        ),
    ),
    # Mistral 7B 0.3 to Small 3.1.
    'mistral_v3': Format(
        one='[TOOL_CALLS][{"name": "read_file", "arguments": {"path": "a.txt"}}]',
        two=(
            '[TOOL_CALLS][{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]'
        ),
        typed='[TOOL_CALLS][{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]',
        multiline=(
            '[TOOL_CALLS][{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]'
        ),
    ),
    # Mistral tokenizer v3, Ollama.
    'mistral_v3_space': Format(
        one='[TOOL_CALLS] [{"name": "read_file", "arguments": {"path": "a.txt"}}]',
        two=(
            '[TOOL_CALLS] [{"name": "read_file", "arguments": {"path": "a.txt"}}, {"name": "read_file", "arguments": {"path": "b.txt"}}]'
        ),
        typed='[TOOL_CALLS] [{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}]',
        multiline=(
            '[TOOL_CALLS] [{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}]'
        ),
    ),
    # Mistral Nemo, Large 2 (with call ids).
    'mistral_v3_id': Format(
        one='[TOOL_CALLS][{"name": "read_file", "arguments": {"path": "a.txt"}, "id": "abcdef120"}]',
        two=(
            '[TOOL_CALLS][{"name": "read_file", "arguments": {"path": "a.txt"}, "id": "abcdef120"}, {"name": "read_file", "arguments": {"path": "b.txt"}, "id": "abcdef121"}]'
        ),
        typed=(
            '[TOOL_CALLS][{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}, "id": "abcdef120"}]'
        ),
        multiline=(
            '[TOOL_CALLS][{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}, "id": "abcdef120"}]'
        ),
    ),
    # Mistral Small 3.2, Magistral, Devstral (tokens dropped).
    'mistral_v11': Format(
        one='[TOOL_CALLS]read_file{"path": "a.txt"}',
        two='[TOOL_CALLS]read_file{"path": "a.txt"}[TOOL_CALLS]read_file{"path": "b.txt"}',
        typed='[TOOL_CALLS]grep{"pattern": "x", "ignore_case": true, "context": 3}',
        multiline='[TOOL_CALLS]write_file{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}',
    ),
    # Mistral v11 and v13: Magistral, Devstral, Ministral 3.
    'mistral_v11_args': Format(
        one='[TOOL_CALLS]read_file[ARGS]{"path": "a.txt"}',
        two='[TOOL_CALLS]read_file[ARGS]{"path": "a.txt"}[TOOL_CALLS]read_file[ARGS]{"path": "b.txt"}',
        typed='[TOOL_CALLS]grep[ARGS]{"pattern": "x", "ignore_case": true, "context": 3}',
        multiline='[TOOL_CALLS]write_file[ARGS]{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}',
    ),
    # Mistral Small 3.2.
    'mistral_v11_call_id': Format(
        one='[TOOL_CALLS]read_file[CALL_ID]abcdef120[ARGS]{"path": "a.txt"}',
        two=(
            '[TOOL_CALLS]read_file[CALL_ID]abcdef120[ARGS]{"path": "a.txt"}[TOOL_CALLS]read_file[CALL_ID]abcdef121[ARGS]{"path": "b.txt"}'
        ),
        typed='[TOOL_CALLS]grep[CALL_ID]abcdef120[ARGS]{"pattern": "x", "ignore_case": true, "context": 3}',
        multiline=(
            '[TOOL_CALLS]write_file[CALL_ID]abcdef120[ARGS]{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}'
        ),
    ),
    # Qwen3 Coder, Qwen 3.5 and later, Step 3.5, Nemotron 3, Granite thinking, Kolibri 1, iQuest Coder, MiniCPM-V.
    'qwen3_coder': Format(
        one=(
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>\n'
            'a.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>\n'
            'a.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>\n'
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>\n'
            'b.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>\n'
            '<function=grep>\n'
            '<parameter=pattern>\n'
            'x\n'
            '</parameter>\n'
            '<parameter=ignore_case>\n'
            'true\n'
            '</parameter>\n'
            '<parameter=context>\n'
            '3\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>\n'
            '<function=write_file>\n'
            '<parameter=path>\n'
            'a.py\n'
            '</parameter>\n'
            '<parameter=content>\n'
            'def f():\n'
            '    return "x" # <b>\n'
            '\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
    ),
    # the same, with values as Python writes them.
    'qwen3_coder_python_bool': Format(
        one=(
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>\n'
            'a.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>\n'
            'a.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>\n'
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>\n'
            'b.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>\n'
            '<function=grep>\n'
            '<parameter=pattern>\n'
            'x\n'
            '</parameter>\n'
            '<parameter=ignore_case>\n'
            'True\n'
            '</parameter>\n'
            '<parameter=context>\n'
            '3\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>\n'
            '<function=write_file>\n'
            '<parameter=path>\n'
            'a.py\n'
            '</parameter>\n'
            '<parameter=content>\n'
            'def f():\n'
            '    return "x" # <b>\n'
            '\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
    ),
    # Qwen3 Coder without the outer tag.
    'qwen3_coder_bare': Format(
        one=(
            '<function=read_file>\n'
            '<parameter=path>\n'
            'a.txt\n'
            '</parameter>\n'
            '</function>'
        ),
        two=(
            '<function=read_file>\n'
            '<parameter=path>\n'
            'a.txt\n'
            '</parameter>\n'
            '</function>\n'
            '<function=read_file>\n'
            '<parameter=path>\n'
            'b.txt\n'
            '</parameter>\n'
            '</function>'
        ),
        typed=(
            '<function=grep>\n'
            '<parameter=pattern>\n'
            'x\n'
            '</parameter>\n'
            '<parameter=ignore_case>\n'
            'true\n'
            '</parameter>\n'
            '<parameter=context>\n'
            '3\n'
            '</parameter>\n'
            '</function>'
        ),
        multiline=(
            '<function=write_file>\n'
            '<parameter=path>\n'
            'a.py\n'
            '</parameter>\n'
            '<parameter=content>\n'
            'def f():\n'
            '    return "x" # <b>\n'
            '\n'
            '</parameter>\n'
            '</function>'
        ),
    ),
    # Qwen3 Coder, only the closing outer tag.
    'qwen3_coder_unopened': Format(
        one=(
            '<function=read_file>\n'
            '<parameter=path>\n'
            'a.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        two=(
            '<function=read_file>\n'
            '<parameter=path>\n'
            'a.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>\n'
            'b.txt\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        typed=(
            '<function=grep>\n'
            '<parameter=pattern>\n'
            'x\n'
            '</parameter>\n'
            '<parameter=ignore_case>\n'
            'true\n'
            '</parameter>\n'
            '<parameter=context>\n'
            '3\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        multiline=(
            '<function=write_file>\n'
            '<parameter=path>\n'
            'a.py\n'
            '</parameter>\n'
            '<parameter=content>\n'
            'def f():\n'
            '    return "x" # <b>\n'
            '\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
    ),
    # MiMo V2, BerryLM.
    'mimo_v2': Format(
        one=(
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>a.txt</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>a.txt</parameter>\n'
            '</function>\n'
            '</tool_call>\n'
            '<tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>b.txt</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>\n'
            '<function=grep>\n'
            '<parameter=pattern>x</parameter>\n'
            '<parameter=ignore_case>true</parameter>\n'
            '<parameter=context>3</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>\n'
            '<function=write_file>\n'
            '<parameter=path>a.py</parameter>\n'
            '<parameter=content>def f():\n'
            '    return "x" # <b>\n'
            '</parameter>\n'
            '</function>\n'
            '</tool_call>'
        ),
    ),
    # Seed-OSS.
    'seed_oss': Format(
        one=(
            '<seed:tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>a.txt</parameter>\n'
            '</function>\n'
            '</seed:tool_call>'
        ),
        two=(
            '<seed:tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>a.txt</parameter>\n'
            '</function>\n'
            '</seed:tool_call>\n'
            '<seed:tool_call>\n'
            '<function=read_file>\n'
            '<parameter=path>b.txt</parameter>\n'
            '</function>\n'
            '</seed:tool_call>'
        ),
        typed=(
            '<seed:tool_call>\n'
            '<function=grep>\n'
            '<parameter=pattern>x</parameter>\n'
            '<parameter=ignore_case>true</parameter>\n'
            '<parameter=context>3</parameter>\n'
            '</function>\n'
            '</seed:tool_call>'
        ),
        multiline=(
            '<seed:tool_call>\n'
            '<function=write_file>\n'
            '<parameter=path>a.py</parameter>\n'
            '<parameter=content>def f():\n'
            '    return "x" # <b>\n'
            '</parameter>\n'
            '</function>\n'
            '</seed:tool_call>'
        ),
    ),
    # models tuned on XML invocations.
    'anthropic_xml': Format(
        one=(
            '<function_calls>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">a.txt</parameter>\n'
            '</invoke>\n'
            '</function_calls>'
        ),
        two=(
            '<function_calls>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">a.txt</parameter>\n'
            '</invoke>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">b.txt</parameter>\n'
            '</invoke>\n'
            '</function_calls>'
        ),
        typed=(
            '<function_calls>\n'
            '<invoke name="grep">\n'
            '<parameter name="pattern">x</parameter>\n'
            '<parameter name="ignore_case">true</parameter>\n'
            '<parameter name="context">3</parameter>\n'
            '</invoke>\n'
            '</function_calls>'
        ),
        multiline=(
            '<function_calls>\n'
            '<invoke name="write_file">\n'
            '<parameter name="path">a.py</parameter>\n'
            '<parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</parameter>\n'
            '</invoke>\n'
            '</function_calls>'
        ),
    ),
    # the same with a namespace.
    'anthropic_xml_prefixed': Format(
        one=(
            '<antml:function_calls>\n'
            '<antml:invoke name="read_file">\n'
            '<antml:parameter name="path">a.txt</antml:parameter>\n'
            '</antml:invoke>\n'
            '</antml:function_calls>'
        ),
        two=(
            '<antml:function_calls>\n'
            '<antml:invoke name="read_file">\n'
            '<antml:parameter name="path">a.txt</antml:parameter>\n'
            '</antml:invoke>\n'
            '<antml:invoke name="read_file">\n'
            '<antml:parameter name="path">b.txt</antml:parameter>\n'
            '</antml:invoke>\n'
            '</antml:function_calls>'
        ),
        typed=(
            '<antml:function_calls>\n'
            '<antml:invoke name="grep">\n'
            '<antml:parameter name="pattern">x</antml:parameter>\n'
            '<antml:parameter name="ignore_case">true</antml:parameter>\n'
            '<antml:parameter name="context">3</antml:parameter>\n'
            '</antml:invoke>\n'
            '</antml:function_calls>'
        ),
        multiline=(
            '<antml:function_calls>\n'
            '<antml:invoke name="write_file">\n'
            '<antml:parameter name="path">a.py</antml:parameter>\n'
            '<antml:parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</antml:parameter>\n'
            '</antml:invoke>\n'
            '</antml:function_calls>'
        ),
    ),
    # the same without the outer tag.
    'anthropic_xml_bare': Format(
        one=(
            '<invoke name="read_file">\n'
            '<parameter name="path">a.txt</parameter>\n'
            '</invoke>'
        ),
        two=(
            '<invoke name="read_file">\n'
            '<parameter name="path">a.txt</parameter>\n'
            '</invoke>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">b.txt</parameter>\n'
            '</invoke>'
        ),
        typed=(
            '<invoke name="grep">\n'
            '<parameter name="pattern">x</parameter>\n'
            '<parameter name="ignore_case">true</parameter>\n'
            '<parameter name="context">3</parameter>\n'
            '</invoke>'
        ),
        multiline=(
            '<invoke name="write_file">\n'
            '<parameter name="path">a.py</parameter>\n'
            '<parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</parameter>\n'
            '</invoke>'
        ),
    ),
    # older XML invocations: tool_name and parameters.
    'anthropic_legacy': Format(
        one=(
            '<function_calls>\n'
            '<invoke>\n'
            '<tool_name>read_file</tool_name>\n'
            '<parameters>\n'
            '<path>a.txt</path>\n'
            '</parameters>\n'
            '</invoke>\n'
            '</function_calls>'
        ),
        two=(
            '<function_calls>\n'
            '<invoke>\n'
            '<tool_name>read_file</tool_name>\n'
            '<parameters>\n'
            '<path>a.txt</path>\n'
            '</parameters>\n'
            '</invoke>\n'
            '<invoke>\n'
            '<tool_name>read_file</tool_name>\n'
            '<parameters>\n'
            '<path>b.txt</path>\n'
            '</parameters>\n'
            '</invoke>\n'
            '</function_calls>'
        ),
        typed=(
            '<function_calls>\n'
            '<invoke>\n'
            '<tool_name>grep</tool_name>\n'
            '<parameters>\n'
            '<pattern>x</pattern>\n'
            '<ignore_case>true</ignore_case>\n'
            '<context>3</context>\n'
            '</parameters>\n'
            '</invoke>\n'
            '</function_calls>'
        ),
        multiline=(
            '<function_calls>\n'
            '<invoke>\n'
            '<tool_name>write_file</tool_name>\n'
            '<parameters>\n'
            '<path>a.py</path>\n'
            '<content>def f():\n'
            '    return "x" # <b>\n'
            '</content>\n'
            '</parameters>\n'
            '</invoke>\n'
            '</function_calls>'
        ),
    ),
    # MiniMax M2 to M2.5.
    'minimax_m2': Format(
        one=(
            '<minimax:tool_call>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">a.txt</parameter>\n'
            '</invoke>\n'
            '</minimax:tool_call>'
        ),
        two=(
            '<minimax:tool_call>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">a.txt</parameter>\n'
            '</invoke>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">b.txt</parameter>\n'
            '</invoke>\n'
            '</minimax:tool_call>'
        ),
        typed=(
            '<minimax:tool_call>\n'
            '<invoke name="grep">\n'
            '<parameter name="pattern">x</parameter>\n'
            '<parameter name="ignore_case">true</parameter>\n'
            '<parameter name="context">3</parameter>\n'
            '</invoke>\n'
            '</minimax:tool_call>'
        ),
        multiline=(
            '<minimax:tool_call>\n'
            '<invoke name="write_file">\n'
            '<parameter name="path">a.py</parameter>\n'
            '<parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</parameter>\n'
            '</invoke>\n'
            '</minimax:tool_call>'
        ),
    ),
    # dots.
    'dots': Format(
        one=(
            '<dots_function_call>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">a.txt</parameter>\n'
            '</invoke>\n'
            '</dots_function_call>'
        ),
        two=(
            '<dots_function_call>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">a.txt</parameter>\n'
            '</invoke>\n'
            '<invoke name="read_file">\n'
            '<parameter name="path">b.txt</parameter>\n'
            '</invoke>\n'
            '</dots_function_call>'
        ),
        typed=(
            '<dots_function_call>\n'
            '<invoke name="grep">\n'
            '<parameter name="pattern">x</parameter>\n'
            '<parameter name="ignore_case">true</parameter>\n'
            '<parameter name="context">3</parameter>\n'
            '</invoke>\n'
            '</dots_function_call>'
        ),
        multiline=(
            '<dots_function_call>\n'
            '<invoke name="write_file">\n'
            '<parameter name="path">a.py</parameter>\n'
            '<parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</parameter>\n'
            '</invoke>\n'
            '</dots_function_call>'
        ),
    ),
    # dots (JSON).
    'dots_json': Format(
        one=(
            '<dots_function_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</dots_function_call>'
        ),
        two=(
            '<dots_function_call>\n'
            '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
            '</dots_function_call>\n'
            '<dots_function_call>\n'
            '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
            '</dots_function_call>'
        ),
        typed=(
            '<dots_function_call>\n'
            '{"name": "grep", "arguments": {"pattern": "x", "ignore_case": true, "context": 3}}\n'
            '</dots_function_call>'
        ),
        multiline=(
            '<dots_function_call>\n'
            '{"name": "write_file", "arguments": {"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}}\n'
            '</dots_function_call>'
        ),
    ),
    # DeepSeek V3.2.
    'deepseek_v32': Format(
        one=(
            '<｜DSML｜function_calls>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '<｜DSML｜parameter name="path" string="true">a.txt</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜function_calls>'
        ),
        two=(
            '<｜DSML｜function_calls>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '<｜DSML｜parameter name="path" string="true">a.txt</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '<｜DSML｜parameter name="path" string="true">b.txt</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜function_calls>'
        ),
        typed=(
            '<｜DSML｜function_calls>\n'
            '<｜DSML｜invoke name="grep">\n'
            '<｜DSML｜parameter name="pattern" string="true">x</｜DSML｜parameter>\n'
            '<｜DSML｜parameter name="ignore_case" string="false">true</｜DSML｜parameter>\n'
            '<｜DSML｜parameter name="context" string="false">3</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜function_calls>'
        ),
        multiline=(
            '<｜DSML｜function_calls>\n'
            '<｜DSML｜invoke name="write_file">\n'
            '<｜DSML｜parameter name="path" string="true">a.py</｜DSML｜parameter>\n'
            '<｜DSML｜parameter name="content" string="true">def f():\n'
            '    return "x" # <b>\n'
            '</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜function_calls>'
        ),
    ),
    # DeepSeek V4.
    'deepseek_v4': Format(
        one=(
            '<｜DSML｜tool_calls>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '<｜DSML｜parameter name="path" string="true">a.txt</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜tool_calls>'
        ),
        two=(
            '<｜DSML｜tool_calls>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '<｜DSML｜parameter name="path" string="true">a.txt</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '<｜DSML｜parameter name="path" string="true">b.txt</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜tool_calls>'
        ),
        typed=(
            '<｜DSML｜tool_calls>\n'
            '<｜DSML｜invoke name="grep">\n'
            '<｜DSML｜parameter name="pattern" string="true">x</｜DSML｜parameter>\n'
            '<｜DSML｜parameter name="ignore_case" string="false">true</｜DSML｜parameter>\n'
            '<｜DSML｜parameter name="context" string="false">3</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜tool_calls>'
        ),
        multiline=(
            '<｜DSML｜tool_calls>\n'
            '<｜DSML｜invoke name="write_file">\n'
            '<｜DSML｜parameter name="path" string="true">a.py</｜DSML｜parameter>\n'
            '<｜DSML｜parameter name="content" string="true">def f():\n'
            '    return "x" # <b>\n'
            '</｜DSML｜parameter>\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜tool_calls>'
        ),
    ),
    # DeepSeek V4.1: a space before each tag name.
    'deepseek_v41': Format(
        one=(
            '<｜DSML｜ calls>\n'
            '<｜DSML｜ invoke name="read_file">\n'
            '<｜DSML｜ parameter name="path" string="true">a.txt</｜DSML｜ parameter>\n'
            '</｜DSML｜ invoke>\n'
            '</｜DSML｜ calls>'
        ),
        two=(
            '<｜DSML｜ calls>\n'
            '<｜DSML｜ invoke name="read_file">\n'
            '<｜DSML｜ parameter name="path" string="true">a.txt</｜DSML｜ parameter>\n'
            '</｜DSML｜ invoke>\n'
            '<｜DSML｜ invoke name="read_file">\n'
            '<｜DSML｜ parameter name="path" string="true">b.txt</｜DSML｜ parameter>\n'
            '</｜DSML｜ invoke>\n'
            '</｜DSML｜ calls>'
        ),
        typed=(
            '<｜DSML｜ calls>\n'
            '<｜DSML｜ invoke name="grep">\n'
            '<｜DSML｜ parameter name="pattern" string="true">x</｜DSML｜ parameter>\n'
            '<｜DSML｜ parameter name="ignore_case" string="false">true</｜DSML｜ parameter>\n'
            '<｜DSML｜ parameter name="context" string="false">3</｜DSML｜ parameter>\n'
            '</｜DSML｜ invoke>\n'
            '</｜DSML｜ calls>'
        ),
        multiline=(
            '<｜DSML｜ calls>\n'
            '<｜DSML｜ invoke name="write_file">\n'
            '<｜DSML｜ parameter name="path" string="true">a.py</｜DSML｜ parameter>\n'
            '<｜DSML｜ parameter name="content" string="true">def f():\n'
            '    return "x" # <b>\n'
            '</｜DSML｜ parameter>\n'
            '</｜DSML｜ invoke>\n'
            '</｜DSML｜ calls>'
        ),
    ),
    # DeepSeek V4 with a JSON body.
    'deepseek_v4_json': Format(
        one=(
            '<｜DSML｜tool_calls>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '{"path": "a.txt"}\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜tool_calls>'
        ),
        two=(
            '<｜DSML｜tool_calls>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '{"path": "a.txt"}\n'
            '</｜DSML｜invoke>\n'
            '<｜DSML｜invoke name="read_file">\n'
            '{"path": "b.txt"}\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜tool_calls>'
        ),
        typed=(
            '<｜DSML｜tool_calls>\n'
            '<｜DSML｜invoke name="grep">\n'
            '{"pattern": "x", "ignore_case": true, "context": 3}\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜tool_calls>'
        ),
        multiline=(
            '<｜DSML｜tool_calls>\n'
            '<｜DSML｜invoke name="write_file">\n'
            '{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}\n'
            '</｜DSML｜invoke>\n'
            '</｜DSML｜tool_calls>'
        ),
    ),
    # DeepSeek V3.2, bars written as ASCII.
    'deepseek_v32_ascii': Format(
        one=(
            '<|DSML|function_calls>\n'
            '<|DSML|invoke name="read_file">\n'
            '<|DSML|parameter name="path" string="true">a.txt</|DSML|parameter>\n'
            '</|DSML|invoke>\n'
            '</|DSML|function_calls>'
        ),
        two=(
            '<|DSML|function_calls>\n'
            '<|DSML|invoke name="read_file">\n'
            '<|DSML|parameter name="path" string="true">a.txt</|DSML|parameter>\n'
            '</|DSML|invoke>\n'
            '<|DSML|invoke name="read_file">\n'
            '<|DSML|parameter name="path" string="true">b.txt</|DSML|parameter>\n'
            '</|DSML|invoke>\n'
            '</|DSML|function_calls>'
        ),
        typed=(
            '<|DSML|function_calls>\n'
            '<|DSML|invoke name="grep">\n'
            '<|DSML|parameter name="pattern" string="true">x</|DSML|parameter>\n'
            '<|DSML|parameter name="ignore_case" string="false">true</|DSML|parameter>\n'
            '<|DSML|parameter name="context" string="false">3</|DSML|parameter>\n'
            '</|DSML|invoke>\n'
            '</|DSML|function_calls>'
        ),
        multiline=(
            '<|DSML|function_calls>\n'
            '<|DSML|invoke name="write_file">\n'
            '<|DSML|parameter name="path" string="true">a.py</|DSML|parameter>\n'
            '<|DSML|parameter name="content" string="true">def f():\n'
            '    return "x" # <b>\n'
            '</|DSML|parameter>\n'
            '</|DSML|invoke>\n'
            '</|DSML|function_calls>'
        ),
    ),
    # DeepSeek V4, the bars doubled.
    'deepseek_v4_double_bar': Format(
        one=(
            '<｜｜DSML｜｜tool_calls>\n'
            '<｜｜DSML｜｜invoke name="read_file">\n'
            '<｜｜DSML｜｜parameter name="path" string="true">a.txt</｜｜DSML｜｜parameter>\n'
            '</｜｜DSML｜｜invoke>\n'
            '</｜｜DSML｜｜tool_calls>'
        ),
        two=(
            '<｜｜DSML｜｜tool_calls>\n'
            '<｜｜DSML｜｜invoke name="read_file">\n'
            '<｜｜DSML｜｜parameter name="path" string="true">a.txt</｜｜DSML｜｜parameter>\n'
            '</｜｜DSML｜｜invoke>\n'
            '<｜｜DSML｜｜invoke name="read_file">\n'
            '<｜｜DSML｜｜parameter name="path" string="true">b.txt</｜｜DSML｜｜parameter>\n'
            '</｜｜DSML｜｜invoke>\n'
            '</｜｜DSML｜｜tool_calls>'
        ),
        typed=(
            '<｜｜DSML｜｜tool_calls>\n'
            '<｜｜DSML｜｜invoke name="grep">\n'
            '<｜｜DSML｜｜parameter name="pattern" string="true">x</｜｜DSML｜｜parameter>\n'
            '<｜｜DSML｜｜parameter name="ignore_case" string="false">true</｜｜DSML｜｜parameter>\n'
            '<｜｜DSML｜｜parameter name="context" string="false">3</｜｜DSML｜｜parameter>\n'
            '</｜｜DSML｜｜invoke>\n'
            '</｜｜DSML｜｜tool_calls>'
        ),
        multiline=(
            '<｜｜DSML｜｜tool_calls>\n'
            '<｜｜DSML｜｜invoke name="write_file">\n'
            '<｜｜DSML｜｜parameter name="path" string="true">a.py</｜｜DSML｜｜parameter>\n'
            '<｜｜DSML｜｜parameter name="content" string="true">def f():\n'
            '    return "x" # <b>\n'
            '</｜｜DSML｜｜parameter>\n'
            '</｜｜DSML｜｜invoke>\n'
            '</｜｜DSML｜｜tool_calls>'
        ),
    ),
    # DeepSeek V4, the first bar lost.
    'deepseek_v4_no_first_bar': Format(
        one=(
            '<DSML｜tool_calls>\n'
            '<DSML｜invoke name="read_file">\n'
            '<DSML｜parameter name="path" string="true">a.txt</DSML｜parameter>\n'
            '</DSML｜invoke>\n'
            '</DSML｜tool_calls>'
        ),
        two=(
            '<DSML｜tool_calls>\n'
            '<DSML｜invoke name="read_file">\n'
            '<DSML｜parameter name="path" string="true">a.txt</DSML｜parameter>\n'
            '</DSML｜invoke>\n'
            '<DSML｜invoke name="read_file">\n'
            '<DSML｜parameter name="path" string="true">b.txt</DSML｜parameter>\n'
            '</DSML｜invoke>\n'
            '</DSML｜tool_calls>'
        ),
        typed=(
            '<DSML｜tool_calls>\n'
            '<DSML｜invoke name="grep">\n'
            '<DSML｜parameter name="pattern" string="true">x</DSML｜parameter>\n'
            '<DSML｜parameter name="ignore_case" string="false">true</DSML｜parameter>\n'
            '<DSML｜parameter name="context" string="false">3</DSML｜parameter>\n'
            '</DSML｜invoke>\n'
            '</DSML｜tool_calls>'
        ),
        multiline=(
            '<DSML｜tool_calls>\n'
            '<DSML｜invoke name="write_file">\n'
            '<DSML｜parameter name="path" string="true">a.py</DSML｜parameter>\n'
            '<DSML｜parameter name="content" string="true">def f():\n'
            '    return "x" # <b>\n'
            '</DSML｜parameter>\n'
            '</DSML｜invoke>\n'
            '</DSML｜tool_calls>'
        ),
    ),
    # DeepSeek V4 through proxies that rewrite the bars.
    'deepseek_v4_spaced_ascii': Format(
        one=(
            '< | DSML | tool_calls>\n'
            '< | DSML | invoke name="read_file">\n'
            '< | DSML | parameter name="path" string="true">a.txt</ | DSML | parameter>\n'
            '</ | DSML | invoke>\n'
            '</ | DSML | tool_calls>'
        ),
        two=(
            '< | DSML | tool_calls>\n'
            '< | DSML | invoke name="read_file">\n'
            '< | DSML | parameter name="path" string="true">a.txt</ | DSML | parameter>\n'
            '</ | DSML | invoke>\n'
            '< | DSML | invoke name="read_file">\n'
            '< | DSML | parameter name="path" string="true">b.txt</ | DSML | parameter>\n'
            '</ | DSML | invoke>\n'
            '</ | DSML | tool_calls>'
        ),
        typed=(
            '< | DSML | tool_calls>\n'
            '< | DSML | invoke name="grep">\n'
            '< | DSML | parameter name="pattern" string="true">x</ | DSML | parameter>\n'
            '< | DSML | parameter name="ignore_case" string="false">true</ | DSML | parameter>\n'
            '< | DSML | parameter name="context" string="false">3</ | DSML | parameter>\n'
            '</ | DSML | invoke>\n'
            '</ | DSML | tool_calls>'
        ),
        multiline=(
            '< | DSML | tool_calls>\n'
            '< | DSML | invoke name="write_file">\n'
            '< | DSML | parameter name="path" string="true">a.py</ | DSML | parameter>\n'
            '< | DSML | parameter name="content" string="true">def f():\n'
            '    return "x" # <b>\n'
            '</ | DSML | parameter>\n'
            '</ | DSML | invoke>\n'
            '</ | DSML | tool_calls>'
        ),
    ),
    # GigaChat 3.5.
    'gigachat35': Format(
        one=(
            '<｜GCML｜tool_calls>\n'
            '<｜GCML｜invoke name="read_file">\n'
            '<｜GCML｜parameter name="path" string="true">a.txt</｜GCML｜parameter>\n'
            '</｜GCML｜invoke>\n'
            '</｜GCML｜tool_calls>'
        ),
        two=(
            '<｜GCML｜tool_calls>\n'
            '<｜GCML｜invoke name="read_file">\n'
            '<｜GCML｜parameter name="path" string="true">a.txt</｜GCML｜parameter>\n'
            '</｜GCML｜invoke>\n'
            '<｜GCML｜invoke name="read_file">\n'
            '<｜GCML｜parameter name="path" string="true">b.txt</｜GCML｜parameter>\n'
            '</｜GCML｜invoke>\n'
            '</｜GCML｜tool_calls>'
        ),
        typed=(
            '<｜GCML｜tool_calls>\n'
            '<｜GCML｜invoke name="grep">\n'
            '<｜GCML｜parameter name="pattern" string="true">x</｜GCML｜parameter>\n'
            '<｜GCML｜parameter name="ignore_case" string="false">true</｜GCML｜parameter>\n'
            '<｜GCML｜parameter name="context" string="false">3</｜GCML｜parameter>\n'
            '</｜GCML｜invoke>\n'
            '</｜GCML｜tool_calls>'
        ),
        multiline=(
            '<｜GCML｜tool_calls>\n'
            '<｜GCML｜invoke name="write_file">\n'
            '<｜GCML｜parameter name="path" string="true">a.py</｜GCML｜parameter>\n'
            '<｜GCML｜parameter name="content" string="true">def f():\n'
            '    return "x" # <b>\n'
            '</｜GCML｜parameter>\n'
            '</｜GCML｜invoke>\n'
            '</｜GCML｜tool_calls>'
        ),
    ),
    # Muse Spark, Muse Glimmer.
    'muse': Format(
        one=(
            '<atem:function_calls>\n'
            '<atem:invoke name="read_file">\n'
            '<atem:parameter name="path">a.txt</atem:parameter>\n'
            '</atem:invoke>\n'
            '</atem:function_calls>'
        ),
        two=(
            '<atem:function_calls>\n'
            '<atem:invoke name="read_file">\n'
            '<atem:parameter name="path">a.txt</atem:parameter>\n'
            '</atem:invoke>\n'
            '<atem:invoke name="read_file">\n'
            '<atem:parameter name="path">b.txt</atem:parameter>\n'
            '</atem:invoke>\n'
            '</atem:function_calls>'
        ),
        typed=(
            '<atem:function_calls>\n'
            '<atem:invoke name="grep">\n'
            '<atem:parameter name="pattern">x</atem:parameter>\n'
            '<atem:parameter name="ignore_case">true</atem:parameter>\n'
            '<atem:parameter name="context">3</atem:parameter>\n'
            '</atem:invoke>\n'
            '</atem:function_calls>'
        ),
        multiline=(
            '<atem:function_calls>\n'
            '<atem:invoke name="write_file">\n'
            '<atem:parameter name="path">a.py</atem:parameter>\n'
            '<atem:parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</atem:parameter>\n'
            '</atem:invoke>\n'
            '</atem:function_calls>'
        ),
    ),
    # Muse Glimmer with its channel header.
    'muse_channel': Format(
        one=(
            ' to=read_file<|message|><atem:function_calls>\n'
            '<atem:invoke name="read_file">\n'
            '<atem:parameter name="path">a.txt</atem:parameter>\n'
            '</atem:invoke>\n'
            '</atem:function_calls><|eom|>'
        ),
        two='',
        typed=(
            ' to=grep<|message|><atem:function_calls>\n'
            '<atem:invoke name="grep">\n'
            '<atem:parameter name="pattern">x</atem:parameter>\n'
            '<atem:parameter name="ignore_case">true</atem:parameter>\n'
            '<atem:parameter name="context">3</atem:parameter>\n'
            '</atem:invoke>\n'
            '</atem:function_calls><|eom|>'
        ),
        multiline=(
            ' to=write_file<|message|><atem:function_calls>\n'
            '<atem:invoke name="write_file">\n'
            '<atem:parameter name="path">a.py</atem:parameter>\n'
            '<atem:parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</atem:parameter>\n'
            '</atem:invoke>\n'
            '</atem:function_calls><|eom|>'
        ),
    ),
    # MiniMax M3.
    'minimax_m3': Format(
        one=(
            ']<]minimax[>[<tool_call>\n'
            ']<]minimax[>[<invoke name="read_file">]<]minimax[>[<path>a.txt]<]minimax[>[</path>]<]minimax[>[</invoke>\n'
            ']<]minimax[>[</tool_call>'
        ),
        two=(
            ']<]minimax[>[<tool_call>\n'
            ']<]minimax[>[<invoke name="read_file">]<]minimax[>[<path>a.txt]<]minimax[>[</path>]<]minimax[>[</invoke>\n'
            ']<]minimax[>[<invoke name="read_file">]<]minimax[>[<path>b.txt]<]minimax[>[</path>]<]minimax[>[</invoke>\n'
            ']<]minimax[>[</tool_call>'
        ),
        typed=(
            ']<]minimax[>[<tool_call>\n'
            ']<]minimax[>[<invoke name="grep">]<]minimax[>[<pattern>x]<]minimax[>[</pattern>]<]minimax[>[<ignore_case>true]<]minimax[>[</ignore_case>]<]minimax[>[<context>3]<]minimax[>[</context>]<]minimax[>[</invoke>\n'
            ']<]minimax[>[</tool_call>'
        ),
        multiline=(
            ']<]minimax[>[<tool_call>\n'
            ']<]minimax[>[<invoke name="write_file">]<]minimax[>[<path>a.py]<]minimax[>[</path>]<]minimax[>[<content>def f():\n'
            '    return "x" # <b>\n'
            ']<]minimax[>[</content>]<]minimax[>[</invoke>\n'
            ']<]minimax[>[</tool_call>'
        ),
    ),
    # Step 3.
    'step3': Format(
        one=(
            '<｜tool_calls_begin｜>\n'
            '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="read_file">\n'
            '<steptml:parameter name="path">a.txt</steptml:parameter>\n'
            '</steptml:invoke><｜tool_call_end｜>\n'
            '<｜tool_calls_end｜>'
        ),
        two=(
            '<｜tool_calls_begin｜>\n'
            '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="read_file">\n'
            '<steptml:parameter name="path">a.txt</steptml:parameter>\n'
            '</steptml:invoke><｜tool_call_end｜>\n'
            '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="read_file">\n'
            '<steptml:parameter name="path">b.txt</steptml:parameter>\n'
            '</steptml:invoke><｜tool_call_end｜>\n'
            '<｜tool_calls_end｜>'
        ),
        typed=(
            '<｜tool_calls_begin｜>\n'
            '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="grep">\n'
            '<steptml:parameter name="pattern">x</steptml:parameter>\n'
            '<steptml:parameter name="ignore_case">true</steptml:parameter>\n'
            '<steptml:parameter name="context">3</steptml:parameter>\n'
            '</steptml:invoke><｜tool_call_end｜>\n'
            '<｜tool_calls_end｜>'
        ),
        multiline=(
            '<｜tool_calls_begin｜>\n'
            '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="write_file">\n'
            '<steptml:parameter name="path">a.py</steptml:parameter>\n'
            '<steptml:parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</steptml:parameter>\n'
            '</steptml:invoke><｜tool_call_end｜>\n'
            '<｜tool_calls_end｜>'
        ),
    ),
    # Step 3 without line breaks.
    'step3_one_line': Format(
        one=(
            '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="read_file"><steptml:parameter name="path">a.txt</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>'
        ),
        two=(
            '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="read_file"><steptml:parameter name="path">a.txt</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="read_file"><steptml:parameter name="path">b.txt</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>'
        ),
        typed=(
            '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="grep"><steptml:parameter name="pattern">x</steptml:parameter><steptml:parameter name="ignore_case">true</steptml:parameter><steptml:parameter name="context">3</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>'
        ),
        multiline=(
            '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="write_file"><steptml:parameter name="path">a.py</steptml:parameter><steptml:parameter name="content">def f():\n'
            '    return "x" # <b>\n'
            '</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>'
        ),
    ),
    # MiniCPM 5.
    'minicpm5': Format(
        one='<function name="read_file"><param name="path">a.txt</param></function>',
        two=(
            '<function name="read_file"><param name="path">a.txt</param></function>\n'
            '<function name="read_file"><param name="path">b.txt</param></function>'
        ),
        typed=(
            '<function name="grep"><param name="pattern">x</param><param name="ignore_case">true</param><param name="context">3</param></function>'
        ),
        multiline=(
            '<function name="write_file"><param name="path">a.py</param><param name="content"><![CDATA[def f():\n'
            '    return "x" # <b>\n'
            ']]></param></function>'
        ),
    ),
    # coding agents that use one tag per tool.
    'cline': Format(
        one=(
            '<read_file>\n'
            '<path>a.txt</path>\n'
            '</read_file>'
        ),
        two=(
            '<read_file>\n'
            '<path>a.txt</path>\n'
            '</read_file>\n'
            '\n'
            '<read_file>\n'
            '<path>b.txt</path>\n'
            '</read_file>'
        ),
        typed=(
            '<grep>\n'
            '<pattern>x</pattern>\n'
            '<ignore_case>true</ignore_case>\n'
            '<context>3</context>\n'
            '</grep>'
        ),
        multiline=(
            '<write_file>\n'
            '<path>a.py</path>\n'
            '<content>\n'
            'def f():\n'
            '    return "x" # <b>\n'
            '</content>\n'
            '</write_file>'
        ),
    ),
    # GLM 4.5 and 4.6, HyperCLOVA X SEED Think 32B, Poolside Laguna, Ling 3.
    'glm45': Format(
        one=(
            '<tool_call>read_file\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.txt</arg_value>\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>read_file\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.txt</arg_value>\n'
            '</tool_call>\n'
            '<tool_call>read_file\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>b.txt</arg_value>\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>grep\n'
            '<arg_key>pattern</arg_key>\n'
            '<arg_value>x</arg_value>\n'
            '<arg_key>ignore_case</arg_key>\n'
            '<arg_value>true</arg_value>\n'
            '<arg_key>context</arg_key>\n'
            '<arg_value>3</arg_value>\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>write_file\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.py</arg_value>\n'
            '<arg_key>content</arg_key>\n'
            '<arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value>\n'
            '</tool_call>'
        ),
    ),
    # GLM 4.7 and 5, Spark 3, Ling 3.
    'glm47': Format(
        one='<tool_call>read_file<arg_key>path</arg_key><arg_value>a.txt</arg_value></tool_call>',
        two=(
            '<tool_call>read_file<arg_key>path</arg_key><arg_value>a.txt</arg_value></tool_call><tool_call>read_file<arg_key>path</arg_key><arg_value>b.txt</arg_value></tool_call>'
        ),
        typed=(
            '<tool_call>grep<arg_key>pattern</arg_key><arg_value>x</arg_value><arg_key>ignore_case</arg_key><arg_value>true</arg_value><arg_key>context</arg_key><arg_value>3</arg_value></tool_call>'
        ),
        multiline=(
            '<tool_call>write_file<arg_key>path</arg_key><arg_value>a.py</arg_value><arg_key>content</arg_key><arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value></tool_call>'
        ),
    ),
    # Spark 2.5.
    'spark25': Format(
        one=(
            '<tool_call>read_file\n'
            '<arg_key>path</arg_key><arg_value>a.txt</arg_value>\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>read_file\n'
            '<arg_key>path</arg_key><arg_value>a.txt</arg_value>\n'
            '</tool_call>\n'
            '<tool_call>read_file\n'
            '<arg_key>path</arg_key><arg_value>b.txt</arg_value>\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>grep\n'
            '<arg_key>pattern</arg_key><arg_value>x</arg_value>\n'
            '<arg_key>ignore_case</arg_key><arg_value>true</arg_value>\n'
            '<arg_key>context</arg_key><arg_value>3</arg_value>\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>write_file\n'
            '<arg_key>path</arg_key><arg_value>a.py</arg_value>\n'
            '<arg_key>content</arg_key><arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value>\n'
            '</tool_call>'
        ),
    ),
    # Ring and Ling 2.5.
    'bailing': Format(
        one=(
            '<tool_call>read_file<arg_key>path</arg_key>\n'
            '<arg_value>a.txt</arg_value>\n'
            '</tool_call>'
        ),
        two=(
            '<tool_call>read_file<arg_key>path</arg_key>\n'
            '<arg_value>a.txt</arg_value>\n'
            '</tool_call>\n'
            '<tool_call>read_file<arg_key>path</arg_key>\n'
            '<arg_value>b.txt</arg_value>\n'
            '</tool_call>'
        ),
        typed=(
            '<tool_call>grep<arg_key>pattern</arg_key>\n'
            '<arg_value>x</arg_value>\n'
            '<arg_key>ignore_case</arg_key>\n'
            '<arg_value>true</arg_value>\n'
            '<arg_key>context</arg_key>\n'
            '<arg_value>3</arg_value>\n'
            '</tool_call>'
        ),
        multiline=(
            '<tool_call>write_file<arg_key>path</arg_key>\n'
            '<arg_value>a.py</arg_value>\n'
            '<arg_key>content</arg_key>\n'
            '<arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value>\n'
            '</tool_call>'
        ),
    ),
    # iQuest Q1.
    'iquest_q1': Format(
        one='<iquest_tool_call>read_file<arg_key>path</arg_key><arg_value>a.txt</arg_value></iquest_tool_call>',
        two=(
            '<iquest_tool_call>read_file<arg_key>path</arg_key><arg_value>a.txt</arg_value></iquest_tool_call><iquest_tool_call>read_file<arg_key>path</arg_key><arg_value>b.txt</arg_value></iquest_tool_call>'
        ),
        typed=(
            '<iquest_tool_call>grep<arg_key>pattern</arg_key><arg_value>x</arg_value><arg_key>ignore_case</arg_key><arg_value>true</arg_value><arg_key>context</arg_key><arg_value>3</arg_value></iquest_tool_call>'
        ),
        multiline=(
            '<iquest_tool_call>write_file<arg_key>path</arg_key><arg_value>a.py</arg_value><arg_key>content</arg_key><arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value></iquest_tool_call>'
        ),
    ),
    # iQuest Coder 2.
    'iquest_coder_v2': Format(
        one=(
            '<iquestcoder_tool_call>read_file\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.txt</arg_value>\n'
            '</iquestcoder_tool_call>'
        ),
        two=(
            '<iquestcoder_tool_call>read_file\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.txt</arg_value>\n'
            '</iquestcoder_tool_call>\n'
            '<iquestcoder_tool_call>read_file\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>b.txt</arg_value>\n'
            '</iquestcoder_tool_call>'
        ),
        typed=(
            '<iquestcoder_tool_call>grep\n'
            '<arg_key>pattern</arg_key>\n'
            '<arg_value>x</arg_value>\n'
            '<arg_key>ignore_case</arg_key>\n'
            '<arg_value>true</arg_value>\n'
            '<arg_key>context</arg_key>\n'
            '<arg_value>3</arg_value>\n'
            '</iquestcoder_tool_call>'
        ),
        multiline=(
            '<iquestcoder_tool_call>write_file\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.py</arg_value>\n'
            '<arg_key>content</arg_key>\n'
            '<arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value>\n'
            '</iquestcoder_tool_call>'
        ),
    ),
    # LongCat 2.
    'longcat': Format(
        one=(
            '<longcat_tool_call>read_file\n'
            '<longcat_arg_key>path</longcat_arg_key>\n'
            '<longcat_arg_value>a.txt</longcat_arg_value>\n'
            '</longcat_tool_call>'
        ),
        two=(
            '<longcat_tool_call>read_file\n'
            '<longcat_arg_key>path</longcat_arg_key>\n'
            '<longcat_arg_value>a.txt</longcat_arg_value>\n'
            '</longcat_tool_call>\n'
            '<longcat_tool_call>read_file\n'
            '<longcat_arg_key>path</longcat_arg_key>\n'
            '<longcat_arg_value>b.txt</longcat_arg_value>\n'
            '</longcat_tool_call>'
        ),
        typed=(
            '<longcat_tool_call>grep\n'
            '<longcat_arg_key>pattern</longcat_arg_key>\n'
            '<longcat_arg_value>x</longcat_arg_value>\n'
            '<longcat_arg_key>ignore_case</longcat_arg_key>\n'
            '<longcat_arg_value>true</longcat_arg_value>\n'
            '<longcat_arg_key>context</longcat_arg_key>\n'
            '<longcat_arg_value>3</longcat_arg_value>\n'
            '</longcat_tool_call>'
        ),
        multiline=(
            '<longcat_tool_call>write_file\n'
            '<longcat_arg_key>path</longcat_arg_key>\n'
            '<longcat_arg_value>a.py</longcat_arg_value>\n'
            '<longcat_arg_key>content</longcat_arg_key>\n'
            '<longcat_arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</longcat_arg_value>\n'
            '</longcat_tool_call>'
        ),
    ),
    # LongCat 2.
    'longcat_one_line': Format(
        one=(
            '<longcat_tool_call>read_file<longcat_arg_key>path</longcat_arg_key><longcat_arg_value>a.txt</longcat_arg_value></longcat_tool_call>'
        ),
        two=(
            '<longcat_tool_call>read_file<longcat_arg_key>path</longcat_arg_key><longcat_arg_value>a.txt</longcat_arg_value></longcat_tool_call>\n'
            '<longcat_tool_call>read_file<longcat_arg_key>path</longcat_arg_key><longcat_arg_value>b.txt</longcat_arg_value></longcat_tool_call>'
        ),
        typed=(
            '<longcat_tool_call>grep<longcat_arg_key>pattern</longcat_arg_key><longcat_arg_value>x</longcat_arg_value><longcat_arg_key>ignore_case</longcat_arg_key><longcat_arg_value>true</longcat_arg_value><longcat_arg_key>context</longcat_arg_key><longcat_arg_value>3</longcat_arg_value></longcat_tool_call>'
        ),
        multiline=(
            '<longcat_tool_call>write_file<longcat_arg_key>path</longcat_arg_key><longcat_arg_value>a.py</longcat_arg_value><longcat_arg_key>content</longcat_arg_key><longcat_arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</longcat_arg_value></longcat_tool_call>'
        ),
    ),
    # TeleChat 4, Xing 4.
    'telechat4': Format(
        one='<tool_call>read_file<param_key>path</param_key><param_value>a.txt</param_value></tool_call>',
        two=(
            '<tool_call>read_file<param_key>path</param_key><param_value>a.txt</param_value></tool_call><tool_call>read_file<param_key>path</param_key><param_value>b.txt</param_value></tool_call>'
        ),
        typed=(
            '<tool_call>grep<param_key>pattern</param_key><param_value>x</param_value><param_key>ignore_case</param_key><param_value>true</param_value><param_key>context</param_key><param_value>3</param_value></tool_call>'
        ),
        multiline=(
            '<tool_call>write_file<param_key>path</param_key><param_value>a.py</param_value><param_key>content</param_key><param_value>def f():\n'
            '    return "x" # <b>\n'
            '</param_value></tool_call>'
        ),
    ),
    # TeleChat 4 and Xing 4: the name and a JSON object.
    'xing4_json': Format(
        one='<tool_call>read_file{"path": "a.txt"}</tool_call>',
        two='<tool_call>read_file{"path": "a.txt"}</tool_call><tool_call>read_file{"path": "b.txt"}</tool_call>',
        typed='<tool_call>grep{"pattern": "x", "ignore_case": true, "context": 3}</tool_call>',
        multiline='<tool_call>write_file{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}</tool_call>',
    ),
    # Hunyuan 3.
    'hy_v3': Format(
        one=(
            '<tool_calls>\n'
            '<tool_call>read_file<tool_sep>\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.txt</arg_value>\n'
            '</tool_call>\n'
            '</tool_calls>'
        ),
        two=(
            '<tool_calls>\n'
            '<tool_call>read_file<tool_sep>\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.txt</arg_value>\n'
            '</tool_call>\n'
            '<tool_call>read_file<tool_sep>\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>b.txt</arg_value>\n'
            '</tool_call>\n'
            '</tool_calls>'
        ),
        typed=(
            '<tool_calls>\n'
            '<tool_call>grep<tool_sep>\n'
            '<arg_key>pattern</arg_key>\n'
            '<arg_value>x</arg_value>\n'
            '<arg_key>ignore_case</arg_key>\n'
            '<arg_value>true</arg_value>\n'
            '<arg_key>context</arg_key>\n'
            '<arg_value>3</arg_value>\n'
            '</tool_call>\n'
            '</tool_calls>'
        ),
        multiline=(
            '<tool_calls>\n'
            '<tool_call>write_file<tool_sep>\n'
            '<arg_key>path</arg_key>\n'
            '<arg_value>a.py</arg_value>\n'
            '<arg_key>content</arg_key>\n'
            '<arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value>\n'
            '</tool_call>\n'
            '</tool_calls>'
        ),
    ),
    # Hunyuan 3 (tokens with a suffix).
    'hy_v3_suffix': Format(
        one=(
            '<tool_calls:opensource>\n'
            '<tool_call:opensource>read_file<tool_sep:opensource>\n'
            '<arg_key:opensource>path</arg_key:opensource>\n'
            '<arg_value:opensource>a.txt</arg_value:opensource>\n'
            '</tool_call:opensource>\n'
            '</tool_calls:opensource>'
        ),
        two=(
            '<tool_calls:opensource>\n'
            '<tool_call:opensource>read_file<tool_sep:opensource>\n'
            '<arg_key:opensource>path</arg_key:opensource>\n'
            '<arg_value:opensource>a.txt</arg_value:opensource>\n'
            '</tool_call:opensource>\n'
            '<tool_call:opensource>read_file<tool_sep:opensource>\n'
            '<arg_key:opensource>path</arg_key:opensource>\n'
            '<arg_value:opensource>b.txt</arg_value:opensource>\n'
            '</tool_call:opensource>\n'
            '</tool_calls:opensource>'
        ),
        typed=(
            '<tool_calls:opensource>\n'
            '<tool_call:opensource>grep<tool_sep:opensource>\n'
            '<arg_key:opensource>pattern</arg_key:opensource>\n'
            '<arg_value:opensource>x</arg_value:opensource>\n'
            '<arg_key:opensource>ignore_case</arg_key:opensource>\n'
            '<arg_value:opensource>true</arg_value:opensource>\n'
            '<arg_key:opensource>context</arg_key:opensource>\n'
            '<arg_value:opensource>3</arg_value:opensource>\n'
            '</tool_call:opensource>\n'
            '</tool_calls:opensource>'
        ),
        multiline=(
            '<tool_calls:opensource>\n'
            '<tool_call:opensource>write_file<tool_sep:opensource>\n'
            '<arg_key:opensource>path</arg_key:opensource>\n'
            '<arg_value:opensource>a.py</arg_value:opensource>\n'
            '<arg_key:opensource>content</arg_key:opensource>\n'
            '<arg_value:opensource>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value:opensource>\n'
            '</tool_call:opensource>\n'
            '</tool_calls:opensource>'
        ),
    ),
    # Hunyuan 4.
    'hy_v4': Format(
        one='<tool_calls><tool_call>read_file<arg_key>path</arg_key><arg_value>a.txt</arg_value></tool_call></tool_calls>',
        two=(
            '<tool_calls><tool_call>read_file<arg_key>path</arg_key><arg_value>a.txt</arg_value></tool_call><tool_call>read_file<arg_key>path</arg_key><arg_value>b.txt</arg_value></tool_call></tool_calls>'
        ),
        typed=(
            '<tool_calls><tool_call>grep<arg_key>pattern</arg_key><arg_value>x</arg_value><arg_key>ignore_case</arg_key><arg_value>true</arg_value><arg_key>context</arg_key><arg_value>3</arg_value></tool_call></tool_calls>'
        ),
        multiline=(
            '<tool_calls><tool_call>write_file<arg_key>path</arg_key><arg_value>a.py</arg_value><arg_key>content</arg_key><arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value></tool_call></tool_calls>'
        ),
    ),
    # Hunyuan 4 (tokens with a suffix).
    'hy_v4_suffix': Format(
        one=(
            '<tool_calls:6124c78e><tool_call:6124c78e>read_file<arg_key:6124c78e>path</arg_key:6124c78e><arg_value:6124c78e>a.txt</arg_value:6124c78e></tool_call:6124c78e></tool_calls:6124c78e>'
        ),
        two=(
            '<tool_calls:6124c78e><tool_call:6124c78e>read_file<arg_key:6124c78e>path</arg_key:6124c78e><arg_value:6124c78e>a.txt</arg_value:6124c78e></tool_call:6124c78e><tool_call:6124c78e>read_file<arg_key:6124c78e>path</arg_key:6124c78e><arg_value:6124c78e>b.txt</arg_value:6124c78e></tool_call:6124c78e></tool_calls:6124c78e>'
        ),
        typed=(
            '<tool_calls:6124c78e><tool_call:6124c78e>grep<arg_key:6124c78e>pattern</arg_key:6124c78e><arg_value:6124c78e>x</arg_value:6124c78e><arg_key:6124c78e>ignore_case</arg_key:6124c78e><arg_value:6124c78e>true</arg_value:6124c78e><arg_key:6124c78e>context</arg_key:6124c78e><arg_value:6124c78e>3</arg_value:6124c78e></tool_call:6124c78e></tool_calls:6124c78e>'
        ),
        multiline=(
            '<tool_calls:6124c78e><tool_call:6124c78e>write_file<arg_key:6124c78e>path</arg_key:6124c78e><arg_value:6124c78e>a.py</arg_value:6124c78e><arg_key:6124c78e>content</arg_key:6124c78e><arg_value:6124c78e>def f():\n'
            '    return "x" # <b>\n'
            '</arg_value:6124c78e></tool_call:6124c78e></tool_calls:6124c78e>'
        ),
    ),
    # K2 Horizon.
    'k2_horizon': Format(
        one=(
            '<ifm|tool_calls><ifm|tool_call>read_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_value>a.txt</ifm|arg_value></ifm|tool_call></ifm|tool_calls>'
        ),
        two=(
            '<ifm|tool_calls><ifm|tool_call>read_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_value>a.txt</ifm|arg_value></ifm|tool_call>\n'
            '<ifm|tool_call>read_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_value>b.txt</ifm|arg_value></ifm|tool_call></ifm|tool_calls>'
        ),
        typed=(
            '<ifm|tool_calls><ifm|tool_call>grep<ifm|arg_key>pattern</ifm|arg_key><ifm|arg_value>x</ifm|arg_value><ifm|arg_key>ignore_case</ifm|arg_key><ifm|arg_value>true</ifm|arg_value><ifm|arg_key>context</ifm|arg_key><ifm|arg_value>3</ifm|arg_value></ifm|tool_call></ifm|tool_calls>'
        ),
        multiline=(
            '<ifm|tool_calls><ifm|tool_call>write_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_value>a.py</ifm|arg_value><ifm|arg_key>content</ifm|arg_key><ifm|arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</ifm|arg_value></ifm|tool_call></ifm|tool_calls>'
        ),
    ),
    # K2 Horizon (typed).
    'k2_horizon_typed': Format(
        one=(
            '<ifm|tool_calls><ifm|tool_call>read_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_type>string</ifm|arg_type><ifm|arg_value>a.txt</ifm|arg_value></ifm|tool_call></ifm|tool_calls>'
        ),
        two=(
            '<ifm|tool_calls><ifm|tool_call>read_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_type>string</ifm|arg_type><ifm|arg_value>a.txt</ifm|arg_value></ifm|tool_call>\n'
            '<ifm|tool_call>read_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_type>string</ifm|arg_type><ifm|arg_value>b.txt</ifm|arg_value></ifm|tool_call></ifm|tool_calls>'
        ),
        typed=(
            '<ifm|tool_calls><ifm|tool_call>grep<ifm|arg_key>pattern</ifm|arg_key><ifm|arg_type>string</ifm|arg_type><ifm|arg_value>x</ifm|arg_value><ifm|arg_key>ignore_case</ifm|arg_key><ifm|arg_type>boolean</ifm|arg_type><ifm|arg_value>true</ifm|arg_value><ifm|arg_key>context</ifm|arg_key><ifm|arg_type>integer</ifm|arg_type><ifm|arg_value>3</ifm|arg_value></ifm|tool_call></ifm|tool_calls>'
        ),
        multiline=(
            '<ifm|tool_calls><ifm|tool_call>write_file<ifm|arg_key>path</ifm|arg_key><ifm|arg_type>string</ifm|arg_type><ifm|arg_value>a.py</ifm|arg_value><ifm|arg_key>content</ifm|arg_key><ifm|arg_type>string</ifm|arg_type><ifm|arg_value>def f():\n'
            '    return "x" # <b>\n'
            '</ifm|arg_value></ifm|tool_call></ifm|tool_calls>'
        ),
    ),
    # Solar Open 2.
    'solar_open2': Format(
        one=(
            '<|tool_call:start|>read_file\n'
            '<|tool_arg:start|>path<|tool_arg:value|>a.txt<|tool_arg:end|>\n'
            '<|tool_call:end|>'
        ),
        two=(
            '<|tool_call:start|>read_file\n'
            '<|tool_arg:start|>path<|tool_arg:value|>a.txt<|tool_arg:end|>\n'
            '<|tool_call:end|>\n'
            '<|tool_call:start|>read_file\n'
            '<|tool_arg:start|>path<|tool_arg:value|>b.txt<|tool_arg:end|>\n'
            '<|tool_call:end|>'
        ),
        typed=(
            '<|tool_call:start|>grep\n'
            '<|tool_arg:start|>pattern<|tool_arg:value|>x<|tool_arg:end|>\n'
            '<|tool_arg:start|>ignore_case<|tool_arg:value|>true<|tool_arg:end|>\n'
            '<|tool_arg:start|>context<|tool_arg:value|>3<|tool_arg:end|>\n'
            '<|tool_call:end|>'
        ),
        multiline=(
            '<|tool_call:start|>write_file\n'
            '<|tool_arg:start|>path<|tool_arg:value|>a.py<|tool_arg:end|>\n'
            '<|tool_arg:start|>content<|tool_arg:value|>def f():\n'
            '    return "x" # <b>\n'
            '<|tool_arg:end|>\n'
            '<|tool_call:end|>'
        ),
    ),
    # DeepSeek V3, R1 and R1-0528.
    'deepseek_v3': Format(
        one=(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n'
            '```json\n'
            '{"path": "a.txt"}\n'
            '```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
        two=(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n'
            '```json\n'
            '{"path": "a.txt"}\n'
            '```<｜tool▁call▁end｜>\n'
            '<｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n'
            '```json\n'
            '{"path": "b.txt"}\n'
            '```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
        typed=(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>grep\n'
            '```json\n'
            '{"pattern": "x", "ignore_case": true, "context": 3}\n'
            '```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
        multiline=(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>write_file\n'
            '```json\n'
            '{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}\n'
            '```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
    ),
    # DeepSeek V3.1.
    'deepseek_v31': Format(
        one=(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{"path": "a.txt"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
        two=(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{"path": "a.txt"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{"path": "b.txt"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
        typed=(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>grep<｜tool▁sep｜>{"pattern": "x", "ignore_case": true, "context": 3}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
        multiline=(
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>write_file<｜tool▁sep｜>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
    ),
    # DeepSeek R1 distillations, tokens written with underscores.
    'deepseek_r1_underscore': Format(
        one=(
            '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜>read_file\n'
            '```json\n'
            '{"path": "a.txt"}\n'
            '```<｜tool_call_end｜><｜tool_calls_end｜>'
        ),
        two=(
            '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜>read_file\n'
            '```json\n'
            '{"path": "a.txt"}\n'
            '```<｜tool_call_end｜>\n'
            '<｜tool_call_begin｜>function<｜tool_sep｜>read_file\n'
            '```json\n'
            '{"path": "b.txt"}\n'
            '```<｜tool_call_end｜><｜tool_calls_end｜>'
        ),
        typed=(
            '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜>grep\n'
            '```json\n'
            '{"pattern": "x", "ignore_case": true, "context": 3}\n'
            '```<｜tool_call_end｜><｜tool_calls_end｜>'
        ),
        multiline=(
            '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜>write_file\n'
            '```json\n'
            '{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}\n'
            '```<｜tool_call_end｜><｜tool_calls_end｜>'
        ),
    ),
    # Kimi K2, K2 Thinking, K2.5.
    'kimi_k2': Format(
        one=(
            '<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "a.txt"}<|tool_call_end|><|tool_calls_section_end|>'
        ),
        two=(
            '<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "a.txt"}<|tool_call_end|><|tool_call_begin|>functions.read_file:1<|tool_call_argument_begin|>{"path": "b.txt"}<|tool_call_end|><|tool_calls_section_end|>'
        ),
        typed=(
            '<|tool_calls_section_begin|><|tool_call_begin|>functions.grep:0<|tool_call_argument_begin|>{"pattern": "x", "ignore_case": true, "context": 3}<|tool_call_end|><|tool_calls_section_end|>'
        ),
        multiline=(
            '<|tool_calls_section_begin|><|tool_call_begin|>functions.write_file:0<|tool_call_argument_begin|>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}<|tool_call_end|><|tool_calls_section_end|>'
        ),
    ),
    # Kimi K2 without the section tokens.
    'kimi_k2_no_section': Format(
        one='<|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "a.txt"}<|tool_call_end|>',
        two=(
            '<|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "a.txt"}<|tool_call_end|><|tool_call_begin|>functions.read_file:1<|tool_call_argument_begin|>{"path": "b.txt"}<|tool_call_end|>'
        ),
        typed=(
            '<|tool_call_begin|>functions.grep:0<|tool_call_argument_begin|>{"pattern": "x", "ignore_case": true, "context": 3}<|tool_call_end|>'
        ),
        multiline=(
            '<|tool_call_begin|>functions.write_file:0<|tool_call_argument_begin|>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}<|tool_call_end|>'
        ),
    ),
    # Kimi K2, the section tokens in the singular.
    'kimi_k2_singular': Format(
        one=(
            '<|tool_call_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "a.txt"}<|tool_call_end|><|tool_call_section_end|>'
        ),
        two=(
            '<|tool_call_section_begin|><|tool_call_begin|>functions.read_file:0<|tool_call_argument_begin|>{"path": "a.txt"}<|tool_call_end|><|tool_call_begin|>functions.read_file:1<|tool_call_argument_begin|>{"path": "b.txt"}<|tool_call_end|><|tool_call_section_end|>'
        ),
        typed=(
            '<|tool_call_section_begin|><|tool_call_begin|>functions.grep:0<|tool_call_argument_begin|>{"pattern": "x", "ignore_case": true, "context": 3}<|tool_call_end|><|tool_call_section_end|>'
        ),
        multiline=(
            '<|tool_call_section_begin|><|tool_call_begin|>functions.write_file:0<|tool_call_argument_begin|>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}<|tool_call_end|><|tool_call_section_end|>'
        ),
    ),
    # Kimi K2, ids without `functions.`.
    'kimi_k2_no_prefix': Format(
        one=(
            '<|tool_calls_section_begin|><|tool_call_begin|>read_file:0<|tool_call_argument_begin|>{"path": "a.txt"}<|tool_call_end|><|tool_calls_section_end|>'
        ),
        two=(
            '<|tool_calls_section_begin|><|tool_call_begin|>read_file:0<|tool_call_argument_begin|>{"path": "a.txt"}<|tool_call_end|><|tool_call_begin|>read_file:1<|tool_call_argument_begin|>{"path": "b.txt"}<|tool_call_end|><|tool_calls_section_end|>'
        ),
        typed=(
            '<|tool_calls_section_begin|><|tool_call_begin|>grep:0<|tool_call_argument_begin|>{"pattern": "x", "ignore_case": true, "context": 3}<|tool_call_end|><|tool_calls_section_end|>'
        ),
        multiline=(
            '<|tool_calls_section_begin|><|tool_call_begin|>write_file:0<|tool_call_argument_begin|>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}<|tool_call_end|><|tool_calls_section_end|>'
        ),
    ),
    # Kimi K3.
    'kimi_k3': Format(
        one=(
            '<|open|>tools<|sep|><|open|>call tool="read_file" index="1"<|sep|><|open|>argument key="path" type="string"<|sep|>a.txt<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
        ),
        two=(
            '<|open|>tools<|sep|><|open|>call tool="read_file" index="1"<|sep|><|open|>argument key="path" type="string"<|sep|>a.txt<|close|>argument<|sep|><|close|>call<|sep|><|open|>call tool="read_file" index="2"<|sep|><|open|>argument key="path" type="string"<|sep|>b.txt<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
        ),
        typed=(
            '<|open|>tools<|sep|><|open|>call tool="grep" index="1"<|sep|><|open|>argument key="pattern" type="string"<|sep|>x<|close|>argument<|sep|><|open|>argument key="ignore_case" type="boolean"<|sep|>true<|close|>argument<|sep|><|open|>argument key="context" type="number"<|sep|>3<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
        ),
        multiline=(
            '<|open|>tools<|sep|><|open|>call tool="write_file" index="1"<|sep|><|open|>argument key="path" type="string"<|sep|>a.py<|close|>argument<|sep|><|open|>argument key="content" type="string"<|sep|>def f():\n'
            '    return "x" # <b>\n'
            '<|close|>argument<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
        ),
    ),
    # Kimi K3 with a JSON body.
    'kimi_k3_json': Format(
        one=(
            '<|open|>tools<|sep|><|open|>call tool="read_file" index="1"<|sep|><|open|>json type="object"<|sep|>{"path": "a.txt"}<|close|>json<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
        ),
        two=(
            '<|open|>tools<|sep|><|open|>call tool="read_file" index="1"<|sep|><|open|>json type="object"<|sep|>{"path": "a.txt"}<|close|>json<|sep|><|close|>call<|sep|><|open|>call tool="read_file" index="2"<|sep|><|open|>json type="object"<|sep|>{"path": "b.txt"}<|close|>json<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
        ),
        typed=(
            '<|open|>tools<|sep|><|open|>call tool="grep" index="1"<|sep|><|open|>json type="object"<|sep|>{"pattern": "x", "ignore_case": true, "context": 3}<|close|>json<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
        ),
        multiline=(
            '<|open|>tools<|sep|><|open|>call tool="write_file" index="1"<|sep|><|open|>json type="object"<|sep|>{"path": "a.py", "content": "def f():\\n    return \\"x\\" # <b>\\n"}<|close|>json<|sep|><|close|>call<|sep|><|close|>tools<|sep|>'
        ),
    ),
    # gpt-oss.
    'harmony': Format(
        one='<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path":"a.txt"}<|call|>',
        two='',
        typed=(
            '<|channel|>commentary to=functions.grep <|constrain|>json<|message|>{"pattern":"x","ignore_case":true,"context":3}<|call|>'
        ),
        multiline=(
            '<|channel|>commentary to=functions.write_file <|constrain|>json<|message|>{"path":"a.py","content":"def f():\\n    return \\"x\\" # <b>\\n"}<|call|>'
        ),
    ),
    # gpt-oss, two messages of one answer.
    'harmony_started': Format(
        one=(
            '<|start|>assistant<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path":"a.txt"}<|call|>'
        ),
        two=(
            '<|start|>assistant<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path":"a.txt"}<|call|><|start|>assistant<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path":"b.txt"}<|call|>'
        ),
        typed=(
            '<|start|>assistant<|channel|>commentary to=functions.grep <|constrain|>json<|message|>{"pattern":"x","ignore_case":true,"context":3}<|call|>'
        ),
        multiline=(
            '<|start|>assistant<|channel|>commentary to=functions.write_file <|constrain|>json<|message|>{"path":"a.py","content":"def f():\\n    return \\"x\\" # <b>\\n"}<|call|>'
        ),
    ),
    # gpt-oss, the recipient in the role.
    'harmony_recipient_first': Format(
        one=(
            '<|start|>assistant to=functions.read_file<|channel|>commentary <|constrain|>json<|message|>{"path":"a.txt"}<|call|>'
        ),
        two='',
        typed=(
            '<|start|>assistant to=functions.grep<|channel|>commentary <|constrain|>json<|message|>{"pattern":"x","ignore_case":true,"context":3}<|call|>'
        ),
        multiline=(
            '<|start|>assistant to=functions.write_file<|channel|>commentary <|constrain|>json<|message|>{"path":"a.py","content":"def f():\\n    return \\"x\\" # <b>\\n"}<|call|>'
        ),
    ),
    # gpt-oss, the stop token removed.
    'harmony_unclosed': Format(
        one='<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path":"a.txt"}',
        two='',
        typed=(
            '<|channel|>commentary to=functions.grep <|constrain|>json<|message|>{"pattern":"x","ignore_case":true,"context":3}'
        ),
        multiline=(
            '<|channel|>commentary to=functions.write_file <|constrain|>json<|message|>{"path":"a.py","content":"def f():\\n    return \\"x\\" # <b>\\n"}'
        ),
    ),
    # FunctionGemma.
    'functiongemma': Format(
        one='<start_function_call>call:read_file{path:<escape>a.txt<escape>}<end_function_call>',
        two=(
            '<start_function_call>call:read_file{path:<escape>a.txt<escape>}<end_function_call><start_function_call>call:read_file{path:<escape>b.txt<escape>}<end_function_call>'
        ),
        typed='<start_function_call>call:grep{pattern:<escape>x<escape>,ignore_case:true,context:3}<end_function_call>',
        multiline=(
            '<start_function_call>call:write_file{path:<escape>a.py<escape>,content:<escape>def f():\n'
            '    return "x" # <b>\n'
            '<escape>}<end_function_call>'
        ),
    ),
    # Gemma 4.
    'gemma4': Format(
        one='<|tool_call>call:read_file{path:<|"|>a.txt<|"|>}<tool_call|>',
        two=(
            '<|tool_call>call:read_file{path:<|"|>a.txt<|"|>}<tool_call|><|tool_call>call:read_file{path:<|"|>b.txt<|"|>}<tool_call|>'
        ),
        typed='<|tool_call>call:grep{pattern:<|"|>x<|"|>,ignore_case:true,context:3}<tool_call|>',
        multiline=(
            '<|tool_call>call:write_file{path:<|"|>a.py<|"|>,content:<|"|>def f():\n'
            '    return "x" # <b>\n'
            '<|"|>}<tool_call|>'
        ),
    ),
    # Llama 3.2 and 4, ToolACE, Watt.
    'pythonic': Format(
        one='[read_file(path="a.txt")]',
        two='[read_file(path="a.txt"), read_file(path="b.txt")]',
        typed='[grep(pattern="x", ignore_case=True, context=3)]',
        multiline='[write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")]',
    ),
    # the same with single quotes.
    'pythonic_single_quotes': Format(
        one="[read_file(path='a.txt')]",
        two="[read_file(path='a.txt'), read_file(path='b.txt')]",
        typed="[grep(pattern='x', ignore_case=True, context=3)]",
        multiline='[write_file(path=\'a.py\', content=\'def f():\\n    return "x" # <b>\\n\')]',
    ),
    # Llama 4 with its tokens.
    'llama4_pythonic': Format(
        one='<|python_start|>[read_file(path="a.txt")]<|python_end|>',
        two='<|python_start|>[read_file(path="a.txt"), read_file(path="b.txt")]<|python_end|>',
        typed='<|python_start|>[grep(pattern="x", ignore_case=True, context=3)]<|python_end|>',
        multiline='<|python_start|>[write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")]<|python_end|>',
    ),
    # LFM2 and LFM2.5.
    'lfm2': Format(
        one='<|tool_call_start|>[read_file(path="a.txt")]<|tool_call_end|>',
        two='<|tool_call_start|>[read_file(path="a.txt"), read_file(path="b.txt")]<|tool_call_end|>',
        typed='<|tool_call_start|>[grep(pattern="x", ignore_case=True, context=3)]<|tool_call_end|>',
        multiline='<|tool_call_start|>[write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")]<|tool_call_end|>',
    ),
    # Llama 3.1, the call form of built-in tools.
    'llama3_builtin': Format(
        one='<|python_tag|>read_file.call(path="a.txt")',
        two='',
        typed='<|python_tag|>grep.call(pattern="x", ignore_case=True, context=3)',
        multiline='<|python_tag|>write_file.call(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")',
    ),
    # Olmo 3: JSON literals in Python calls.
    'olmo3': Format(
        one='<function_calls>read_file(path="a.txt")</function_calls>',
        two=(
            '<function_calls>read_file(path="a.txt")\n'
            'read_file(path="b.txt")</function_calls>'
        ),
        typed='<function_calls>grep(pattern="x", ignore_case=true, context=3)</function_calls>',
        multiline='<function_calls>write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")</function_calls>',
    ),
    # Granite 3.3 and 4 H-Small, one call a line.
    'granite_pythonic': Format(
        one='read_file(path="a.txt")',
        two=(
            'read_file(path="a.txt")\n'
            'read_file(path="b.txt")'
        ),
        typed='grep(pattern="x", ignore_case=True, context=3)',
        multiline='write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")',
    ),
    # MiniCPM 3 and 4.
    'minicpm3': Format(
        one=(
            '<|tool_call_start|>\n'
            '```python\n'
            'read_file(path="a.txt")\n'
            '```\n'
            '<|tool_call_end|>'
        ),
        two=(
            '<|tool_call_start|>\n'
            '```python\n'
            'read_file(path="a.txt")\n'
            'read_file(path="b.txt")\n'
            '```\n'
            '<|tool_call_end|>'
        ),
        typed=(
            '<|tool_call_start|>\n'
            '```python\n'
            'grep(pattern="x", ignore_case=True, context=3)\n'
            '```\n'
            '<|tool_call_end|>'
        ),
        multiline=(
            '<|tool_call_start|>\n'
            '```python\n'
            'write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")\n'
            '```\n'
            '<|tool_call_end|>'
        ),
    ),
    # Gemma 3.
    'gemma3_tool_code': Format(
        one=(
            '```tool_code\n'
            'read_file(path="a.txt")\n'
            '```'
        ),
        two=(
            '```tool_code\n'
            'read_file(path="a.txt")\n'
            'read_file(path="b.txt")\n'
            '```'
        ),
        typed=(
            '```tool_code\n'
            'grep(pattern="x", ignore_case=True, context=3)\n'
            '```'
        ),
        multiline=(
            '```tool_code\n'
            'write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")\n'
            '```'
        ),
    ),
    # Gemma 3n, Gemini-like.
    'gemma_tool_code_print': Format(
        one=(
            '```tool_code\n'
            'print(default_api.read_file(path="a.txt"))\n'
            '```'
        ),
        two=(
            '```tool_code\n'
            'print(default_api.read_file(path="a.txt"))\n'
            'print(default_api.read_file(path="b.txt"))\n'
            '```'
        ),
        typed=(
            '```tool_code\n'
            'print(default_api.grep(pattern="x", ignore_case=True, context=3))\n'
            '```'
        ),
        multiline=(
            '```tool_code\n'
            'print(default_api.write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n"))\n'
            '```'
        ),
    ),
    # SmolLM3 (Python tools).
    'smollm3_code': Format(
        one=(
            '<code>\n'
            'read_file(path="a.txt")\n'
            '</code>'
        ),
        two=(
            '<code>\n'
            'read_file(path="a.txt")\n'
            'read_file(path="b.txt")\n'
            '</code>'
        ),
        typed=(
            '<code>\n'
            'grep(pattern="x", ignore_case=True, context=3)\n'
            '</code>'
        ),
        multiline=(
            '<code>\n'
            'write_file(path="a.py", content="def f():\\n    return \\"x\\" # <b>\\n")\n'
            '</code>'
        ),
    ),
    # NexusRaven 2.
    'nexusraven': Format(
        one="Call: read_file(path='a.txt')<bot_end>",
        two="Call: read_file(path='a.txt'); read_file(path='b.txt')<bot_end>",
        typed="Call: grep(pattern='x', ignore_case=True, context=3)<bot_end>",
        multiline='Call: write_file(path=\'a.py\', content=\'def f():\\n    return "x" # <b>\\n\')<bot_end>',
    ),
}

THINKING: dict[str, tuple[str, str]] = {
    'deepseek_r1': ('<think>', '</think>'),
    'deepseek_v3': ('<think>', '</think>'),
    'deepseek_v4': ('<think>', '</think>'),
    'qwen3': ('<think>', '</think>'),
    'glm45': ('<think>', '</think>'),
    'kimi_k2': ('<think>', '</think>'),
    'minimax_m1': ('<think>', '</think>'),
    'minimax_m2': ('<think>', '</think>'),
    'nemotron': ('<think>', '</think>'),
    'step3': ('<think>', '</think>'),
    'ernie45': ('<think>', '</think>'),
    'exaone4': ('<think>', '</think>'),
    'hunyuan_a13b': ('<think>', '</think>'),
    'olmo3': ('<think>', '</think>'),
    'rwkv': ('<think>', '</think>'),
    'poolside_v1': ('<think>', '</think>'),
    'telechat4': ('<think>', '</think>'),
    'ling3': ('<think>', '</think>'),
    'mimo': ('<think>', '</think>'),
    'intern_s1': ('<think>', '</think>'),
    'berrylm': ('<think>', '</think>'),
    'hyperclovax_32b': ('<think>', '</think>'),
    'cwm': ('<think>', '</think>'),
    'gigachat35': ('<think>', '</think>'),
    'xing4': ('<think>', '</think>'),
    'iquest_coder_v2': ('<think>', '</think>'),
    'granite4': ('<think>', '</think>'),
    'cogito': ('<think>', '</think>'),
    'prompt_opened': ('', '</think>'),
    'seed_oss': ('<seed:think>', '</seed:think>'),
    'longcat': ('<longcat_think>', '</longcat_think>'),
    'minimax_m3': ('<mm:think>', '</mm:think>'),
    'hy_v3': ('<think:opensource>', '</think:opensource>'),
    'hy_v4': ('<think:6124c78e>', '</think:6124c78e>'),
    'mistral': ('[THINK]', '[/THINK]'),
    'kimi_dev': ('◁think▷', '◁/think▷'),
    'kimi_k3': ('<|open|>think<|sep|>', '<|close|>think<|sep|>'),
    'cohere_command': ('<|START_THINKING|>', '<|END_THINKING|>'),
    'apertus': ('<|inner_prefix|>', '<|inner_suffix|>'),
    'harmony': ('<|channel|>analysis<|message|>', '<|end|>'),
    'gemma4': ('<|channel>thought\n', '<channel|>'),
    'inkling': ('<|message_model|><|content_thinking|>', '<|end_message|>'),
    'muse_glimmer': (' to=self<|message|>', '<|eom|>'),
    'solar_open': ('<|think|>', '<|end|>'),
    'plamo3': ('<|plamo:begin_think:plamo|>', '<|plamo:end_think:plamo|>'),
    'k2_horizon': ('<ifm|think>', '</ifm|think>'),
    'k2_horizon_medium': ('<ifm|think_fast>', '</ifm|think_fast>'),
    'k2_horizon_low': ('<ifm|think_faster>', '</ifm|think_faster>'),
    'solar_open2': ('<|think:start|>', '<|think:end|>'),
    'granite3': ('Here is my thought process:', 'Here is my response:'),
    'apriel': ('Here are my reasoning steps:', '[BEGIN FINAL RESPONSE]'),
    'pangu': ('[unused16]', '[unused17]'),
    'hyperclovax_14b': ('/think\n', '<|im_end|>\n<|im_start|>assistant'),
    'thinking': ('<thinking>', '</thinking>'),
    'thought': ('<thought>', '</thought>'),
    'reasoning': ('<reasoning>', '</reasoning>'),
    'reflection': ('<reflection>', '</reflection>'),
    'scratchpad': ('<scratchpad>', '</scratchpad>'),
}

PROSE: list[str] = [
    (
        'To call a tool, the model writes `<tool_call>` and then a JSON object with "name" and "arguments". The server turns that text into a structured call.'
    ),
    (
        'The closing tag `</tool_call>` is a single token in this tokenizer, so a streaming parser never sees half of it.'
    ),
    (
        'Hermes models use this format:\n'
        '\n'
        '```\n'
        '<tool_call>\n'
        '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
        '</tool_call>\n'
        '```\n'
        '\n'
        'The parser looks for the two tags and loads the JSON between them. If the JSON is broken, the text is passed on as content.'
    ),
    (
        'Here is how the same call looks in two formats.\n'
        '\n'
        'Hermes:\n'
        '\n'
        '```xml\n'
        '<tool_call>\n'
        '{"name": "run_command", "arguments": {"command": "ls"}}\n'
        '</tool_call>\n'
        '```\n'
        '\n'
        'Llama 3:\n'
        '\n'
        '```json\n'
        '{"name": "run_command", "parameters": {"command": "ls"}}\n'
        '```\n'
        '\n'
        'As you can see, Llama says "parameters" where Hermes says "arguments".'
    ),
    (
        'You asked what `read_file` does. It takes one argument, `path`, and returns the content of the file as text. It fails for directories.'
    ),
    'I would not use `run_command` here: `edit_file` makes a smaller change and keeps the line endings.',
    (
        'The function `read_file(path="a.txt")` in your test is never awaited, so the test passes without reading anything.'
    ),
    (
        'In the log you can see `[TOOL_CALLS]` as plain text. That means that the tokenizer was loaded without its special tokens.'
    ),
    (
        'The Mistral template joins `[TOOL_CALLS]`, the name of the function, `[ARGS]` and the JSON arguments without any space between them.'
    ),
    (
        'DSML is the markup of DeepSeek V3.2. A block starts with `<｜DSML｜function_calls>` and each call is one `<｜DSML｜invoke name="...">` element; I can show a full example if you like.'
    ),
    (
        'The token `<|python_tag|>` tells the runtime that Python code follows. Llama 3.1 also uses it before a JSON call.'
    ),
    (
        'A harmony message has a channel: `analysis` for reasoning, `commentary` for tool calls and `final` for the answer. The text after `<|message|>` is the body.'
    ),
    (
        'GLM 4.5 writes `<arg_key>` and `<arg_value>` pairs. The template needs no quotes, because the value ends at `</arg_value>`.'
    ),
    (
        '| Family | Opening | Closing |\n'
        '| --- | --- | --- |\n'
        '| Hermes | `<tool_call>` | `</tool_call>` |\n'
        '| Mistral | `[TOOL_CALLS]` | none |\n'
        '| Kimi K2 | `<|tool_calls_section_begin|>` | `<|tool_calls_section_end|>` |\n'
        '| MiniMax M2 | `<minimax:tool_call>` | `</minimax:tool_call>` |'
    ),
    (
        '| Tool | Needs approval | Example |\n'
        '|------|----------------|---------|\n'
        '| read_file | no | `{"path": "a.txt"}` |\n'
        '| run_command | yes | `{"command": "make"}` |\n'
        '| edit_file | yes | `{"path": "a.txt", "old": "x", "new": "y"}` |'
    ),
    (
        'Your chat template is missing the closing tag. Change this line:\n'
        '\n'
        '```jinja\n'
        '{{- \'<tool_call>\\n{"name": "\' + tool_call.name + \'", "arguments": \' + tool_call.arguments | tojson + \'}\' }}\n'
        '```\n'
        '\n'
        'to this one:\n'
        '\n'
        '```jinja\n'
        '{{- \'<tool_call>\\n{"name": "\' + tool_call.name + \'", "arguments": \' + tool_call.arguments | tojson + \'}\\n</tool_call>\' }}\n'
        '```'
    ),
    (
        '```jinja\n'
        '{%- for message in messages %}\n'
        '  {%- if message.role == "tool" %}\n'
        '<tool_response>\n'
        '{{ message.content }}\n'
        '</tool_response>\n'
        '  {%- endif %}\n'
        '{%- endfor %}\n'
        '```\n'
        '\n'
        'This loop writes every tool result as a `<tool_response>` block.'
    ),
    (
        '```jinja\n'
        '{% macro render(tool) -%}\n'
        '{"name": "{{ tool.name }}", "arguments": {{ tool.arguments | tojson }}}\n'
        '{%- endmacro %}\n'
        '```\n'
        '\n'
        'The macro is used twice in the template, once for the history and once for the examples.'
    ),
    (
        'The regular expression `<tool_call>(.*?)</tool_call>` fails on nested tags. Use a scanner that counts braces and knows about strings.'
    ),
    (
        '```python\n'
        'import json\n'
        'import re\n'
        '\n'
        'CALL = re.compile(r"<tool_call>\\s*(\\{.*?\\})\\s*</tool_call>", re.DOTALL)\n'
        '\n'
        '\n'
        'def calls(text: str) -> list[dict]:\n'
        '    return [json.loads(match.group(1)) for match in CALL.finditer(text)]\n'
        '```\n'
        '\n'
        '`calls` returns a list of dictionaries with the keys `name` and `arguments`.'
    ),
    (
        '```python\n'
        'def test_parses_hermes():\n'
        '    text = \'<tool_call>\\n{"name": "read_file", "arguments": {"path": "a.txt"}}\\n</tool_call>\'\n'
        '    assert parse(text) == [("read_file", {"path": "a.txt"})]\n'
        '```\n'
        '\n'
        'Add this test to `tests/test_parser.py`. It fails on the old code, because that code kept the newline.'
    ),
    (
        '```python\n'
        'def read_file(path: str) -> str:\n'
        '    """Return the text of a file."""\n'
        '    with open(path, encoding="utf-8") as handle:\n'
        '        return handle.read()\n'
        '```\n'
        '\n'
        'The function has no error handling; callers see the `OSError`.'
    ),
    (
        'I added a helper to `files.py`:\n'
        '\n'
        '```python\n'
        'content = read_file("a.txt")\n'
        'print(len(content))\n'
        '```\n'
        '\n'
        'It prints 42 for the sample file.'
    ),
    (
        '```python\n'
        'TOOLS = [\n'
        '    {\n'
        '        "name": "read_file",\n'
        '        "description": "Read a file",\n'
        '        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},\n'
        '    }\n'
        ']\n'
        '```\n'
        '\n'
        'This is the list that is sent with each request.'
    ),
    (
        '```json\n'
        '{\n'
        '  "type": "function",\n'
        '  "function": {\n'
        '    "name": "read_file",\n'
        '    "description": "Reads a text file.",\n'
        '    "parameters": {\n'
        '      "type": "object",\n'
        '      "properties": {"path": {"type": "string"}},\n'
        '      "required": ["path"]\n'
        '    }\n'
        '  }\n'
        '}\n'
        '```\n'
        '\n'
        'That is the definition of the tool as the API wants it. The description is what the model sees.'
    ),
    '{"name": "Ada Lovelace", "born": 1815, "field": "mathematics"}',
    '{"name": "left-pad", "version": "1.3.0", "description": "String left pad", "main": "index.js"}',
    '[{"name": "Anna", "age": 31}, {"name": "Ben", "age": 28}]',
    (
        '{\n'
        '  "name": "my-app",\n'
        '  "version": "0.1.0",\n'
        '  "scripts": {\n'
        '    "build": "vite build",\n'
        '    "test": "vitest run"\n'
        '  },\n'
        '  "dependencies": {\n'
        '    "react": "^18.3.0"\n'
        '  }\n'
        '}'
    ),
    (
        '{\n'
        '  "name": "debug-server",\n'
        '  "type": "node",\n'
        '  "request": "launch",\n'
        '  "program": "${workspaceFolder}/server.js",\n'
        '  "arguments": ["--inspect", "--port", "3000"]\n'
        '}'
    ),
    (
        '```json\n'
        '{\n'
        '  "version": "0.2.0",\n'
        '  "configurations": [\n'
        '    {\n'
        '      "name": "Python: current file",\n'
        '      "type": "debugpy",\n'
        '      "request": "launch",\n'
        '      "program": "${file}",\n'
        '      "args": ["--verbose"]\n'
        '    }\n'
        '  ]\n'
        '}\n'
        '```\n'
        '\n'
        'Save it as `.vscode/launch.json` and press F5.'
    ),
    '{"name": "Berlin", "parameters": {"population": 3700000, "area_km2": 891}}',
    '{"name": "lognormal", "parameters": {"mu": 0.0, "sigma": 0.25}}',
    '{"city": "Paris", "temperature": 21.5, "unit": "celsius"}',
    '[1, 2, 3, 5, 8, 13]',
    '["read_file", "run_command", "edit_file"]',
    '{"tools": ["read_file", "run_command"], "mode": "ask"}',
    '{"answer": 42}',
    (
        '```json\n'
        '{"status": "ok", "items": []}\n'
        '```'
    ),
    '{"type": "function", "summary": "A function maps each input to exactly one output."}',
    '{"function": "sin", "domain": "real", "range": [-1, 1]}',
    '{"action": "opened", "pull_request": {"number": 7, "title": "Fix typo"}}',
    '{"recipe": {"name": "Pancakes", "ingredients": ["flour", "milk", "eggs"], "minutes": 20}}',
    (
        '{"name": "read_file", "description": "Reads a file from the workspace", "parameters": {"type": "object", "properties": {"path": {"type": "string", "description": "The path of the file"}}, "required": ["path"]}}'
    ),
    (
        '[{"name": "Rex", "kind": "dog"}, {"name": "Tom", "kind": "cat"}]\n'
        '\n'
        'These are the two pets from your table.'
    ),
    (
        '# Weather CLI\n'
        '\n'
        'Shows the weather for a city.\n'
        '\n'
        '## Usage\n'
        '\n'
        '```sh\n'
        'weather --city Berlin\n'
        '```\n'
        '\n'
        '## Configuration\n'
        '\n'
        'The file `~/.weather.json` has one object:\n'
        '\n'
        '```json\n'
        '{"name": "default", "arguments": {"city": "Berlin"}}\n'
        '```'
    ),
    (
        '# Tool server\n'
        '\n'
        '## Tools\n'
        '\n'
        '- `read_file(path)` returns the text of a file.\n'
        '- `write_file(path, content)` replaces a file.\n'
        '- `run_command(command)` runs a command in the shell.\n'
        '\n'
        'All tools return plain text.'
    ),
    (
        '## Writing a new tool\n'
        '\n'
        '1. Add a class to `tools/`.\n'
        '2. Give it a `name`, such as `read_file`.\n'
        '3. Describe the arguments with a JSON schema.\n'
        '4. Register it in `registry.py`.'
    ),
    (
        '### Example request\n'
        '\n'
        '```http\n'
        'POST /v1/chat/completions\n'
        'Content-Type: application/json\n'
        '\n'
        '{"model": "qwen", "messages": [{"role": "user", "content": "Read a.txt"}]}\n'
        '```\n'
        '\n'
        '### Example response\n'
        '\n'
        '```json\n'
        '{"choices": [{"message": {"tool_calls": [{"function": {"name": "read_file", "arguments": "{\\"path\\": \\"a.txt\\"}"}}]}}]}\n'
        '```\n'
        '\n'
        'The field `arguments` is a string, not an object.'
    ),
    (
        '```bash\n'
        '$ ls\n'
        'a.txt  b.txt\n'
        '$ cat a.txt\n'
        'hello\n'
        '```\n'
        '\n'
        'Both files are there, so the earlier error came from another directory.'
    ),
    (
        '```console\n'
        '$ git status\n'
        'On branch main\n'
        'nothing to commit, working tree clean\n'
        '```'
    ),
    (
        'You can do the same in the shell:\n'
        '\n'
        '```sh\n'
        'for f in *.txt; do\n'
        '  wc -l "$f"\n'
        'done\n'
        '```\n'
        '\n'
        'The loop prints one line per file.'
    ),
    (
        '```\n'
        'PS C:\\> Get-ChildItem -Filter *.log | Measure-Object\n'
        '\n'
        'Count    : 3\n'
        '```\n'
        '\n'
        'Three log files are left.'
    ),
    (
        '2026-01-05 12:00:01 INFO  tool=read_file path=a.txt ms=3\n'
        '2026-01-05 12:00:02 WARN  tool=run_command exit=1\n'
        '2026-01-05 12:00:02 INFO  done'
    ),
    (
        '[12:01:33] DEBUG parser: found <tool_call> at offset 120\n'
        '[12:01:33] DEBUG parser: no closing tag, text kept as content'
    ),
    'Jan  5 12:00:01 host app[311]: {"level":"info","msg":"call","name":"read_file"}',
    (
        "ERROR: read_file() got an unexpected keyword argument 'file'\n"
        '\n'
        'The argument was renamed to `path` in version 2.'
    ),
    (
        'Traceback (most recent call last):\n'
        '  File "main.py", line 3, in <module>\n'
        '    read_file("a.txt")\n'
        "FileNotFoundError: [Errno 2] No such file or directory: 'a.txt'\n"
        '\n'
        'The file is created by the second step, so run that step first.'
    ),
    (
        '```rust\n'
        'macro_rules! call {\n'
        '    ($name:ident, $($arg:expr),*) => {\n'
        '        $name($($arg),*)\n'
        '    };\n'
        '}\n'
        '\n'
        'fn main() {\n'
        '    call!(println, "{}", "hi");\n'
        '}\n'
        '```\n'
        '\n'
        'The macro does not work, because `println` is a macro as well.'
    ),
    (
        '```rust\n'
        'fn read_file(path: &Path) -> io::Result<String> {\n'
        '    fs::read_to_string(path)\n'
        '}\n'
        '```\n'
        '\n'
        'You can drop the wrapper and call `fs::read_to_string` directly.'
    ),
    (
        '```rust\n'
        'let map: HashMap<String, Vec<u8>> = HashMap::new();\n'
        'let first = map.get("a").map(|v| v.len()).unwrap_or(0);\n'
        '```'
    ),
    (
        '```typescript\n'
        'type Result<T, E = Error> = { ok: true; value: T } | { ok: false; error: E };\n'
        '\n'
        'function call<T>(name: string, args: Record<string, unknown>): Promise<Result<T>> {\n'
        '  return fetch(`/tools/${name}`, { method: "POST", body: JSON.stringify(args) }).then((r) => r.json());\n'
        '}\n'
        '```\n'
        '\n'
        '`call` is generic, so the caller gives the type of the value.'
    ),
    (
        '```typescript\n'
        'const tools: Map<string, Tool<any>> = new Map();\n'
        'tools.set("read_file", readFileTool);\n'
        '```'
    ),
    (
        '```tsx\n'
        'export function Button({ name, onClick }: Props) {\n'
        '  return <button onClick={onClick}>{name}</button>;\n'
        '}\n'
        '```'
    ),
    (
        '```jsx\n'
        '<ToolCall name="read_file" arguments={{ path: "a.txt" }} />\n'
        '```\n'
        '\n'
        'The component draws one card in the transcript. It does not run anything.'
    ),
    (
        '```html\n'
        '<form action="/search" method="get">\n'
        '  <input type="text" name="q">\n'
        '  <button>Search</button>\n'
        '</form>\n'
        '```'
    ),
    (
        '```html\n'
        '<function-list>\n'
        '  <function-item name="read_file"></function-item>\n'
        '</function-list>\n'
        '```\n'
        '\n'
        'These are custom elements; register them with `customElements.define`.'
    ),
    (
        '```xml\n'
        '<project>\n'
        '  <name>demo</name>\n'
        '  <parameters>\n'
        '    <parameter>fast</parameter>\n'
        '  </parameters>\n'
        '</project>\n'
        '```'
    ),
    (
        '```xml\n'
        '<beans>\n'
        '  <bean id="reader" class="com.example.FileReader">\n'
        '    <property name="path" value="a.txt"/>\n'
        '  </bean>\n'
        '</beans>\n'
        '```\n'
        '\n'
        'Spring creates the bean when the context starts.'
    ),
    (
        '```xml\n'
        '<?xml version="1.0"?>\n'
        '<catalog><book id="1"><title>XML</title></book></catalog>\n'
        '```'
    ),
    (
        '```svg\n'
        '<svg viewBox="0 0 10 10"><path d="M0 0L10 10"/></svg>\n'
        '```'
    ),
    (
        '```diff\n'
        '-    return read_file(name)\n'
        '+    return read_file(path)\n'
        '```\n'
        '\n'
        'The name was a typo; the variable is called `path` everywhere else.'
    ),
    (
        '```diff\n'
        '--- a/template.jinja\n'
        '+++ b/template.jinja\n'
        '@@ -1,2 +1,2 @@\n'
        '-<tool_call>{{ call }}</tool_call>\n'
        '+<tool_call>\n'
        '+{{ call }}\n'
        '+</tool_call>\n'
        '```'
    ),
    (
        'diff --git a/a.txt b/a.txt\n'
        'index 3b18e51..a042389 100644\n'
        '--- a/a.txt\n'
        '+++ b/a.txt\n'
        '@@ -1 +1 @@\n'
        '-hello world\n'
        '+hello there'
    ),
    (
        '```go\n'
        'func ReadFile(path string) (string, error) {\n'
        '\tdata, err := os.ReadFile(path)\n'
        '\treturn string(data), err\n'
        '}\n'
        '```'
    ),
    (
        '```go\n'
        'type ToolCall struct {\n'
        '\tName      string         `json:"name"`\n'
        '\tArguments map[string]any `json:"arguments"`\n'
        '}\n'
        '```\n'
        '\n'
        'The tags give the JSON names.'
    ),
    (
        '```java\n'
        'public record ToolCall(String name, Map<String, Object> arguments) {}\n'
        '```\n'
        '\n'
        'A record has `equals` and `hashCode` for free.'
    ),
    (
        '```java\n'
        'List<Map<String, List<Integer>>> rows = new ArrayList<>();\n'
        '```'
    ),
    (
        '```c\n'
        '#include <stdio.h>\n'
        '\n'
        'int main(void) {\n'
        '    printf("%d\\n", 1 << 3);\n'
        '    return 0;\n'
        '}\n'
        '```'
    ),
    (
        '```cpp\n'
        'template <typename T>\n'
        'std::vector<T> read_all(std::istream& in) {\n'
        '    return {std::istream_iterator<T>{in}, {}};\n'
        '}\n'
        '```'
    ),
    (
        '```csharp\n'
        'var files = Directory.GetFiles(".", "*.txt").Where(f => f.Length < 20).ToList();\n'
        '```'
    ),
    (
        '```ruby\n'
        'def read_file(path:)\n'
        '  File.read(path)\n'
        'end\n'
        '\n'
        'puts read_file(path: "a.txt")\n'
        '```\n'
        '\n'
        'The last line prints the file. Remove it before you publish the gem.'
    ),
    (
        '```php\n'
        '<?php\n'
        'function read_file(string $path): string {\n'
        '    return file_get_contents($path) ?: "";\n'
        '}\n'
        '```'
    ),
    (
        '```kotlin\n'
        'fun <T> retry(times: Int, block: () -> T): T {\n'
        '    repeat(times - 1) { runCatching { return block() } }\n'
        '    return block()\n'
        '}\n'
        '```'
    ),
    (
        '```swift\n'
        'struct ToolCall: Codable {\n'
        '    let name: String\n'
        '    let arguments: [String: String]\n'
        '}\n'
        '```'
    ),
    (
        '```sql\n'
        'SELECT name, arguments\n'
        'FROM tool_calls\n'
        "WHERE name = 'read_file'\n"
        'ORDER BY id DESC\n'
        'LIMIT 5;\n'
        '```\n'
        '\n'
        'The table keeps one row per call.'
    ),
    (
        '```lua\n'
        'local function read_file(path)\n'
        '  local f = assert(io.open(path))\n'
        '  return f:read("*a")\n'
        'end\n'
        '```'
    ),
    (
        '```haskell\n'
        'readAll :: FilePath -> IO String\n'
        'readAll path = readFile path >>= \\s -> pure (trim s)\n'
        '```'
    ),
    (
        '```elixir\n'
        'defmodule Tools do\n'
        '  def read_file(%{"path" => path}), do: File.read!(path)\n'
        'end\n'
        '```'
    ),
    (
        '```perl\n'
        'my %call = (name => "read_file", arguments => { path => "a.txt" });\n'
        'print encode_json(\\%call);\n'
        '```\n'
        '\n'
        'This prints the call as JSON; the server accepts it on standard input.'
    ),
    (
        '```r\n'
        'read_file <- function(path) readLines(path)\n'
        'x <- c(1, 2, 3)\n'
        '```'
    ),
    (
        '```scala\n'
        'case class Call(name: String, arguments: Map[String, String])\n'
        'val calls = List(Call("read_file", Map("path" -> "a.txt")))\n'
        '```\n'
        '\n'
        '`calls` has one element here; the parser returns more when the model asks for several files.'
    ),
    (
        '```yaml\n'
        'name: test\n'
        'on: [push]\n'
        'jobs:\n'
        '  build:\n'
        '    runs-on: ubuntu-latest\n'
        '    steps:\n'
        '      - run: make test\n'
        '```'
    ),
    (
        '```yaml\n'
        'tools:\n'
        '  - name: read_file\n'
        '    arguments:\n'
        '      path: string\n'
        '```\n'
        '\n'
        'This is the short form of the schema; the loader expands it.'
    ),
    (
        '```toml\n'
        '[tool.ruff]\n'
        'line-length = 100\n'
        '\n'
        '[tool.ruff.lint]\n'
        'select = ["E", "F"]\n'
        '```'
    ),
    (
        '```ini\n'
        '[tools]\n'
        'read_file = allow\n'
        'run_command = ask\n'
        '```'
    ),
    (
        '```dockerfile\n'
        'FROM python:3.12-slim\n'
        'COPY . /app\n'
        'CMD ["python", "/app/main.py"]\n'
        '```'
    ),
    (
        '```makefile\n'
        'test:\n'
        '\tpytest -q\n'
        '```'
    ),
    (
        '```css\n'
        '.tool-call { border: 1px solid #ccc; }\n'
        '.tool-call > .name { font-weight: bold; }\n'
        '```'
    ),
    (
        '```graphql\n'
        'query { toolCall(name: "read_file") { id arguments } }\n'
        '```\n'
        '\n'
        'The query returns the latest call with that name.'
    ),
    (
        '```proto\n'
        'message ToolCall {\n'
        '  string name = 1;\n'
        '  string arguments = 2;\n'
        '}\n'
        '```'
    ),
    (
        '```mermaid\n'
        'sequenceDiagram\n'
        '  Model->>Server: tool call\n'
        '  Server->>Tool: read_file\n'
        '  Tool-->>Server: text\n'
        '```'
    ),
    (
        'User: Please read a.txt.\n'
        'Assistant: I will use the read_file tool.\n'
        'Tool: hello\n'
        'Assistant: The file says "hello".\n'
        '\n'
        'That is the transcript of the first session; the second one ended with an error.'
    ),
    (
        '> <tool_call> is not closed\n'
        '\n'
        'This message comes from the template checker. It means that the last assistant message ends inside the block.'
    ),
    (
        '[Anna] did you see the new parser?\n'
        '[Ben] yes, it ate my `<tool_call>` again\n'
        '[Anna] lol'
    ),
    (
        'Q: What is a tool call?\n'
        'A: A request of the model to run a function, with a name and arguments.\n'
        'Q: Who runs it?\n'
        'A: The client does.'
    ),
    'The sum is $\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}$, so for n = 10 it is 55.',
    'Let $f: A \\to B$ be a function with f(x) = 2x. Then f(3) = 6 and f is injective.',
    'If a < b and b < c, then a < c. The relation `<` is transitive.',
    (
        'x = [1, 2, 3]\n'
        'y = {name: "a"}\n'
        '\n'
        'Neither line is valid JSON, because the keys and the names have no quotes or stand outside an object.'
    ),
    'f(x=1, y=2) is the same as f(y=2, x=1) in Python.',
    (
        'The list `[read_file(path="a.txt"), read_file(path="b.txt")]` is how a Llama 4 model asks for two files. Your prompt should not contain it, because the model copies it.'
    ),
    (
        'In pythonic formats a call is written like a Python call, for example `[get_weather(city="Paris")]`. Positional arguments are not allowed.'
    ),
    (
        '```python\n'
        'results = [read_file(path) for path in paths]\n'
        '```\n'
        '\n'
        'The comprehension reads all files at once. For large files, use a generator.'
    ),
    (
        '```python\n'
        '[print(i) for i in range(3)]\n'
        '```\n'
        '\n'
        'A comprehension for its side effect is bad style; use a `for` loop.'
    ),
    (
        '```python\n'
        'parser.add_argument("name")\n'
        'parser.add_argument("arguments", nargs="*")\n'
        '```\n'
        '\n'
        'The second line collects the rest of the command line.'
    ),
    (
        '```python\n'
        'assert client.call("run_command", {"command": "ls"}) == "a.txt\\n"\n'
        '```\n'
        '\n'
        'The assertion failed on Windows, where the output ends in `\\r\\n`.'
    ),
    'Emoji are fine in file names: 📄 notes.txt, 🚀 launch.md, 🧪 test.py.',
    'Done ✅ All three tests pass now. 🎉',
    '✿ is a flower and has no special meaning here.',
    '日本語の説明です。`read_file` はファイルを読むツールで、引数は `path` だけです。',
    'Die Datei `a.txt` ist leer. Das Werkzeug `read_file` gibt dann eine leere Zeichenkette zurück.',
    '工具调用由 `<tool_call>` 和 `</tool_call>` 包围，中间是 JSON。',
    'Le modèle écrit « <tool_call> » puis un objet JSON. Sans balise de fin, le serveur attend la suite.',
    'Вызов инструмента начинается с `<tool_call>`. Без закрывающего тега он считается текстом.',
    'The element <invoke> of an XML format has the attribute `name`; the children are <parameter> elements.',
    (
        'MiniMax M2 writes calls like this, as the model card shows:\n'
        '\n'
        '```xml\n'
        '<minimax:tool_call>\n'
        '<invoke name="read_file">\n'
        '<parameter name="path">a.txt</parameter>\n'
        '</invoke>\n'
        '</minimax:tool_call>\n'
        '```\n'
        '\n'
        'Each parameter is one element, and the value has no quotes.'
    ),
    (
        'Qwen3 Coder does not use JSON. The documentation has this example:\n'
        '\n'
        '```xml\n'
        '<tool_call>\n'
        '<function=read_file>\n'
        '<parameter=path>\n'
        'a.txt\n'
        '</parameter>\n'
        '</function>\n'
        '</tool_call>\n'
        '```\n'
        '\n'
        'The names stand after an equals sign, so this is not valid XML and an XML parser refuses it.'
    ),
    (
        'GLM 4.6 uses one more variant:\n'
        '\n'
        '```\n'
        '<tool_call>read_file\n'
        '<arg_key>path</arg_key>\n'
        '<arg_value>a.txt</arg_value>\n'
        '</tool_call>\n'
        '```\n'
        '\n'
        'Note that the value of a string has no quotes, while objects are JSON.'
    ),
    (
        'Kimi K2 numbers its calls. The id `functions.read_file:0` has the name of the tool and a counter that starts at zero for the first call of the conversation.'
    ),
    (
        'The block below is the system prompt of the old agent. It is documentation only.\n'
        '\n'
        '```\n'
        'You have these tools:\n'
        '<tools>\n'
        '{"name": "read_file", "description": "Reads a file", "parameters": {"path": "string"}}\n'
        '</tools>\n'
        'Answer with <tool_call>{"name": ..., "arguments": ...}</tool_call>.\n'
        '```\n'
        '\n'
        'I suggest that we drop it, because the server adds its own.'
    ),
    'Your prompt says: "Reply with {"name": "tool", "arguments": {}}". Small models copy that line word for word.',
    (
        'The arguments have to be an object. `{"name": "read_file", "arguments": "a.txt"}` is refused with the message "arguments must be an object".'
    ),
    (
        'A common mistake is to write `{"name": "read_file", "parameters": {"path": "a.txt"}}` in a test for the OpenAI format, which has `arguments` as a string.'
    ),
    (
        'Compare these two lines:\n'
        '\n'
        '    {"name": "edit_file", "arguments": {"path": "a.txt", "old": "1", "new": "2"}}\n'
        '    {"name": "edit_file", "arguments": {"path": "a.txt", "old": "1"}}\n'
        '\n'
        'The second one lacks `new`, so the server answers with an error.'
    ),
    (
        'The log holds one JSON object per call:\n'
        '\n'
        '```json\n'
        '{"time": 1, "name": "run_command", "arguments": {"command": "make"}, "exit": 0}\n'
        '{"time": 2, "name": "run_command", "arguments": {"command": "make test"}, "exit": 2}\n'
        '```\n'
        '\n'
        'The second command failed, and that is why the build stopped.'
    ),
    (
        'Here is the response of the server that you asked for:\n'
        '\n'
        '```json\n'
        '{"error": {"message": "unknown tool", "name": "read_files", "code": 404}}\n'
        '```\n'
        '\n'
        'The tool is called `read_file`, without an s.'
    ),
    (
        '```json\n'
        '{"openapi": "3.1.0", "info": {"title": "Files", "version": "1"}, "paths": {"/read_file": {"post": {"operationId": "read_file"}}}}\n'
        '```'
    ),
    (
        '```json\n'
        '{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}}, "required": ["name", "arguments"]}\n'
        '```\n'
        '\n'
        'This schema describes one call.'
    ),
    (
        '```json\n'
        '{"mcpServers": {"files": {"command": "npx", "args": ["-y", "server-filesystem", "/data"]}}}\n'
        '```\n'
        '\n'
        'Put this into the configuration file and restart the app.'
    ),
    (
        '```json\n'
        '{\n'
        '  "permissions": {\n'
        '    "allow": ["read_file", "list_directory"],\n'
        '    "deny": ["run_command"]\n'
        '  }\n'
        '}\n'
        '```\n'
        '\n'
        'With these settings the agent can read, but it cannot run anything.'
    ),
    (
        '```json\n'
        '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read_file", "arguments": {"path": "a.txt"}}}\n'
        '```\n'
        '\n'
        'This is the message that an MCP client sends to its server; the answer has the same id.'
    ),
    'MCP servers list their tools with `tools/list` and run them with `tools/call`.',
    '{"id": 17, "name": "Invoice reader", "arguments": null, "owner": "finance"}',
    '{"employees": [{"name": "Kim", "role": "cook"}, {"name": "Lee", "role": "waiter"}]}',
    '{"title": "Dune", "author": {"name": "Frank Herbert"}, "year": 1965}',
    '{"name": "O\'Brien", "arguments": ["for", "against"], "verdict": "undecided"}',
    '[{"question": "2 + 2", "answer": "4"}, {"question": "3 * 3", "answer": "9"}]',
    '{"latitude": 52.52, "longitude": 13.405}',
    '{"sentiment": "positive", "confidence": 0.93}',
    '{"name": "get_weather_report", "score": 0.2, "reason": "The function name in your code is too long."}',
    'null',
    'true',
    '42',
    '""',
    'OK.',
    'Yes.',
    'No, that is not possible with this version.',
    'Which file do you mean, `a.txt` or `b.txt`?',
    'I can run the tests with `run_command` if you want. Shall I?',
    'Before I change anything, please confirm: should `edit_file` keep the trailing newline?',
    (
        'The plan:\n'
        '\n'
        '1. Read `a.txt` with `read_file`.\n'
        '2. Change the second line with `edit_file`.\n'
        '3. Run the tests with `run_command`.\n'
        '\n'
        'Tell me when I may begin.'
    ),
    (
        '- [x] read the file\n'
        '- [x] write the patch\n'
        '- [ ] run the tests'
    ),
    (
        '* `read_file`: reads\n'
        '* `write_file`: writes\n'
        '* `grep`: searches'
    ),
    (
        '1. First item\n'
        '   - nested <b>bold</b> item\n'
        '2. Second item'
    ),
    '**Note:** the tag `[TOOL_REQUEST]` and its partner `[END_TOOL_REQUEST]` belong to LM Studio.',
    (
        'Footnotes[^1] are not rendered in the terminal.\n'
        '\n'
        '[^1]: They are in the HTML export.'
    ),
    'See [the guide](https://example.com/guide?name=read_file&arguments=path) for the query parameters.',
    '<https://example.com/a_b_c> is an autolink.',
    'Press <kbd>Ctrl</kbd>+<kbd>C</kbd> to stop the command.',
    (
        '<details>\n'
        '<summary>Output of the tests</summary>\n'
        '\n'
        '```\n'
        '12 passed in 0.31s\n'
        '```\n'
        '\n'
        '</details>'
    ),
    (
        '<!-- TODO: describe the tools -->\n'
        '\n'
        'The comment above is left in the page on purpose.'
    ),
    '<center>Hello</center>',
    '&lt;tool_call&gt; is how the tag looks in escaped HTML.',
    (
        'Use `Array<string>` or `string[]`; both mean the same in TypeScript. `Promise<Map<string, number>>` is fine as well.'
    ),
    'The type `Callable[[str, int], bool]` takes a string and an integer.',
    '`std::vector<std::pair<int, int>>` needs no space between the closing brackets since C++11.',
    '`Vec<Option<Box<dyn Fn(i32) -> i32>>>` is hard to read; give it a name.',
    (
        'I searched for `[TOOL_CALLS]` in the repository and found three places: the template, the parser and one test.'
    ),
    (
        "grep finds nothing, because the pattern `<function=` has to be quoted in your shell: `grep '<function=' file`."
    ),
    (
        'The command was:\n'
        '\n'
        '```sh\n'
        'curl -s localhost:8080/v1/chat/completions -d \'{"model": "m", "messages": [], "tools": [{"type": "function", "function": {"name": "read_file"}}]}\'\n'
        '```\n'
        '\n'
        'It returns an error, because the list of messages is empty.'
    ),
    (
        '```sh\n'
        "jq '.choices[0].message.tool_calls[0].function | {name, arguments}' answer.json\n"
        '```\n'
        '\n'
        'The filter prints the name and the arguments of the first call.'
    ),
    (
        '```sql\n'
        'INSERT INTO calls (name, arguments) VALUES (\'read_file\', \'{"path": "a.txt"}\');\n'
        '```\n'
        '\n'
        'Run this in the test database only.'
    ),
    (
        '```csv\n'
        'name,arguments\n'
        'read_file,1\n'
        'run_command,1\n'
        '```'
    ),
    (
        '```text\n'
        'read_file\n'
        '  path: a.txt\n'
        'run_command\n'
        '  command: ls\n'
        '```\n'
        '\n'
        'This is the tree that the debugger shows.'
    ),
    (
        '```\n'
        'root\n'
        '├── a.txt\n'
        '└── src\n'
        '    └── read_file.py\n'
        '```'
    ),
    (
        '```\n'
        '+-----------+-------+\n'
        '| tool      | calls |\n'
        '+-----------+-------+\n'
        '| read_file |    12 |\n'
        '+-----------+-------+\n'
        '```'
    ),
    (
        'The state machine has four states:\n'
        '\n'
        '    content -> tag -> json -> end\n'
        '\n'
        'It goes back to `content` after `</tool_call>`.'
    ),
    '"Call me Ishmael" is the first sentence of Moby Dick.',
    'Call: a function. Response: its result. That is all you need for the diagram.',
    'Action: none. Input: none. The meeting ended early.',
    'Thought for the day: keep functions short.',
    (
        'The action items are:\n'
        '\n'
        'Action: write the report\n'
        'Owner: Kim\n'
        'Due: Friday'
    ),
    (
        'Tool call latency rose from 20 ms to 35 ms after the update, mostly because each `read_file` now checks the permissions.'
    ),
    (
        'We measured three formats. JSON in tags needs 31 tokens for one call, key and value tags need 38, and a Python call needs 22.'
    ),
    (
        'The model was trained on <tool_call> blocks, so it writes them even if no tool is offered. Lower the temperature and remove the word "tool" from the prompt.'
    ),
    (
        'If you see `<|tool_call_begin|>` in the answer, your server has no parser for this model. Start it with `--tool-call-parser kimi_k2`.'
    ),
    (
        'Start the server like this:\n'
        '\n'
        '```sh\n'
        'vllm serve model --enable-auto-tool-choice --tool-call-parser hermes\n'
        '```\n'
        '\n'
        'Without the two flags the calls stay in the text.'
    ),
    '`functools` is a module of the standard library. `functools.lru_cache` keeps the results of a function.',
    (
        '```python\n'
        'from functools import partial\n'
        '\n'
        'read = partial(open, encoding="utf-8")\n'
        '```'
    ),
    'The word "function" in `function (x) { return x; }` starts an anonymous function in JavaScript.',
    (
        '```javascript\n'
        'const call = { name: "read_file", arguments: { path: "a.txt" } };\n'
        'console.log(JSON.stringify(call));\n'
        '```\n'
        '\n'
        'This prints the call on one line. I use it in the benchmark.'
    ),
    (
        '```javascript\n'
        'switch (call.name) {\n'
        '  case "read_file":\n'
        '    return readFile(call.arguments.path);\n'
        '  case "run_command":\n'
        '    return run(call.arguments.command);\n'
        '  default:\n'
        '    throw new Error(`unknown tool ${call.name}`);\n'
        '}\n'
        '```'
    ),
    (
        '```python\n'
        'match call:\n'
        '    case {"name": "read_file", "arguments": {"path": str(path)}}:\n'
        '        return read(path)\n'
        '    case _:\n'
        '        raise ValueError(call)\n'
        '```\n'
        '\n'
        'The pattern also checks that the path is a string.'
    ),
    (
        '```python\n'
        '@tool\n'
        'def run_command(command: str, timeout: int = 30) -> str:\n'
        '    """Run a command and return its output."""\n'
        '    return subprocess.run(command, shell=True, capture_output=True, text=True, timeout=timeout).stdout\n'
        '```\n'
        '\n'
        'The decorator builds the schema from the type hints.'
    ),
    (
        'class FunctionCall(BaseModel):\n'
        '    name: str\n'
        '    arguments: dict[str, Any]\n'
        '\n'
        'That is the whole model; pydantic checks the rest.'
    ),
    (
        'def read_file(path):\n'
        '    return open(path).read()\n'
        '\n'
        'This leaks the file handle. Use a `with` block.'
    ),
    'await read_file("a.txt") returns a coroutine only in the old version; the new one returns the text.',
    '`edit_file(path, old, new)` raises `ValueError` if `old` occurs more than once.',
    (
        'The difference between `read_file("a.txt")` and `read_file(path="a.txt")` is only the style; both work in the library.'
    ),
    (
        'In the notebook I ran\n'
        '\n'
        '    read_file("a.txt")\n'
        '\n'
        "and got `'hello\\n'`, so the newline is part of the file."
    ),
    (
        '>>> read_file("a.txt")\n'
        "'hello\\n'\n"
        '>>> len(_)\n'
        '6\n'
        '\n'
        'The interpreter counts the newline as well.'
    ),
    (
        'In [3]: tools.read_file(path="a.txt")\n'
        "Out[3]: 'hello\\n'"
    ),
    (
        'irb> read_file(path: "a.txt")\n'
        '=> "hello\\n"'
    ),
    'The stack trace shows `read_file -> open -> EACCES`. The user has no right to read the file.',
    (
        'commit 3f2a1bc\n'
        '    tools: read_file takes a limit\n'
        '\n'
        '    The default stays at 2000 lines.'
    ),
    (
        '## 1.4.0\n'
        '\n'
        '- `read_file` has a new argument `limit`.\n'
        '- `run_command` stops after 60 seconds.\n'
        '- The parser knows `<|tool_call|>` and `<tool_call>`.'
    ),
    (
        'Roses are red,\n'
        'brackets are round,\n'
        'a tag without partner\n'
        'will never be found.'
    ),
    (
        'Once upon a time a small model wrote `<tool_call>` into every answer. Nobody ran its calls, and so it learned to write prose.'
    ),
    'The acronym DSML is not explained in the paper; many people read it as a markup language of DeepSeek.',
    (
        'A `｜` (U+FF5C) is not a `|` (U+007C). DeepSeek uses the first one in its special tokens, for example in `<｜User｜>`.'
    ),
    'The tokens `<|im_start|>` and `<|im_end|>` mark the beginning and the end of each message in ChatML.',
    '`<s>[INST] Hello [/INST] Hi!</s>` is one turn in the format of Llama 2.',
    '<think> and </think> surround the reasoning in many models. The UI folds the text between them.',
    'Reasoning tags differ: `<think>` for Qwen, `[THINK]` for Mistral, `<seed:think>` for Seed-OSS.',
    (
        'The file ends in the middle of a tag:\n'
        '\n'
        '```\n'
        '<tool_cal\n'
        '```\n'
        '\n'
        'It was cut at 4096 bytes by the logger.'
    ),
    'The empty block `<tool_call></tool_call>` is dropped by the parser without an error.',
    'You wrote "<tool_call>foo</tool_call>". There is no JSON inside, so every parser keeps it as text.',
    'Replace `<YOUR_NAME>` and `<YOUR_KEY>` in the file `config.json` by your own values.',
    (
        'Usage: tool [--name NAME] [--arguments JSON] <file>\n'
        '\n'
        'The angle brackets mark a required argument, the square brackets an optional one.'
    ),
    (
        'usage: read_file [-h] [--limit LIMIT] path\n'
        '\n'
        'positional arguments:\n'
        '  path           the file to read'
    ),
    (
        'git checkout -b feature/<ticket>\n'
        '\n'
        'Put the number of your ticket in place of `<ticket>`.'
    ),
    'The regex `\\[TOOL_CALLS\\]\\s*(\\[.*\\])` needs the flag `s`, or it stops at the first newline.',
    (
        'In EBNF the grammar is:\n'
        '\n'
        '```ebnf\n'
        'call = "<tool_call>", object, "</tool_call>" ;\n'
        'object = "{", pair, { ",", pair }, "}" ;\n'
        '```'
    ),
    (
        '```gbnf\n'
        'root ::= "<tool_call>\\n" call "\\n</tool_call>"\n'
        'call ::= "{" ws "\\"name\\":" ws name "," ws "\\"arguments\\":" ws object "}"\n'
        '```\n'
        '\n'
        'The grammar forces the model to write one call and nothing else.'
    ),
    (
        '```vim\n'
        ':%s/<tool_call>//g\n'
        '```'
    ),
    (
        '```nginx\n'
        'location /tools/ {\n'
        '    proxy_pass http://127.0.0.1:9000/;\n'
        '}\n'
        '```'
    ),
    (
        '```powershell\n'
        'Get-Content a.txt | Select-String "tool_call"\n'
        '```'
    ),
    (
        '```latex\n'
        '\\begin{tabular}{ll}\n'
        'name & arguments \\\\\n'
        '\\end{tabular}\n'
        '```'
    ),
    (
        '```asm\n'
        'call read_file\n'
        'test eax, eax\n'
        'jz .error\n'
        '```\n'
        '\n'
        'The result is in `eax`; zero means an error.'
    ),
    (
        '```clojure\n'
        '(defn read-file [{:keys [path]}] (slurp path))\n'
        '```'
    ),
    (
        '```julia\n'
        'read_file(; path) = read(path, String)\n'
        '```\n'
        '\n'
        'Keyword arguments stand after the semicolon.'
    ),
    (
        '```dart\n'
        "final call = ToolCall(name: 'read_file', arguments: {'path': 'a.txt'});\n"
        '```\n'
        '\n'
        '`ToolCall` comes from the package that you already import.'
    ),
    (
        '```prolog\n'
        'tool(read_file). needs(read_file, path).\n'
        '```'
    ),
    (
        '```zig\n'
        'pub fn readFile(path: []const u8) ![]u8 {\n'
        '    return std.fs.cwd().readFileAlloc(allocator, path, 1 << 20);\n'
        '}\n'
        '```'
    ),
    (
        '```ocaml\n'
        'let read_file path = In_channel.with_open_text path In_channel.input_all\n'
        '```'
    ),
    (
        '```matlab\n'
        'x = [1 2 3]; y = x .^ 2;\n'
        '```'
    ),
    (
        '```hcl\n'
        'resource "local_file" "a" {\n'
        '  filename = "a.txt"\n'
        '  content  = "hello"\n'
        '}\n'
        '```'
    ),
    'The table of the benchmark has the columns name, arguments and result. Row 3 is `read_file`, `a.txt`, `ok`.',
    'I have read `a.txt` and `b.txt`. Both hold one line; the first says "hello" and the second says "world".',
    'I ran `make test`: 120 passed, 1 failed. The failing test is `test_read_file_empty`.',
    (
        'I changed two files:\n'
        '\n'
        '- `tools.py`: `read_file` closes the file now.\n'
        '- `test_tools.py`: a test for the empty file.\n'
        '\n'
        'All tests pass.'
    ),
    (
        'I could not find a tool for this. Of the offered tools (`read_file`, `edit_file`, `run_command`) none can send mail.'
    ),
    'Sorry, I cannot read images with `read_file`; it returns text only.',
    (
        'The file `calls.jsonl` looks like this:\n'
        '\n'
        '{"name": "read_file", "arguments": {"path": "a.txt"}}\n'
        '{"name": "read_file", "arguments": {"path": "b.txt"}}\n'
        '\n'
        'Each line is one recorded call. The replay script skips lines that it cannot parse.'
    ),
    (
        'Your test data has a mistake in line 2. It says\n'
        '\n'
        '{"name": "grep", "arguments": {"pattern": "x", "context": "3"}}\n'
        '\n'
        'but `context` has to be a number, so write 3 without quotes.'
    ),
    (
        'A model without a template may answer `{"tool": "read_file", "input": {"path": "a.txt"}}`. No server parses that shape.'
    ),
    (
        'The harmony format puts the name of the tool into the header: `<|start|>assistant<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path": "a.txt"}<|call|>`. The word `json` says how the body is encoded.'
    ),
    (
        'Gemma 4 quotes strings with `<|"|>`. The whole call is `<|tool_call>call:read_file{path:<|"|>a.txt<|"|>}<tool_call|>`, as you can check in the template.'
    ),
    (
        'The documentation of LM Studio gives this example for its default format:\n'
        '\n'
        '```\n'
        '[TOOL_REQUEST]{"name": "read_file", "arguments": {"path": "a.txt"}}[END_TOOL_REQUEST]\n'
        '```\n'
        '\n'
        'It is used for every model that has no native support.'
    ),
    (
        'Step 1 of the tutorial defines the function, step 2 describes it:\n'
        '\n'
        '```json\n'
        '{"name": "get_weather", "description": "The weather of a city", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}\n'
        '```\n'
        '\n'
        'Step 3 sends both to the model.'
    ),
    (
        'In the old format of Command R the model writes "Action:" and then a JSON list in a code block. In the new one it writes `<|START_ACTION|>` and `<|END_ACTION|>`.'
    ),
    (
        '```tool_output\n'
        'hello\n'
        '```\n'
        '\n'
        'This is what the tool returned in the example of the Gemma documentation.'
    ),
    (
        'The schema calls the field `parameters`, the call itself names it `arguments`, and old templates say `args`. Only the second name is right in an answer.'
    ),
    (
        'Comparison of two calls from the paper:\n'
        '\n'
        '| Model | Text |\n'
        '| --- | --- |\n'
        '| A | `read_file(path="a.txt")` |\n'
        '| B | `{"name": "read_file", "arguments": {"path": "a.txt"}}` |\n'
        '\n'
        'Model B needs more tokens.'
    ),
    (
        'Here is the conversation as YAML:\n'
        '\n'
        '```yaml\n'
        '- role: assistant\n'
        '  tool_calls:\n'
        '    - name: read_file\n'
        '      arguments: {path: a.txt}\n'
        '- role: tool\n'
        '  content: hello\n'
        '```\n'
        '\n'
        'The format is easier to review than JSON.'
    ),
    (
        'Name: read_file\n'
        'Purpose: reads a file\n'
        'Arguments: path (string)\n'
        'Returns: text'
    ),
    (
        'name = "read_file"\n'
        'arguments = {"path": "a.txt"}\n'
        '\n'
        'These are the two variables at the breakpoint; `result` is not set yet.'
    ),
    'print("<tool_call>") prints the tag and nothing else.',
    (
        "echo '<tool_call>{}</tool_call>' | ./parser\n"
        '\n'
        'The parser answers "no name in call" and exits with 1.'
    ),
    'The XML in your question is not well formed: `<function=read_file>` has an equals sign in the tag name.',
    'To escape the tag in Markdown, put it into backticks, as in `<read_file>`, or write `\\<read_file\\>`.',
    (
        'Cline uses one tag per tool: `<read_file>` with a child `<path>`. That costs fewer tokens than JSON for long texts.'
    ),
    '<read_file> is not an HTML element, so the browser shows only its content.',
    '<path> is an SVG element; `d` holds the commands.',
]
