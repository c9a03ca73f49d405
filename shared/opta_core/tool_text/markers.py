"""The markers that models put around tool calls and around reasoning, by family.

From the public descriptions and chat templates of the models. A marker that is not listed is recognised too when it is a tag or special
token whose name speaks of tools, functions or calls.
"""

import re

# Opening marker -> closing markers, where the closing one is not the mirror of the opening one.
CLOSERS: dict[str, tuple[str, ...]] = {
    "[TOOL_CALLS]": ("[/TOOL_CALLS]",),
    "[TOOL_CALL]": ("[/TOOL_CALL]",),
    "[TOOL_REQUEST]": ("[END_TOOL_REQUEST]",),
    "<|python_tag|>": ("<|eom_id|>", "<|eot_id|>"),
    "<|tool_call|>": ("<|/tool_call|>", "<|tool_call_end|>"),
    "<|tool_calls|>": ("<|/tool_calls|>",),
    "<|tool_call>": ("<tool_call|>",),
    "<|tools_prefix|>": ("<|tools_suffix|>",),
    "<|open|>tools<|sep|>": ("<|close|>tools<|sep|>",),
    "<｜tool▁call▁begin｜>": ("<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"),
    "<|tool_call_begin|>": ("<|tool_call_end|>", "<|tool_calls_section_end|>"),
    "<|function_call|>": ("<|role_sep|>end", "<|message_sep|>"),
    "<|recipient|>": ("<|from|>assistant\n",),
    "✿FUNCTION✿:": ("✿RESULT✿",),
    "<tool: function>": ("</tool>",),
    "[unused11]": ("[unused12]",),
    "<|message_model|>": ("<|end_message|>",),
    "functools": (),
    "function call<|role_sep|>": ("<|message_sep|>",),
}
OPENERS: tuple[str, ...] = (
    *CLOSERS,
    *(
        "<tool_call>",
        "<tool_calls>",
        "<toolcall>",
        "<TOOLCALL>",
        "<tool_use>",
        "<tool>",
        "<tool_code>",
        "<function_call>",
        "<function_calls>",
    ),
    *("<functioncall>", "<functions>", "<invoke>", "<seed:tool_call>", "<minimax:tool_call>", "<longcat_tool_call>"),
    *("<atem:function_calls>", "<|tool_call_start|>", "<|tool_calls_section_begin|>", "<|tool_call_section_begin|>", "<|python_start|>"),
    *("<|action_start|>", "<|START_ACTION|>", "<start_function_call>", "<｜tool▁calls▁begin｜>", "<｜tool_calls_begin｜>"),
    *("<｜DSML｜function_calls>", "<｜DSML｜tool_calls>", "<|tool_calls_begin|>", "<|function_calls_begin|>", "<|tool_code_begin|>"),
)
# An element that is a call itself: it has no marker around it, and its opening tag belongs to what is read.
ELEMENT = re.compile(
    r"<(?P<tag>(?:\s?[|｜]\s?\w+\s?[|｜]|[\w:]*)\s?(?:function|invoke|tool|call))(?:=[\"']?[\w.:/-]+[\"']?|\s+(?:name|tool)\s*=\s*[\"']?[\w.:/-]+[\"']?[^<>]*)\s*>"
)
# Any tag or special token whose name speaks of calls.
GENERIC = re.compile(r"<(?:\s[|｜]\s\w+\s[|｜]\s|[|｜]?[\w:▁.|｜-]*\s?)(?:tool|func|calls?|invoke|action)[\w:▁.-]*[|｜]?>", re.IGNORECASE)
# What may still become one of the two above.
UNFINISHED = re.compile(
    r"</?(?:\s[|｜]?\s?\w{0,12}\s?[|｜]?\s?)?[|｜]?[\w:▁.｜|-]{0,40}(?:[|｜]|=[\"']?[\w.:/-]{0,64}[\"']?|\s+[a-z]{0,5}\s*(?:=[^<>]{0,80})?)?"
)

THINKING: dict[str, tuple[str, ...]] = {
    "<think>": ("</think>",),
    "<thinking>": ("</thinking>",),
    "<thought>": ("</thought>",),
    "<thoughts>": ("</thoughts>",),
    "<reasoning>": ("</reasoning>",),
    "<reason>": ("</reason>",),
    "<analysis>": ("</analysis>",),
    "<scratchpad>": ("</scratchpad>",),
    "<reflection>": ("</reflection>",),
    "<seed:think>": ("</seed:think>",),
    "<mm:think>": ("</mm:think>",),
    "<longcat_think>": ("</longcat_think>",),
    "<|think|>": ("<|/think|>", "<|end_think|>", "<|end|>"),
    "<|think:start|>": ("<|think:end|>",),
    "<|begin_of_thought|>": ("<|end_of_thought|>",),
    "<｜begin▁of▁thinking｜>": ("<｜end▁of▁thinking｜>",),
    "<|START_THINKING|>": ("<|END_THINKING|>",),
    "<|inner_prefix|>": ("<|inner_suffix|>",),
    "<|channel>thought": ("<channel|>",),
    "<|open|>think<|sep|>": ("<|close|>think<|sep|>",),
    "[THINK]": ("[/THINK]",),
    "[BEGIN FINAL THINKING]": ("[END FINAL THINKING]",),
    "◁think▷": ("◁/think▷",),
    "[unused16]": ("[unused17]",),
    "<|message_model|><|content_thinking|>": ("<|end_message|>",),
}
# Any tag whose name begins with these words.
GENERIC_THINKING = re.compile(r"<(?:\|plamo:begin_think:plamo\||(?:\w+[|:])?think(?:ing)?[\w:]*)>")
THINKING_CLOSERS: tuple[str, ...] = tuple(dict.fromkeys(closer for closers in THINKING.values() for closer in closers))
# Around the answer itself, in formats that mark everything.
ANSWER_MARKERS = (
    *("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>", "<answer>", "</answer>", "<response>", "</response>"),
    *("]<]minimax[>[", "<|from|>assistant\n", "<|open|>response<|sep|>", "<|close|>response<|sep|>"),
)
# Ends of messages that servers let through.
STRAY = re.compile(
    r"(?:<\|(?:im_end|im_start|eom|eot_id|eom_id|end|call|return|endoftext|end_of_text|eos|END_OF_TURN_TOKEN|message_sep)\|>(?:assistant)?"
    r"|<\|from\|>assistant|</s>|<end_of_turn>|<\|end▁of▁sentence\|>|<｜end▁of▁sentence｜>)"
)


def mirror(opener: str) -> tuple[str, ...]:
    """The closing markers of an opening one."""
    if opener in CLOSERS:
        return CLOSERS[opener]
    found = opener
    for begin, end in (("begin", "end"), ("start", "end"), ("START", "END"), ("BEGIN", "END"), ("prefix", "suffix")):
        if begin in opener:
            found = opener.replace(begin, end)
            break
    if found != opener:
        return (found,)
    if opener.startswith(("<|", "<｜")) and opener.endswith(("|>", "｜>")):
        return (f"{opener[:2]}/{opener[2:]}", f"{opener[:-2]}_end{opener[-2:]}")
    return (f"</{opener[1:]}",)
