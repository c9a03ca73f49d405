"""Chat templates for files that have none, such as those that Ollama made: chosen by the tokens that structure a conversation."""

from collections.abc import Set

_CHATML = (
    "{%- for message in messages -%}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
)
_LLAMA3 = (
    "{{- bos_token -}}{%- for message in messages -%}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n{{ message.content | trim }}<|eot_id|>"
    "{%- endfor -%}{%- if add_generation_prompt -%}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif -%}"
)
# The instructions are part of what the person says first.
_GEMMA = (
    "{{- bos_token -}}{%- set start = '' -%}{%- if messages and messages[0].role == 'system' -%}{%- set start = messages[0].content + '\n\n' -%}"
    "{%- set messages = messages[1:] -%}{%- endif -%}{%- for message in messages -%}"
    "<start_of_turn>{{ 'model' if message.role == 'assistant' else 'user' }}\n{{ start if loop.first else '' }}{{ message.content | trim }}<end_of_turn>\n{% endfor -%}"
    "{%- if add_generation_prompt -%}<start_of_turn>model\n{% endif -%}"
)
_KNOWN = (
    ("ChatML", {"<|im_start|>", "<|im_end|>"}, _CHATML),
    ("Llama 3", {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}, _LLAMA3),
    ("Gemma", {"<start_of_turn>", "<end_of_turn>"}, _GEMMA),
)


def usual_template(tokens: Set[str]) -> tuple[str, str]:
    """(name, template) for a model with these control tokens; two '' when none of them is known."""
    return next(((name, template) for name, needed, template in _KNOWN if needed <= tokens), ("", ""))
