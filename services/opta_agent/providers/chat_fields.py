"""Optional fields of a chat request: sampling, the length of the answer, and thinking in the form that the server knows."""

from typing import Any

from .base import ModelRequest

# Servers whose name for the penalty of a repetition is a short one.
_REPEAT_PENALTY = ("llama.cpp", "ollama", "lmstudio", "koboldcpp")
# Servers that take an effort alone; the others hand their template a switch.
_EFFORT = ("ollama", "lmstudio", "cloud")
_EFFORTS = {"on": "medium", "off": "none"}
# Name of the field in which a server takes a budget for thinking.
_BUDGET = {"llama.cpp": "thinking_budget_tokens", "vllm": "thinking_token_budget"}


def chat_fields(request: ModelRequest) -> dict[str, Any]:
    """The fields for one request."""
    fields = dict(request.options)
    if request.server in _REPEAT_PENALTY and "repetition_penalty" in fields:
        fields["repeat_penalty"] = fields.pop("repetition_penalty")
    if request.max_tokens:
        fields["max_tokens"] = request.max_tokens
    return fields | _thinking(request)


def _thinking(request: ModelRequest) -> dict[str, Any]:
    level = request.thinking
    fields: dict[str, Any] = {}
    if request.server == "openrouter":
        if request.thinking_budget and level not in ("off", "low", "medium", "high"):
            return {"reasoning": {"max_tokens": request.thinking_budget}}
        if level != "auto":
            fields["reasoning"] = {"enabled": False} if level == "off" else {"enabled": True} if level == "on" else {"effort": level}
        return fields
    if level != "auto":
        if request.server in _EFFORT:
            fields["reasoning_effort"] = _EFFORTS.get(level, level)
        else:
            effort = {"reasoning_effort": level} if level in ("low", "medium", "high") else {}
            fields |= {"chat_template_kwargs": {"enable_thinking": level != "off", **effort}, **effort}
    if request.thinking_budget and level != "off" and (name := _BUDGET.get(request.server)):
        fields[name] = request.thinking_budget
    return fields
