"""The request of one model call: the prompt, and how the model is asked."""

from collections.abc import Mapping

from opta_core import project_settings
from opta_core.errors import Refused

from .images import TOKENS_EACH
from .model_options import BYTES_A_TOKEN, ModelOptions, answer_tokens, with_project
from .providers.base import ModelRequest
from .thinking_budget import SPENT
from .turn_run import TurnRun


def build_request(run: TurnRun, options: ModelOptions, images: Mapping[str, bytes]) -> ModelRequest:
    """The request for the step that `run` is at, on its route. `options`: of `options_of`; `images`: those that the model sees."""
    route = run.route
    tools = run.offered.encoded(route.tools)
    steers = [steer.text for steer in run.steers]
    messages = run.session.history.messages(run.turn_now(), step=run.step, nudge=run.nudge, steers=steers, images=images)
    image_bytes = sum(map(len, images.values()))
    size = len(messages) + len(tools) - image_bytes + len(images) * TOKENS_EACH * BYTES_A_TOKEN
    left = thinking_left(run, options)
    level = "off" if left == 0 else options.thinking
    return ModelRequest(
        model=route.model,
        messages=messages,
        tools=tools,
        session=run.session.sid,
        image_bytes=image_bytes,
        options=options.sampling,
        max_tokens=answer_tokens(options, route.context_limit, size),
        # A model that cannot think is not asked to, nor not to.
        thinking="auto" if options.can_think is False else level,
        thinking_budget=left or 0,
        server=options.server,
    )


def options_of(run: TurnRun) -> ModelOptions:
    """The options of the user and of the project. A project's file that cannot be used is named once in a turn."""
    route = run.route
    try:
        project = project_settings.read(run.session.transcript.cwd)
    except Refused as error:
        if run.step == 1 and run.attempt == 1:
            run.warn("config", error.message)
        return route.options
    return with_project(route.options, project, route.provider.name, route.model)


def thinking_left(run: TurnRun, options: ModelOptions) -> int | None:
    """Tokens that the model may still think in this turn; None for no limit. Read from the journal, so that a later agent finds the same."""
    if not options.thinking_budget:
        return None
    if is_spent(run):
        return 0
    thought = sum(step.thinkingTokens for step in run.turn_now().steps if step.step < run.step)
    return max(0, options.thinking_budget - thought)


def is_spent(run: TurnRun) -> bool:
    """Whether the model was stopped in its thinking in this turn, and asked to go on without."""
    return SPENT in run.nudge or any(SPENT in step.nudge for step in run.turn_now().steps)
