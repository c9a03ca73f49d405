"""Chat templates written for tests: each behaves as those of one public family do, in what it takes, refuses, and leaves out.

Roles and their order, system messages, tools, calls, ids, results, and reasoning are those of the family; the words are ours.
"""

_RAISE = "{{ raise_exception('%s') }}"
_ALTERNATE = "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}" + _RAISE % "roles must alternate" + "{% endif %}"
_FIRST_SYSTEM = "{% if messages[0].role == 'system' %}{% set sys = messages[0].content %}{% set rest = messages[1:] %}{% else %}{% set sys = '' %}{% set rest = messages %}{% endif %}"  # fmt: skip
_CHATML_END = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
_HERMES_TOOLS = "{% if tools %}<|im_start|>system\n{{ messages[0].content if messages[0].role == 'system' }}<tools>{% for t in tools %}{{ t | tojson }}\n{% endfor %}</tools><|im_end|>\n{% elif messages[0].role == 'system' %}<|im_start|>system\n{{ messages[0].content }}<|im_end|>\n{% endif %}"  # fmt: skip
_JSON_CALLS = '{% for c in m.tool_calls %}<tool_call>\n{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}'
_XML_CALLS = "{% for c in m.tool_calls %}<tool_call>\n<function={{ c.function.name }}>\n{% for k, v in c.function.arguments.items() %}<parameter={{ k }}>\n{{ v if v is string else v | tojson }}\n</parameter>\n{% endfor %}</function>\n</tool_call>{% endfor %}"  # fmt: skip
_KEY_CALLS = "{% for c in m.tool_calls %}<tool_call>{{ c.function.name }}\n{% for k, v in c.function.arguments.items() %}<arg_key>{{ k }}</arg_key>\n<arg_value>{{ v if v is string else v | tojson }}</arg_value>\n{% endfor %}</tool_call>{% endfor %}"  # fmt: skip
_LAST_USER = "{% set ns = namespace(last=-1) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"


def _mistral(ids: bool, system: str, call: str, result: str, tools: str) -> str:
    """Roles alternate without tool messages; tools stand before the last user's text."""
    check = (
        "{% if c.id is not defined or c.id | length != 9 %}" + _RAISE % "Tool call IDs should be alphanumeric strings with length 9!" + "{% endif %}" if ids else ""
    )  # fmt: skip
    return (
        _FIRST_SYSTEM + "{% set ns = namespace(n=0) %}{% set users = rest | selectattr('role', 'equalto', 'user') | list %}"
        "{% for m in rest %}{% if m.role == 'user' or (m.role == 'assistant' and m.tool_calls is not defined) %}"
        "{% if (m.role == 'user') != (ns.n % 2 == 0) %}" + _RAISE % "After the optional system message, conversation roles must alternate" + "{% endif %}"
        "{% set ns.n = ns.n + 1 %}{% endif %}{% endfor %}{{ bos_token }}"
        "{% for m in rest %}{% if m.role == 'user' %}{% if tools and m == users[-1] %}" + tools + "{% endif %}[INST]" + system + "{{ m.content }}[/INST]"
        "{% elif m.tool_calls is defined %}[TOOL_CALLS]{% for c in m.tool_calls %}" + check + call + "{% endfor %}{{ eos_token }}"
        "{% elif m.role == 'assistant' %}{{ m.content | trim }}{{ eos_token }}"
        "{% elif m.role == 'tool' %}" + result + "{% else %}" + _RAISE % "Only user and assistant roles are supported" + "{% endif %}{% endfor %}"
    )  # fmt: skip


def _llama3(more_checks: str = "", end: str = "<|eot_id|>") -> str:
    """Tools are a part of the first user's message; one call a message, and no text beside it."""
    return (
        "{{ bos_token }}" + _FIRST_SYSTEM + "<|start_header_id|>system<|end_header_id|>\n\n{{ sys | trim }}" + end + "{% set ns = namespace(rest=rest) %}"
        "{% if tools %}{% if rest | length == 0 or rest[0].role != 'user' %}" + _RAISE % "Cannot put tools in the first user message when there is none!" + "{% endif %}"
        "<|start_header_id|>user<|end_header_id|>\n\nFunctions:\n{% for t in tools %}{{ t | tojson(indent=4) }}\n\n{% endfor %}{{ rest[0].content | trim }}" + end +
        "{% set ns.rest = rest[1:] %}{% endif %}{% for m in ns.rest %}"
        "{% if not (m.role == 'ipython' or m.role == 'tool' or 'tool_calls' in m) %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}" + end +
        "{% elif 'tool_calls' in m %}{% if m.tool_calls | length != 1 %}" + _RAISE % "This model only supports single tool-calls at once!" + "{% endif %}" + more_checks +
        "<|start_header_id|>assistant<|end_header_id|>\n\n{\"name\": \"{{ m.tool_calls[0].function.name }}\", \"parameters\": {{ m.tool_calls[0].function.arguments | tojson }}}" + end +
        "{% else %}<|start_header_id|>ipython<|end_header_id|>\n\n{% if m.content is mapping or m.content is iterable %}{{ m.content | tojson }}{% else %}{{ m.content }}{% endif %}" + end +
        "{% endif %}{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    )  # fmt: skip


def _qwen(calls: str, thinking: bool = False, more: str = "") -> str:
    """ChatML; results are a user's text between tags."""
    reasoning = (
        "{% if m.reasoning_content is string and loop.index0 > ns.last %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}"
        if thinking
        else ""
    )
    switch = "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}" if thinking else ""
    return (
        more + _LAST_USER + _HERMES_TOOLS + "{% for m in messages %}{% if m.role == 'user' or (m.role == 'system' and not loop.first) %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
        "{% elif m.role == 'assistant' %}<|im_start|>assistant\n" + reasoning + "{{ m.content.split('</think>')[-1] }}{% if m.tool_calls %}" + calls + "{% endif %}<|im_end|>\n"
        "{% elif m.role == 'tool' %}{% if loop.first or messages[loop.index0 - 1].role != 'tool' %}<|im_start|>user{% endif %}\n<tool_response>\n{{ m.content }}\n</tool_response>"
        "{% if loop.last or messages[loop.index0 + 1].role != 'tool' %}<|im_end|>\n{% endif %}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n" + switch + "{% endif %}"
    )  # fmt: skip


def _marked(start: str, end: str, head: str = "{{ m.role }}", ask: str = "assistant", tail: str = "") -> str:
    """Every role in one form; tools and calls are unknown."""
    return f"{tail}{{% for m in messages %}}{start.replace('ROLE', head)}{{{{ m.content }}}}{end}{{% endfor %}}{{% if add_generation_prompt %}}{start.replace('ROLE', ask)}{{% endif %}}"


def _deepseek(arguments: str, think: str, calls_if: str) -> str:
    """All system messages stand first; calls between their own tokens; tools are not declared."""
    return (
        "{% set ns = namespace(sys='', is_tool=false) %}{% for m in messages %}{% if m.role == 'system' %}{% set ns.sys = ns.sys ~ m.content ~ '\n\n' %}{% endif %}{% endfor %}"
        "{{ bos_token }}{{ ns.sys }}{% for m in messages %}{% if m.role == 'user' %}{% set ns.is_tool = false %}<｜User｜>{{ m.content }}"
        "{% elif m.role == 'assistant' and " + calls_if + " %}{% if not ns.is_tool %}<｜Assistant｜>{% endif %}{% set ns.is_tool = false %}<｜tool▁calls▁begin｜>{% for c in m.tool_calls %}"
        "<｜tool▁call▁begin｜>" + arguments + "<｜tool▁call▁end｜>{% endfor %}<｜tool▁calls▁end｜><｜end▁of▁sentence｜>"
        "{% elif m.role == 'assistant' %}{% if not ns.is_tool %}<｜Assistant｜>{% endif %}{% set ns.is_tool = false %}{{ m.content.split('</think>')[-1] }}<｜end▁of▁sentence｜>"
        "{% elif m.role == 'tool' %}{% set ns.is_tool = true %}<｜tool▁output▁begin｜>{{ m.content }}<｜tool▁output▁end｜>{% endif %}{% endfor %}"
        "{% if add_generation_prompt and not ns.is_tool %}<｜Assistant｜>" + think + "{% endif %}"
    )  # fmt: skip


def _glm(head: str) -> str:
    return (
        _LAST_USER + "[gMASK]<sop>{% if tools %}<|system|>\n# Tools\n{% for t in tools %}{{ t | tojson }}\n{% endfor %}{% endif %}"
        "{% for m in messages %}{% if m.role == 'user' %}<|user|>\n{{ m.content }}{{ '/nothink' if enable_thinking is defined and not enable_thinking }}"
        "{% elif m.role == 'assistant' %}<|assistant|>{% if m.reasoning_content is string and loop.index0 > ns.last %}\n<think>{{ m.reasoning_content }}</think>{% endif %}\n{{ m.content | trim }}"
        "{% if m.tool_calls %}" + _KEY_CALLS + "{% endif %}{% elif m.role == 'tool' %}{% if loop.first or messages[loop.index0 - 1].role != 'tool' %}<|observation|>{% endif %}"
        "\n<tool_response>\n{{ m.content }}\n</tool_response>{% else %}<|system|>\n{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}" + head + "{% endif %}"
    )  # fmt: skip


_GPT_OSS = (
    "<|start|>system<|message|>Reasoning: {{ reasoning_effort if reasoning_effort is defined else 'medium' }}<|end|>"
    "{% if messages[0].role in ('system', 'developer') %}{% set dev = messages[0].content %}{% set rest = messages[1:] %}{% else %}{% set dev = '' %}{% set rest = messages %}{% endif %}"
    "{% if dev or tools %}<|start|>developer<|message|>{{ dev }}{% for t in tools or [] %}// {{ t.function.description }}\ntype {{ t.function.name }} = (_: {{ t.function.parameters | tojson }}) => any;\n{% endfor %}<|end|>{% endif %}"
    "{% set ns = namespace(name=none) %}{% for m in rest %}{% if m.role == 'assistant' %}"
    "{% if '<|channel|>final<|message|>' in m.content %}" + _RAISE % "channel tags in the content" + "{% endif %}"
    "{% if 'tool_calls' in m %}{% set after = namespace(final=false) %}{% for f in rest[loop.index:] %}{% if f.role == 'assistant' and 'tool_calls' not in f %}{% set after.final = true %}{% endif %}{% endfor %}"
    "{% if m.content and m.thinking %}" + _RAISE % "Cannot pass both content and thinking" + "{% elif m.content and not after.final %}<|start|>assistant<|channel|>analysis<|message|>{{ m.content }}<|end|>"
    "{% elif m.thinking and not after.final %}<|start|>assistant<|channel|>analysis<|message|>{{ m.thinking }}<|end|>{% endif %}"
    "<|start|>assistant to=functions.{{ m.tool_calls[0].function.name }}<|channel|>commentary json<|message|>{{ m.tool_calls[0].function.arguments | tojson }}<|call|>{% set ns.name = m.tool_calls[0].function.name %}"
    "{% else %}<|start|>assistant<|channel|>final<|message|>{{ m.content }}{{ '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}{% set ns.name = none %}{% endif %}"
    "{% elif m.role == 'tool' %}{% if ns.name is none %}" + _RAISE % "Message has tool role, but there was no previous assistant message with a tool call!" + "{% endif %}"
    "<|start|>functions.{{ ns.name }} to=assistant<|channel|>commentary<|message|>{{ m.content | tojson }}<|end|>"
    "{% elif m.role == 'user' %}<|start|>user<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)  # fmt: skip
_KIMI = (
    "{% if tools %}<|im_system|>tool_declare<|im_middle|>{{ tools | tojson }}<|im_end|>{% endif %}{% for m in messages %}{% if m.role == 'tool' %}"
    "<|im_system|>{{ m.name or m.role }}<|im_middle|>## Return of {{ m.tool_call_id }}\n{{ m.content }}<|im_end|>{% else %}<|im_{{ m.role }}|>{{ m.role }}<|im_middle|>"
    "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}{% if m.tool_calls %}<|tool_calls_section_begin|>{% for c in m.tool_calls %}"
    "<|tool_call_begin|>{{ c.id }}<|tool_call_argument_begin|>{{ c.function.arguments if c.function.arguments is string else c.function.arguments | tojson }}<|tool_call_end|>{% endfor %}"
    "<|tool_calls_section_end|>{% endif %}<|im_end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_assistant|>assistant<|im_middle|>{% endif %}"
)  # fmt: skip
_MINIMAX = (
    _LAST_USER + _FIRST_SYSTEM + "]~!b[]~b]system\n{{ sys }}{% if tools %}\n<tools>{% for t in tools %}<tool>{{ t.function | tojson }}</tool>{% endfor %}</tools>{% endif %}[e~[\n"
    "{% for m in messages %}{% if m.role == 'user' %}]~b]user\n{{ m.content }}[e~[\n{% elif m.role == 'assistant' %}]~b]ai\n"
    "{% if m.reasoning_content and loop.index0 > ns.last %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}{% if m.tool_calls %}\n<minimax:tool_call>\n"
    "{% for c in m.tool_calls %}<invoke name=\"{{ c.function.name }}\">{% for k, v in c.function.arguments.items() %}<parameter name=\"{{ k }}\">{{ v if v is string else v | tojson }}</parameter>{% endfor %}</invoke>\n{% endfor %}</minimax:tool_call>{% endif %}[e~[\n"
    "{% elif m.role == 'tool' %}{% if not messages[loop.index0 - 1].tool_calls and messages[loop.index0 - 1].role != 'tool' %}" + _RAISE % "Message has tool role, but there was no previous assistant message with a tool call!" + "{% endif %}"
    "]~b]tool\n<response>{{ m.content }}</response>[e~[\n{% endif %}{% endfor %}{% if add_generation_prompt %}]~b]ai\n<think>\n{% endif %}"
)  # fmt: skip
_COMMAND_R7B = (
    _FIRST_SYSTEM + "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>{% if tools %}{{ tools | tojson }}{% endif %}{{ sys }}<|END_OF_TURN_TOKEN|>{% for m in rest %}"
    "{% if m.role == 'user' %}<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{{ m.content }}<|END_OF_TURN_TOKEN|>{% elif m.role == 'assistant' %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
    "{% if m.tool_calls %}<|START_THINKING|>{{ m.tool_plan or '' }}<|END_THINKING|><|START_ACTION|>[{% for c in m.tool_calls %}{\"tool_call_id\": \"{{ loop.index0 }}\", \"tool_name\": \"{{ c.function.name }}\", \"parameters\": {{ c.function.arguments | tojson }}}{{ ',' if not loop.last }}{% endfor %}]<|END_ACTION|>"
    "{% else %}<|START_RESPONSE|>{{ m.content }}<|END_RESPONSE|>{% endif %}<|END_OF_TURN_TOKEN|>{% elif m.role == 'tool' %}<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|><|START_TOOL_RESULT|>{{ m.content | tojson }}<|END_TOOL_RESULT|><|END_OF_TURN_TOKEN|>"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{% endif %}"
)  # fmt: skip
_GEMMA = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}" + _RAISE % "System role not supported" + "{% endif %}{% for m in messages %}" + _ALTERNATE +
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)  # fmt: skip
_GEMMA3 = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{% set first = (messages[0].content if messages[0].content is string else messages[0].content[0].text) ~ '\n\n' %}{% set rest = messages[1:] %}{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}" + _ALTERNATE + "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ first if loop.first }}{% if m.content is string %}{{ m.content | trim }}"
    "{% elif m.content is iterable %}{% for p in m.content %}{{ '<start_of_image>' if p.type == 'image' else p.text | trim }}{% endfor %}{% else %}" + _RAISE % "Invalid content type" + "{% endif %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)  # fmt: skip
_GEMMA4 = (
    "{{ bos_token }}" + _FIRST_SYSTEM + "{% if sys or tools %}<|turn>system\n{{ sys }}{% for t in tools or [] %}<|tool>{{ t | tojson }}<tool|>{% endfor %}<turn|>\n{% endif %}{% for m in rest %}"
    "{% if m.role == 'tool' %}{% if m.name is not defined or not m.name %}" + _RAISE % "results need a name" + "{% endif %}<|tool_response>response:{{ m.name }}{value:<|\"|>{{ m.content }}<|\"|>}<tool_response|>"
    "{% else %}<|turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content }}{% for c in m.tool_calls or [] %}<|tool_call>call:{{ c.function.name }}{{ '{' }}{% for k, v in c.function.arguments.items() %}{{ k }}:<|\"|>{{ v }}<|\"|>{% endfor %}{{ '}' }}<tool_call|>{% endfor %}<turn|>\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|turn>model\n{{ '<|channel>thought\n' if enable_thinking }}{% endif %}"
)  # fmt: skip
_LLAMA2 = (
    _FIRST_SYSTEM + "{% for m in rest %}" + _ALTERNATE + "{% set text = '<<SYS>>\n' ~ sys ~ '\n<</SYS>>\n\n' ~ m.content if loop.first and sys else m.content %}"
    "{% if m.role == 'user' %}{{ bos_token }}[INST] {{ text | trim }} [/INST]{% elif m.role == 'assistant' %} {{ text | trim }} {{ eos_token }}{% endif %}{% endfor %}"
)  # fmt: skip
_FUNCTIONARY = (
    "{% if tools %}<|tools|>{{ tools | tojson }}{% endif %}{% for m in messages %}<|start_header_id|>{{ 'tool' if m.role == 'tool' else m.role }}<|end_header_id|>\n\n{% if m.role == 'tool' %}name={{ m.name }}\n{% endif %}{{ m.content if m.content is not none }}"
    "{% for c in m.tool_calls or [] %}>>>{{ c.function.name + '\n' + c.function.arguments }}{% endfor %}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n>>>{% endif %}"
)  # fmt: skip
_FIREFUNCTION = (
    "{% if functions is not defined %}" + _RAISE % "functions are missing" + "{% endif %}{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{% if loop.first %}{{ functions }}{% endif %}"
    "{{ m.content }}{% for c in m.tool_calls or [] %}functools[{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}]{% endfor %}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)  # fmt: skip
_SMOLLM3 = (
    _FIRST_SYSTEM + "<|im_start|>system\n{{ '/no_think' if enable_thinking is defined and not enable_thinking else '/think' }}\n{{ sys.replace('/no_think', '').replace('/think', '') }}"
    "{% if xml_tools %}{{ xml_tools | tojson }}{% endif %}<|im_end|>\n{% for m in rest %}{% if m.role == 'user' %}<|im_start|>user\n{{ m.content }}<|im_end|>\n{% elif m.role == 'assistant' %}<|im_start|>assistant\n{{ m.content }}<|im_end|>\n"
    "{% elif m.role == 'tool' %}<|im_start|>user\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}" + _CHATML_END
)  # fmt: skip
_LFM2 = (
    _FIRST_SYSTEM + "{{ bos_token }}{% if sys or tools %}<|im_start|>system\n{{ sys }}{% if tools %}List of tools: <|tool_list_start|>{{ tools | tojson }}<|tool_list_end|>{% endif %}<|im_end|>\n{% endif %}"
    "{% for m in rest %}<|im_start|>{{ m.role }}\n{{ '<|tool_response_start|>' ~ m.content ~ '<|tool_response_end|>' if m.role == 'tool' else m.content }}<|im_end|>\n{% endfor %}" + _CHATML_END
)  # fmt: skip
_GRANITE33 = (
    _FIRST_SYSTEM + "<|start_of_role|>system<|end_of_role|>{{ sys }}{% if thinking %}Respond with your thoughts in tags.{% endif %}<|end_of_text|>\n{% if tools %}<|start_of_role|>available_tools<|end_of_role|>{{ tools | tojson(indent=4) }}<|end_of_text|>\n{% endif %}"
    "{% for m in rest %}<|start_of_role|>{{ m.role }}<|end_of_role|>{{ m.content }}<|end_of_text|>\n{% endfor %}{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{% endif %}"
)  # fmt: skip
_SEED = (
    _FIRST_SYSTEM + "{{ bos_token }}system\n{{ sys }}{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{% if thinking_budget is defined %}budget {{ thinking_budget }}{% endif %}{{ eos_token }}{% for m in rest %}{{ bos_token }}{{ m.role }}\n"
    "{% if m.reasoning_content %}<seed:think>{{ m.reasoning_content | trim }}</seed:think>{% endif %}{{ m.content | trim }}{% for c in m.tool_calls or [] %}\n<seed:tool_call>\n<function={{ c.function.name }}>\n{% for k, v in c.function.arguments.items() %}<parameter={{ k }}>{{ v }}</parameter>\n{% endfor %}</function>\n</seed:tool_call>{% endfor %}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ bos_token }}assistant\n{% endif %}"
)  # fmt: skip
_HUNYUAN = (
    "{% if reasoning_effort is not defined %}{% set reasoning_effort = 'no_think' %}{% elif reasoning_effort not in ['high', 'low', 'no_think'] %}" + _RAISE % "reasoning_effort must be no_think, low or high" + "{% endif %}"
    + _FIRST_SYSTEM + "<hy_begin>{{ sys }}effort:{{ reasoning_effort }}{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{% for m in rest %}{% if m.role == 'user' %}<hy_User>{{ m.content }}{% elif m.role == 'assistant' %}<hy_Assistant>{{ m.content }}"
    "{% if m.tool_calls %}<tool_calls>{% for c in m.tool_calls %}<tool_call>{{ c.function.name }}<tool_sep>{% for k, v in c.function.arguments.items() %}<arg_key>{{ k }}</arg_key><arg_value>{{ v }}</arg_value>{% endfor %}</tool_call>{% endfor %}</tool_calls>{% endif %}<hy_end>"
    "{% elif m.role == 'tool' %}<tool_response>{{ m.content }}</tool_response>{% endif %}{% endfor %}{% if add_generation_prompt %}<hy_Assistant>{% endif %}"
)  # fmt: skip
_LING = (
    "{% set option = thinking_option if thinking_option is defined else 'off' %}<role>SYSTEM</role>{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}detailed thinking {{ option }}{% if option not in ['on', 'off'] %}" + _RAISE % "on or off" + "{% endif %}"
    "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}<|role_end|>{% for m in messages %}{% if m.role == 'user' %}<role>HUMAN</role>{{ m.content }}<|role_end|>{% elif m.role == 'system' and not loop.first %}<role>SYSTEM</role>{{ m.content }}<|role_end|>"
    "{% elif m.role == 'assistant' %}<role>ASSISTANT</role>{{ m.content }}" + _JSON_CALLS + "<|role_end|>{% elif m.role == 'tool' %}<role>OBSERVATION</role><tool_response>{{ m.content }}</tool_response><|role_end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<role>ASSISTANT</role>{% endif %}"
)  # fmt: skip
_NEMOTRON = (
    "{% set ns = namespace(think=true) %}{% for m in messages %}{% if m.role in ('user', 'system') and '/no_think' in m.content %}{% set ns.think = false %}{% endif %}{% endfor %}<SPECIAL_10>System\n"
    "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{% if tools %}<AVAILABLE_TOOLS>{{ tools | tojson }}</AVAILABLE_TOOLS>{% endif %}\n"
    "{% for m in rest %}{% if m.role == 'user' %}<SPECIAL_11>User\n{{ m.content.replace('/think', '').replace('/no_think', '') | trim }}\n{% elif m.role == 'tool' %}<TOOL_RESPONSE>[{{ m.content | tojson }}]</TOOL_RESPONSE>\n"
    "{% else %}<SPECIAL_11>Assistant\n{{ m.content | trim }}{% if m.tool_calls %}<TOOLCALL>[{% for c in m.tool_calls %}{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}{{ ', ' if not loop.last }}{% endfor %}]</TOOLCALL>{% endif %}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<SPECIAL_11>Assistant\n{{ '<think>\n' if ns.think else '<think></think>' }}{% endif %}"
)  # fmt: skip
_JAMBA = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' and not loop.first %}" + _RAISE % "System message must be first" + "{% endif %}{% if m.role == 'tool' %}<|bom|><|tool|> {{ m.content }}<|eom|>{% else %}<|bom|><|{{ m.role }}|> {{ m.content or '' }}"
    "{% if loop.first and tools %}# Tools {{ tools | tojson }}{% endif %}{% if m.tool_calls %}<tool_calls>[{% for c in m.tool_calls %}{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments }}}{{ ', ' if not loop.last }}{% endfor %}]</tool_calls>{% endif %}<|eom|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|bom|><|assistant|>{% endif %}"
)  # fmt: skip
_LLAMA4 = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}<|header_start|>system<|header_end|>\n\n{% if messages[0].content is string %}{{ messages[0].content }}{% else %}{{ messages[0].content[0].text }}{% endif %}<|eot|>{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}"
    "{% if tools %}<|header_start|>user<|header_end|>\n\n{% for t in tools %}{{ t | tojson }}{% endfor %}<|eot|>{% endif %}{% for m in rest %}{% if m.role == 'tool' %}<|header_start|>ipython<|header_end|>\n\n{{ m.content | tojson }}<|eot|>"
    "{% elif 'tool_calls' in m and m.tool_calls | length > 0 %}<|header_start|>assistant<|header_end|>\n\n<|python_start|>{{ m.content if m.content is string }}<|python_end|>{% for c in m.tool_calls %}{\"name\": \"{{ c.function.name }}\", \"parameters\": {{ c.function.arguments | tojson }}}{% endfor %}<|eom|>"
    "{% else %}<|header_start|>{{ m.role }}<|header_end|>\n\n{{ m.content }}<|eot|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|header_start|>assistant<|header_end|>\n\n{% endif %}"
)  # fmt: skip
_PARTS = (
    "{% for m in messages %}<|im_start|>{{ m.role | capitalize }}:{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% elif p.type == 'image' %}<image>{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)  # fmt: skip
_CHATML = _marked("<|im_start|>ROLE\n", "<|im_end|>\n")

SHAPES: dict[str, str] = {
    "chatml": _CHATML,
    "chatml_default_system": "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are helpful.<|im_end|>\n{% endif %}" + _CHATML,
    "llama2": _LLAMA2,
    "llama3": _marked("<|start_header_id|>ROLE<|end_header_id|>\n\n", "<|eot_id|>"),
    "llama31": _llama3(),
    "llama32_vision": _llama3(more_checks="{% if m.content %}" + _RAISE % "no text beside a call" + "{% endif %}"),
    "llama4": _LLAMA4,
    "mistral_v1": "{{ bos_token }}{% for m in messages %}" + _ALTERNATE + "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% elif m.role == 'assistant' %}{{ m.content }}{{ eos_token }}{% else %}" + _RAISE % "Only user and assistant roles are supported!" + "{% endif %}{% endfor %}",
    "mistral_v3": _mistral(False, "{{ sys ~ '\n\n' if sys and loop.last }}", "{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}, \"id\": \"{{ c.id }}\"}", "[TOOL_RESULTS]{\"content\": {{ m.content }}, \"call_id\": \"{{ m.tool_call_id }}\"}[/TOOL_RESULTS]", "[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]"),
    "mistral_nemo": _mistral(True, "{{ sys ~ '\n\n' if sys and loop.last }}", "{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}, \"id\": \"{{ c.id }}\"}", "[TOOL_RESULTS]{\"content\": {{ m.content }}, \"call_id\": \"{{ m.tool_call_id }}\"}[/TOOL_RESULTS]", "[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]"),
    "mistral_small32": "{% if messages[0].role == 'system' %}[SYSTEM_PROMPT]{{ messages[0].content }}[/SYSTEM_PROMPT]{% endif %}" + _mistral(True, "", "{{ c.function.name }}[CALL_ID]{{ c.id }}[ARGS]{{ c.function.arguments | tojson }}", "[TOOL_RESULTS]{{ m.tool_call_id }}[TOOL_CONTENT]{{ m.content }}[/TOOL_RESULTS]", "[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]"),
    "devstral": "{% if messages[0].role == 'system' %}[SYSTEM_PROMPT]{{ messages[0].content }}[/SYSTEM_PROMPT]{% endif %}" + _mistral(False, "", "{{ c.function.name }}[ARGS]{{ c.function.arguments | tojson }}", "[TOOL_RESULTS]{{ m.content }}[/TOOL_RESULTS]", "[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]"),
    "qwen25": _qwen(_JSON_CALLS),
    "qwen3": _qwen(_JSON_CALLS, thinking=True),
    "qwen3_coder": _qwen(_XML_CALLS),
    "qwen35": _qwen(_XML_CALLS, thinking=True, more="{% for m in messages %}{% if m.role == 'system' and not loop.first %}" + _RAISE % "System message must be at the beginning." + "{% endif %}{% endfor %}{% if not messages | selectattr('role', 'equalto', 'user') | list %}" + _RAISE % "No user query found in messages." + "{% endif %}"),
    "gemma1": _GEMMA,
    "gemma2": _GEMMA.replace("'System role not supported'", "'System role is not supported'"),
    "gemma3": _GEMMA3,
    "gemma4": _GEMMA4,
    "phi3": _marked("<|ROLE|>\n", "<|end|>\n"),
    "phi3_no_system": "{% for m in messages %}{% if m.role == 'user' %}<|user|>\n{{ m.content }}<|end|>\n{% elif m.role == 'assistant' %}<|assistant|>\n{{ m.content }}<|end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
    "phi4": _marked("<|im_start|>ROLE<|im_sep|>", "<|im_end|>"),
    "phi4_mini": "{% for m in messages %}{% if m.role == 'system' and tools %}<|system|>{{ m.content }}<|tool|>{{ tools | tojson }}<|/tool|><|end|>{% else %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "gpt_oss": _GPT_OSS,
    "deepseek_v2": "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}User: {{ m.content }}\n\n{% elif m.role == 'assistant' %}Assistant: {{ m.content }}{{ eos_token }}{% elif m.role == 'system' %}{{ m.content }}\n\n{% endif %}{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}",
    "deepseek_r1": _deepseek("function<｜tool▁sep｜>{{ c.function.name + '\n```json\n' + c.function.arguments + '\n```' }}", "<think>\n", "m.tool_calls and not m.content"),
    "deepseek_v3": _deepseek("{{ c.type }}<｜tool▁sep｜>{{ c.function.name + '\n```json\n' + c.function.arguments + '\n```' }}", "", "m.content is none"),
    "deepseek_v31": _deepseek("{{ c.function.name }}<｜tool▁sep｜>{{ c.function.arguments | tojson }}", "{{ '<think>' if thinking is defined and thinking else '</think>' }}", "m.tool_calls"),
    "glm4": "[gMASK]<sop>{% if tools %}<|system|>\n{{ tools | tojson }}{% endif %}{% for m in messages %}<|{{ 'observation' if m.role == 'tool' else m.role }}|>{{ m.metadata if m.metadata }}\n{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "glm45": _glm("<|assistant|>{{ '\n<think></think>' if enable_thinking is defined and not enable_thinking }}"),
    "glm47": _glm("<|assistant|>{{ '</think>' if enable_thinking is defined and not enable_thinking else '<think>' }}"),
    "kimi_k2_thinking": _KIMI,
    "minimax_m2": _MINIMAX,
    "command_r": "{{ bos_token }}" + _FIRST_SYSTEM + "{% if sys %}<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>{{ sys }}<|END_OF_TURN_TOKEN|>{% endif %}{% for m in rest %}" + _ALTERNATE + "<|START_OF_TURN_TOKEN|>{{ '<|USER_TOKEN|>' if m.role == 'user' else '<|CHATBOT_TOKEN|>' }}{{ m.content | trim }}<|END_OF_TURN_TOKEN|>{% endfor %}{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{% endif %}",
    "command_r7b": _COMMAND_R7B,
    "hermes_tool_use": "{{ bos_token }}<|im_start|>system\n<tools>{% for t in tools %}{{ t | tojson }}{% endfor %}</tools><|im_end|>\n{% for m in messages %}{% if m.role in ('user', 'system') or (m.role == 'assistant' and m.tool_calls is not defined) %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% elif m.role == 'assistant' %}<|im_start|>assistant\n" + _JSON_CALLS + "<|im_end|>\n{% elif m.role == 'tool' %}<|im_start|>tool\n<tool_response>\n{{ m.content }}\n</tool_response><|im_end|>\n{% endif %}{% endfor %}" + _CHATML_END,
    "functionary_v3": _FUNCTIONARY,
    "firefunction_v2": _FIREFUNCTION,
    "firefunction_v1": "{% if messages[0].role != 'functions' and (messages | length < 2 or messages[1].role != 'functions') %}" + _RAISE % "Expected functions first" + "{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ m.tool_calls | tojson if m.tool_calls }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
    "granite33": _GRANITE33,
    "granite4": _qwen(_JSON_CALLS).replace("<|im_start|>", "<|start_of_role|>").replace("<|im_end|>", "<|end_of_text|>"),
    "falcon": "{% for m in messages %}{% if not loop.first %}\n{% endif %}{% if m.role == 'system' %}{{ m.content }}{% elif m.role == 'user' %}User: {{ m.content }}{% elif m.role == 'assistant' %}Falcon: {{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}\nFalcon:{% endif %}",
    "smollm3": _SMOLLM3,
    "lfm2": _LFM2,
    "internlm2": _marked("<|im_start|>ROLE\n", "<|im_end|>\n", tail="{{ bos_token }}"),
    "zephyr": "{% for m in messages %}{% if m.role == 'user' %}<|user|>\n{{ m.content + eos_token }}\n{% elif m.role == 'system' %}<|system|>\n{{ m.content + eos_token }}\n{% elif m.role == 'assistant' %}<|assistant|>\n{{ m.content + eos_token }}\n{% endif %}{% if loop.last and add_generation_prompt %}<|assistant|>\n{% endif %}{% endfor %}",
    "vicuna": _FIRST_SYSTEM + "{{ sys ~ '\n\n' if sys }}{% for m in rest %}" + _ALTERNATE + "{% if m.role == 'user' %}USER: {{ m.content | trim }}\n{% elif m.role == 'assistant' %}ASSISTANT: {{ m.content | trim }}{{ eos_token }}\n{% endif %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}",
    "alpaca": "{% for m in messages %}{% if m.role == 'system' %}{% if not loop.first %}" + _RAISE % "only one system message" + "{% endif %}{{ m.content }}\n\n{% elif m.role == 'user' %}### Instruction:\n{{ m.content }}\n\n{% elif m.role == 'assistant' %}### Response:\n{{ m.content }}\n\n{% else %}" + _RAISE % "unknown role" + "{% endif %}{% endfor %}{% if add_generation_prompt %}### Response:\n{% endif %}",
    "openchat": "{{ bos_token }}{% for m in messages %}{{ 'GPT4 Correct ' + m.role.title() + ': ' + m.content + '<|end_of_turn|>' }}{% endfor %}{% if add_generation_prompt %}GPT4 Correct Assistant:{% endif %}",
    "jamba": _JAMBA,
    "seed_oss": _SEED,
    "hunyuan_efforts": _HUNYUAN,
    "ling_option": _LING,
    "nemotron_words": _NEMOTRON,
    "exaone": "{% for m in messages %}{% if loop.first and m.role != 'system' %}[|system|][|endofturn|]\n{% endif %}[|{{ m.role }}|]{{ m.content }}{{ '\n' if m.role == 'user' else '[|endofturn|]\n' }}{% endfor %}{% if add_generation_prompt %}[|assistant|]{% endif %}",
    "olmo2": "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}<|system|>\n{{ m.content }}\n{% elif m.role == 'user' %}<|user|>\n{{ m.content }}\n{% elif m.role == 'assistant' %}<|assistant|>\n{{ m.content }}{{ eos_token if not loop.last }}\n{% endif %}{% if loop.last and add_generation_prompt %}<|assistant|>\n{% endif %}{% endfor %}",
    "parts_only": _PARTS,
    "named_by_special_tokens": "{{ bos_token }}{% for m in messages %}{{ m.role }}{{ additional_special_tokens[0] }}|{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}",
}  # fmt: skip
