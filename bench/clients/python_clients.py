"""Real Python clients against a running LMX, each unchanged: chat, stream, tools, structured output. `run.py` starts it.

Usage: python python_clients.py URL MODEL. Prints one line per check, and the counts as JSON. A package that is absent is skipped.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

URL, MODEL = sys.argv[1], sys.argv[2]
V1, ASKED = f"{URL}/v1", "What is 2+2?"
TALK = [{"role": "user", "content": ASKED}]
LOOK = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {"place": {"type": "string", "maxLength": 6}}}},
}
# Bounded, so that any model can fill it within the tokens of a check.
FORM = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["age"],
    "additionalProperties": False,
}
results: dict[str, str] = {}


def look(place: str) -> str:
    """Look at a place.

    Args:
        place: where to look
    """
    return f"{place} is quiet"


def module(name: str) -> Any:
    """A package that may be absent."""
    return importlib.import_module(name)


def answer_type() -> Any:
    """The model of a structured answer."""
    pydantic = module("pydantic")
    return pydantic.create_model("Answer", age=(int, pydantic.Field(ge=0, le=99)))


def check(name: str, work: Callable[[], Any]) -> None:
    """Run one check; an empty answer is a failure."""
    try:
        results[name] = "passed" if work() else "FAILED: empty"
    except ImportError as error:
        results[name] = f"absent: {error}"
    except Exception as error:  # any client may fail in any way; the others go on
        results[name] = f"FAILED: {type(error).__name__}: {str(error)[:300]}"
    print(f"{name}: {results[name]}", flush=True)


def with_litellm() -> None:
    """litellm as a client of three APIs."""
    for kind, base in (("openai", V1), ("anthropic", URL), ("ollama_chat", URL)):
        model: dict[str, Any] = {
            "model": f"{kind}/{MODEL}",
            "api_base": base,
            "api_key": "none",
            "messages": TALK,
            "max_tokens": 300,
            "temperature": 1,
        }

        def ask(given: dict[str, Any] = model, **more: Any) -> Any:
            return module("litellm").completion(**given, **more)

        check(f"litellm {kind} chat", lambda ask=ask: ask().choices[0].message.content)
        check(f"litellm {kind} stream", lambda ask=ask: list(ask(stream=True)))
        check(f"litellm {kind} tools", lambda ask=ask: list(ask(stream=True, tools=[LOOK], tool_choice="auto")))
        check(
            f"litellm {kind} structured",
            lambda ask=ask: answer_type().model_validate_json(ask(response_format=answer_type()).choices[0].message.content),
        )


def with_langchain() -> None:
    """langchain-openai and langchain-ollama."""

    def models() -> dict[str, Any]:
        kinds = {
            "openai": lambda: module("langchain_openai").ChatOpenAI(model=MODEL, base_url=V1, api_key="none", temperature=1, max_tokens=300)
        }
        kinds["responses"] = lambda: module("langchain_openai").ChatOpenAI(model=MODEL, base_url=V1, api_key="none", use_responses_api=True)
        kinds["ollama"] = lambda: module("langchain_ollama").ChatOllama(model=MODEL, base_url=URL, temperature=1, num_predict=300)
        return kinds

    for kind, make in models().items():
        check(f"langchain {kind} chat", lambda make=make: make().invoke(ASKED).content)
        check(f"langchain {kind} stream", lambda make=make: list(make().stream(ASKED)))
        check(f"langchain {kind} tools", lambda make=make: make().bind_tools([look]).invoke(ASKED))
        check(
            f"langchain {kind} structured",
            lambda make=make: make().with_structured_output(answer_type(), method="json_schema").invoke(ASKED),
        )

    def embedded() -> Any:
        embeddings = module("langchain_openai").OpenAIEmbeddings(model=MODEL, base_url=V1, api_key="none", check_embedding_ctx_length=False)
        return embeddings.embed_query("a")

    check("langchain embeddings", embedded)


def with_llama_index() -> None:
    """llama-index's client of OpenAI-like servers."""

    def model(**more: Any) -> Any:
        options = {"is_chat_model": True, "is_function_calling_model": True, **more}
        return module("llama_index.llms.openai_like").OpenAILike(
            model=MODEL, api_base=V1, api_key="none", temperature=1, max_tokens=300, **options
        )

    check("llama-index chat", lambda: model().complete(ASKED).text)
    check("llama-index stream", lambda: list(model().stream_complete(ASKED)))
    check("llama-index tools", lambda: model().chat_with_tools([module("llama_index.core.tools").FunctionTool.from_defaults(look)], ASKED))
    check("llama-index structured", lambda: model(should_use_structured_outputs=True).as_structured_llm(answer_type()).complete(ASKED).text)


def with_instructor() -> None:
    """instructor's modes that a server can hold an answer to."""
    for mode in ("TOOLS", "JSON_SCHEMA"):

        def ask(mode: str = mode) -> Any:
            client = module("openai").OpenAI(base_url=V1, api_key="none", max_retries=0)
            patched = module("instructor").from_openai(client, mode=getattr(module("instructor").Mode, mode))
            return patched.chat.completions.create(
                model=MODEL, response_model=answer_type(), messages=TALK, temperature=1, max_tokens=300, max_retries=1
            )

        check(f"instructor {mode}", ask)


def with_pydantic_ai() -> None:
    """pydantic-ai over chat completions and responses."""

    def agent(kind: str, **more: Any) -> Any:
        models = module("pydantic_ai.models.openai")
        provider = module("pydantic_ai.providers.openai").OpenAIProvider(base_url=V1, api_key="none")
        return module("pydantic_ai").Agent(
            getattr(models, kind)(MODEL, provider=provider), model_settings={"max_tokens": 300}, retries=3, **more
        )

    async def stream() -> list[str]:
        async with agent("OpenAIChatModel").run_stream(ASKED) as result:
            return [text async for text in result.stream_text()]

    for kind in ("OpenAIChatModel", "OpenAIResponsesModel"):
        check(f"pydantic-ai {kind} tools", lambda kind=kind: agent(kind, tools=[look]).run_sync(ASKED).output)
        check(
            f"pydantic-ai {kind} structured",
            lambda kind=kind: agent(kind, output_type=module("pydantic_ai").NativeOutput(answer_type())).run_sync(ASKED).output,
        )
    check("pydantic-ai stream", lambda: asyncio.run(stream()))


def with_smolagents_and_llm() -> None:
    """smolagents' model, and llm's."""
    talk = [{"role": "user", "content": [{"type": "text", "text": ASKED}]}]

    def smol() -> Any:
        return module("smolagents").OpenAIServerModel(MODEL, api_base=V1, api_key="none", max_tokens=100, temperature=1)

    def plain() -> Any:
        model = module("llm.default_plugins.openai_models").Chat(
            "m", model_name=MODEL, api_base=V1, supports_tools=True, supports_schema=True
        )
        model.key = "none"
        return model

    check("smolagents chat", lambda: smol().generate(talk, stop_sequences=["Observation:"]).content)
    check("smolagents stream", lambda: list(smol().generate_stream(talk)))
    check("smolagents tools", lambda: smol().generate(talk, tools_to_call_from=[module("smolagents").tool(look)]))
    check("llm chat", lambda: plain().prompt(ASKED, stream=False).text())
    check("llm stream", lambda: "".join(plain().prompt(ASKED, stream=True)))
    check("llm tools", lambda: plain().prompt(ASKED, tools=[look], stream=False).text() or True)
    check("llm structured", lambda: json.loads(plain().prompt(ASKED, schema=FORM, stream=False, temperature=1, max_tokens=300).text()))


def with_ollama() -> None:
    """Ollama's own package."""

    def client() -> Any:
        return module("ollama").Client(host=URL)

    def refused(work: Callable[[Any], Any]) -> bool:
        try:
            work(client())
        except module("ollama").ResponseError as error:
            return "LMX does not serve" in str(error)
        return False

    check("ollama chat", lambda: client().chat(MODEL, TALK).message.content)
    check("ollama stream", lambda: "".join(part.message.content for part in client().chat(MODEL, TALK, stream=True)))
    check("ollama tools", lambda: client().chat(MODEL, TALK, tools=[look], think=False, keep_alive="5m", options={"num_ctx": 4096}).message)
    check(
        "ollama structured",
        lambda: json.loads(client().chat(MODEL, TALK, format=FORM, options={"temperature": 1, "num_predict": 300}).message.content),
    )
    check("ollama generate", lambda: client().generate(MODEL, ASKED).response)
    check("ollama embed", lambda: client().embed(MODEL, ["a", "b"]).embeddings)
    check("ollama list, show, ps", lambda: client().list().models and client().show(MODEL) and client().ps())
    for name, work in {
        "pull": lambda api: api.pull("x"), "push": lambda api: api.push("x"), "delete": lambda api: api.delete("x"),
        "copy": lambda api: api.copy("a", "b"), "create": lambda api: api.create(model="x", from_="y"),
    }.items():  # fmt: skip
        check(f"ollama {name} is refused", lambda work=work: refused(work))


for group in (with_litellm, with_langchain, with_llama_index, with_instructor, with_pydantic_ai, with_smolagents_and_llm, with_ollama):
    group()
print(json.dumps({kind: sum(said.startswith(kind) for said in results.values()) for kind in ("passed", "FAILED", "absent")}))
sys.exit(any(said.startswith("FAILED") for said in results.values()))
