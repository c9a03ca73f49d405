"""What a replay says about the cause: the prompt of a failed turn, asked again without the turns before it. Pure."""

from typing import Literal, NamedTuple

from ..transcript import Turn


class ReplayResult(NamedTuple):
    """`cause`: '' while nothing follows yet; `text`: the conclusion in a sentence."""

    state: Literal["running", "waiting", "done", "failed", "stopped"]
    cause: Literal["context", "model", "tool", ""]
    text: str


def replay_result(first: Turn, again: Turn, tokens_before: int = 0) -> ReplayResult:
    """Compare the turn that failed with its replay. `tokens_before`: what the first one's context held, 0 when that is not known."""
    if not again.endedAt:
        asks = any(call.state == "asking" for step in again.steps for call in step.calls)
        if asks:
            return ReplayResult("waiting", "", "The replay waits for your answer to a call.")
        return ReplayResult("running", "", "The replay has not ended yet.")
    if again.state == "cancelled":
        return ReplayResult("stopped", "", "The replay was stopped, so nothing follows from it.")
    if again.state == "done":
        if first.state == "done" and (first.stats or {}).get("finish") == "stop":
            return ReplayResult("done", "", f"The replay ended well, as {first.id} did: there was no failure to explain.")
        size = f" of {tokens_before} tokens" if tokens_before else ""
        return ReplayResult("done", "context", f"With a smaller context the prompt works: the cause was the context{size} of {first.id}.")
    failed = [call for step in again.steps for call in step.calls if call.state == "failed"]
    if again.errorCode == "context_overflow":
        return ReplayResult(
            "failed", "context", "The prompt alone is too long for the model: use a model with a larger context, or shorter files."
        )
    if failed and again.errorCode not in _OF_MODELS:
        last = failed[-1]
        return ReplayResult(
            "failed",
            "tool",
            f"It fails again with a smaller context, and {last.name} fails ({last.code or 'error'}): the tool's state is the cause.",
        )
    return ReplayResult("failed", "model", f"It fails again with a smaller context ({again.error}): the state of the model is the cause.")


_OF_MODELS = {"provider_unavailable", "provider_error", "provider_auth", "model_not_found", "stream_lost", "engine_lost", "no_answer"}
