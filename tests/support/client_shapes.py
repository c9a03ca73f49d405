"""The first requests of real clients: which fields, roles, parts and kinds of tools each sends. The values are our own.

`SHAPES`: (client, path, body). Written from what the clients sent to LMX, and from their public documents.
"""

from typing import Any

PARAMETERS: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"path": {"type": "string", "description": "A file."}},
    "required": ["path"],
    "additionalProperties": False,
}
FUNCTION = {"name": "read", "description": "Read a file.", "parameters": PARAMETERS}
CHAT_TOOL: dict[str, Any] = {"type": "function", "function": FUNCTION}
FLAT_TOOL: dict[str, Any] = {"type": "function", **FUNCTION, "strict": False}
MESSAGES_TOOL = {"name": "Read", "description": "Read a file.", "input_schema": PARAMETERS}
USER = {"role": "user", "content": "What is 2+2?"}
PARTS = {"role": "user", "content": [{"type": "text", "text": "What is 2+2?"}]}
SYSTEM = {"role": "system", "content": "You help with code."}
INPUT = {"role": "user", "content": [{"type": "input_text", "text": "What is 2+2?"}]}
USAGE = {"include_usage": True}
CALL = {"id": "call_1", "type": "function", "function": {"name": "read", "arguments": '{"path":"a"}'}}
PNG = "data:image/png;base64,AAAA"
EPHEMERAL = {"type": "ephemeral"}
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"

SHAPES: list[tuple[str, str, dict[str, Any]]] = [
    ("codex", RESPONSES, {
        "model": "gpt-5-codex", "stream": True, "instructions": "You code.", "tool_choice": "auto", "parallel_tool_calls": True, "store": False,
        "input": [
            {"type": "message", "id": "msg_1", "role": "developer", "content": [{"type": "input_text", "text": "Rules."}]},
            {"type": "message", "id": "msg_2", **INPUT},
        ],
        "tools": [
            FLAT_TOOL, {"type": "custom", "name": "apply_patch", "description": "Edit.", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
            {"type": "namespace", "name": "multi_agent_v1", "description": "Agents.", "tools": [FLAT_TOOL]},
            {"type": "web_search", "external_web_access": True}, {"type": "image_generation", "output_format": "png"}, {"type": "local_shell"},
        ],
        "reasoning": {"effort": None, "summary": "auto"}, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "a",
        "client_metadata": {"x-installation-id": "a"}, "text": {"verbosity": "low"},
    }),
    ("codex, second turn", RESPONSES, {
        "model": "gpt-5-codex", "stream": True, "store": False,
        "input": [
            INPUT,
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "t"}], "encrypted_content": None},
            {"type": "function_call", "name": "read", "arguments": '{"path":"a"}', "call_id": "c1", "namespace": "multi_agent_v1"},
            {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PNG}]},
            {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin Patch", "call_id": "c2", "status": "completed"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
            {"type": "local_shell_call", "call_id": "c3", "status": "completed", "action": {"type": "exec", "command": ["ls"]}},
            {"type": "local_shell_call_output", "call_id": "c3", "output": {"content": "a", "success": True}},
            {"type": "web_search_call", "status": "completed", "action": {"type": "other"}}, {"type": "ghost_snapshot"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b", "annotations": []}]}, INPUT,
        ],
    }),
    ("claude code", MESSAGES, {
        "model": "claude-opus-4-1", "max_tokens": 32_000, "stream": True, "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"},
        "metadata": {"user_id": "{}"}, "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "system": [{"type": "text", "text": "A header."}, {"type": "text", "text": "You code.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "<reminder>"}, {"type": "text", "text": "hi", "cache_control": EPHEMERAL}]},
            {"role": "system", "content": "Available agents: none."},
        ],
        "tools": [MESSAGES_TOOL, {**MESSAGES_TOOL, "name": "Late", "defer_loading": True, "eager_input_streaming": True},
                  {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}],
    }),
    ("claude code, second turn", MESSAGES, {
        "model": "claude-haiku-4-5", "max_tokens": 512, "temperature": 1, "stream": True, "tools": [MESSAGES_TOOL], "system": "You code.",
        "thinking": {"type": "enabled", "budget_tokens": 31_999}, "service_tier": "auto", "mcp_servers": [], "container": None, "betas": ["x"],
        "messages": [
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": ""}, {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}, "caller": {"type": "direct"}},
                {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {}}, {"type": "tool_use", "id": "toolu_3", "name": "Read", "input": {}},
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
                {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "cache_control": EPHEMERAL, "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}, {"type": "text", "text": "a"}]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, "content": [
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}, {"tool": "x"}]},
                {"type": "tool_result", "tool_use_id": "toolu_3", "content": [{"type": "tool_reference", "tool_name": "Late"}]},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, "title": "notes"},
            ]},
        ],
    }),
    ("claude code, count", "/v1/messages/count_tokens", {"model": "claude-opus-4-1", "messages": [USER], "tools": [MESSAGES_TOOL], "thinking": {"type": "adaptive"},
                                                         "context_management": {"edits": []}, "betas": ["x"]}),
    ("anthropic with typed tools", MESSAGES, {
        "model": "claude-x", "max_tokens": 1024, "messages": [USER], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "tools": [{"type": "bash_20250124", "name": "bash"}, {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 100},
                  {"type": "memory_20250818", "name": "memory"}, {"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1}],
    }),
    ("anthropic sdk, structured", MESSAGES, {
        "model": "claude-x", "max_tokens": 64, "messages": [USER], "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    }),
    ("opencode, title", CHAT, {"model": "x", "max_tokens": 32_000, "messages": [SYSTEM, USER, USER], "stream": True, "stream_options": USAGE}),
    ("opencode", CHAT, {
        "model": "x", "max_tokens": 32_000, "messages": [SYSTEM, SYSTEM, USER], "tools": [CHAT_TOOL], "tool_choice": "auto", "stream": True,
        "stream_options": USAGE, "reasoningEffort": "medium", "promptCacheKey": "a", "top_p": 1, "temperature": 0.55,
    }),
    ("pi", CHAT, {
        "model": "x", "messages": [{"role": "developer", "content": "You code."}, PARTS], "stream": True, "stream_options": USAGE, "store": False,
        "max_completion_tokens": 1000, "reasoning_effort": "minimal", "prompt_cache_key": "a", "prompt_cache_retention": "24h",
        "tools": [{"type": "function", "function": {**FUNCTION, "strict": False}}],
    }),
    ("qwen-code", CHAT, {
        "model": "x", "messages": [SYSTEM, PARTS, {"role": "assistant", "content": "Got it."}, PARTS], "stream": True, "stream_options": USAGE, "max_tokens": 8000,
        "tools": [CHAT_TOOL], "metadata": {"sessionId": "a", "promptId": "b"}, "vl_high_resolution_images": True, "enable_thinking": True,
        "extra_body": {}, "user": None,
    }),
    ("cline", CHAT, {
        "model": "x", "messages": [SYSTEM, PARTS], "temperature": 0, "stream": True, "stream_options": USAGE, "max_tokens": -1, "reasoning_effort": None,
    }),
    ("continue", CHAT, {
        "model": "x", "messages": [SYSTEM, PARTS], "max_tokens": 4096, "temperature": 0.5, "top_p": None, "frequency_penalty": None, "presence_penalty": None,
        "stop": [], "stream": True, "stream_options": USAGE, "tools": [CHAT_TOOL], "parallel_tool_calls": False,
        "prediction": {"type": "content", "content": "x"},
    }),
    ("continue, completion", "/v1/completions", {"model": "x", "prompt": "def f", "suffix": "", "max_tokens": 64, "stream": True, "stop": ["\n\n"],
                                                 "echo": False, "logprobs": None}),
    ("continue by ollama", "/api/generate", {"model": "x", "prompt": "p", "raw": True, "keep_alive": 1800, "suffix": "",
                                             "options": {"num_predict": 64, "num_ctx": 8192, "stop": ["x"], "num_gpu": 1, "mirostat": 0, "top_k": 20}}),
    ("zed", CHAT, {
        "model": "x", "messages": [SYSTEM, PARTS, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                                   {"role": "tool", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PNG}}], "tool_call_id": "call_1"}],
        "stream": True, "max_completion_tokens": 8192, "stop": [], "temperature": 1.0, "tool_choice": None, "parallel_tool_calls": None, "tools": [CHAT_TOOL],
        "prompt_cache_key": "a", "reasoning_effort": "medium",
    }),
    ("zed by lm studio", "/api/v0/chat/completions", {"model": "x", "messages": [SYSTEM, USER], "stream": True, "max_tokens": -1, "stop": [], "temperature": 0.0,
                                                      "tools": [CHAT_TOOL], "tool_choice": "auto"}),
    ("aider", CHAT, {"model": "x", "messages": [SYSTEM, USER, {"role": "assistant", "content": "Ok."}, USER], "temperature": 0, "stream": True, "num_ctx": 8192,
                     "extra_headers": {"a": "b"}, "functions": None}),
    ("open webui", CHAT, {
        "model": "x", "messages": [USER], "stream": True, "stream_options": USAGE, "chat_id": "a", "id": "b", "session_id": "c", "features": {"web_search": False},
        "params": {}, "tool_ids": [], "files": [], "background_tasks": {"title_generation": True}, "metadata": {"task": "title"}, "stop": [""], "seed": -1,
        "top_k": -1, "max_tokens": None,
    }),
    ("open webui by ollama", "/api/chat", {"model": "x:latest", "messages": [USER], "stream": True, "options": {}, "keep_alive": "5m", "metadata": {},
                                           "tools": [], "format": "", "think": None}),
    ("openai sdk", CHAT, {
        "model": "gpt-5", "messages": [{"role": "developer", "content": "x"}, {**USER, "name": "ann"}], "max_completion_tokens": 64, "store": True,
        "reasoning_effort": "low", "verbosity": "low", "service_tier": "auto", "safety_identifier": "a", "modalities": ["text"], "logprobs": False, "n": 1,
        "tools": [CHAT_TOOL, {"type": "custom", "custom": {"name": "free"}}], "logit_bias": {}, "response_format": {"type": "text"}, "metadata": {},
        "stream_options": None, "user": "a",
    }),
    ("openai sdk, allowed tools", CHAT, {
        "model": "gpt-5", "messages": [USER], "tools": [CHAT_TOOL],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "read"}}]}},
    }),
    ("openai sdk, responses", RESPONSES, {
        "model": "gpt-5", "input": [{"role": "system", "content": "x"}, USER], "reasoning": {"effort": "minimal", "summary": "concise", "generate_summary": None},
        "text": {"format": {"type": "text"}, "verbosity": "medium"}, "truncation": "auto", "max_tool_calls": 3, "top_logprobs": 0, "background": False,
        "service_tier": "default", "store": True, "previous_response_id": None, "stream_options": {"include_obfuscation": False},
        "tools": [{"type": "mcp", "server_label": "a", "server_url": "x"}, {"type": "file_search", "vector_store_ids": []}, {"type": "code_interpreter", "container": {}}],
        "safety_identifier": "a", "prompt_cache_key": "b", "metadata": {"a": "b"}, "user": "u",
    }),
    ("litellm as openai", CHAT, {"model": "x", "messages": [USER], "extra_body": {"a": 1}, "stream": True, "stream_options": USAGE, "thinking": {"type": "enabled", "budget_tokens": 1024},
                                 "tools": [CHAT_TOOL], "tool_choice": "auto"}),
    ("litellm as anthropic", MESSAGES, {"model": "x", "max_tokens": 4096, "messages": [PARTS], "system": [{"type": "text", "text": "s"}],
                                        "tools": [{**MESSAGES_TOOL, "type": "custom"}], "thinking": {"type": "enabled", "budget_tokens": 1024}, "temperature": 1,
                                        "tool_choice": {"type": "auto"}}),
    ("litellm as ollama_chat", "/api/chat", {"model": "x", "messages": [USER], "options": {"num_predict": 16, "temperature": 0.1}, "stream": False, "tools": [CHAT_TOOL],
                                             "format": {"type": "object"}, "keep_alive": None, "think": "low"}),
    ("langchain-openai", CHAT, {"model": "x", "messages": [{"role": "user", "content": "x"}], "temperature": 0.7, "n": 1, "stream": False, "parallel_tool_calls": False,
                                "tools": [{**CHAT_TOOL, "function": {**FUNCTION, "strict": True}}], "tool_choice": "any"}),
    ("langchain-openai, structured", CHAT, {
        "model": "x", "messages": [USER], "stream": False, "response_format": {"type": "json_schema", "json_schema": {
            "name": "Answer", "description": "A form.", "strict": True, "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
                                                                                  "additionalProperties": False}}},
    }),
    ("langchain, embeddings", "/v1/embeddings", {"input": ["a"], "model": "x", "encoding_format": "base64"}),
    ("llama-index", CHAT, {"model": "x", "messages": [USER], "stream": False, "temperature": 0.1, "logprobs": None, "top_logprobs": 0, "max_tokens": None,
                           "tools": [CHAT_TOOL], "tool_choice": "auto", "parallel_tool_calls": False}),
    ("instructor", CHAT, {"model": "x", "messages": [USER], "tools": [CHAT_TOOL], "tool_choice": {"type": "function", "function": {"name": "read"}}}),
    ("instructor, json", CHAT, {"model": "x", "messages": [SYSTEM, USER], "response_format": {"type": "json_object", "schema": {"type": "object"}}}),
    ("pydantic-ai", CHAT, {
        "model": "x", "messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "call_1", "content": "r"}],
        "stream": False, "tools": [CHAT_TOOL], "tool_choice": "required",
    }),
    ("smolagents", CHAT, {"model": "x", "messages": [{"role": "system", "content": [{"type": "text", "text": "s"}]}, PARTS], "stop": ["Observation:", "Calling tools:"],
                          "tools": [CHAT_TOOL], "tool_choice": "required"}),
    ("llm", CHAT, {"model": "x", "messages": [USER], "stream": True, "stream_options": USAGE}),
    ("ai sdk", CHAT, {"model": "x", "messages": [USER], "tools": [CHAT_TOOL], "tool_choice": "required", "temperature": 1, "max_tokens": 200, "user": None,
                      "reasoning_effort": None, "verbosity": None}),
    ("ai sdk, object", CHAT, {"model": "x", "messages": [USER], "response_format": {"type": "json_schema", "json_schema": {"schema": PARAMETERS, "strict": True, "name": "response"}}}),
    ("ai sdk, responses", RESPONSES, {"model": "x", "input": [INPUT], "text": {"format": {"type": "json_schema", "strict": True, "name": "response", "schema": PARAMETERS}}}),
    ("ai sdk, anthropic", MESSAGES, {"model": "x", "max_tokens": 4096, "messages": [PARTS], "tools": [MESSAGES_TOOL], "tool_choice": {"type": "any"}}),
    ("ollama python", "/api/chat", {"model": "x", "messages": [USER, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "read", "arguments": {}}}]},
                                                               {"role": "tool", "tool_name": "read", "content": "r"}], "stream": False, "tools": [CHAT_TOOL], "options": {}}),
    ("openrouter's fields", CHAT, {"model": "org/name:free", "messages": [USER], "provider": {"order": ["x"]}, "models": ["a"], "route": "fallback", "transforms": [],
                                   "reasoning": {"effort": "high", "exclude": False, "enabled": True}, "usage": {"include": True}, "plugins": [], "include_reasoning": True}),
    ("vllm's fields", CHAT, {"model": "x", "messages": [USER], "top_k": -1, "min_p": 0, "repetition_penalty": 1.0, "skip_special_tokens": True, "add_generation_prompt": True,
                             "ignore_eos": False, "min_tokens": 0, "guided_json": {"type": "object"}, "chat_template_kwargs": {"enable_thinking": False}, "stop_token_ids": []}),
]  # fmt: skip
