"""One turn: ask the model, run its tool calls, and repeat until the model asks for no tool.

The loop takes its collaborators as arguments and knows no socket, HTTP or vendor. It returns the
turn's one ending; the caller writes it. **Invariant:** a step's calls run only when the step's answer was complete.
"""

import asyncio

from opta_core import project_settings
from opta_core.errors import OptaError, Refused
from opta_core.skills import SkillsFound
from opta_core.transcript import Injected, Step
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import TurnDone

from . import attached_files, instructions, loop_guard, references, skill_list
from .compact import LIMIT_UNKNOWN, compact, is_full
from .folder_facts import FolderFacts
from .folding import fold, fold_if_full
from .model_call import ModelAnswer, call_model, step_done, stored_answer
from .nudges import NUDGES_MAX, no_answer, nudge_for
from .router import Route
from .session import AgentSession
from .step_calls import WrittenCall, finish_calls, read_call, run_calls
from .turn_environment import SOURCE, environment_line
from .turn_run import Collaborators, TurnRun


async def run_turn(session: AgentSession, turn_id: str, collaborators: Collaborators) -> TurnDone:
    """Run a turn from its stored state to its ending. Raises OptaError when it cannot continue."""
    # Looked at beside the search for a model, because it takes a thread.
    looking = asyncio.create_task(collaborators.folders.look(session.transcript.cwd), name="folder facts")
    skills = asyncio.create_task(_skills(session, collaborators), name="skills")
    try:
        run = await _begin(session, turn_id, collaborators)
        return await _run(run, looking, skills)
    finally:
        looking.cancel()
        skills.cancel()


async def _skills(session: AgentSession, collaborators: Collaborators) -> SkillsFound | None:
    return await collaborators.skills.look(session.transcript.cwd) if collaborators.skills is not None else SkillsFound()


async def _run(run: TurnRun, looking: "asyncio.Task[FolderFacts]", skills: "asyncio.Task[SkillsFound | None]") -> TurnDone:
    session, collaborators = run.session, run.collaborators
    if run.turn.compact:
        if not await compact(session, run.turn, run.route, run.offered, collaborators.emit):
            run.warn("nothing_to_compact", "There is nothing to compact yet.")
        return run.done("stop")
    if run.turn.steps:
        # What a former agent's last calls touched; it may not have come to that.
        await instructions.add_touched(run, run.step - 1)
    else:
        await _add_to_message(run, await looking, await skills)
        # Once a turn: a turn that compacted before its agent died goes on with that summary.
        if session.transcript.compactedIn != run.turn.id and is_full(session, run.turn, run.route, run.offered):
            await compact(session, run.turn, run.route, run.offered, collaborators.emit)
            await instructions.add_again(run)
            await skill_list.add_again(run)
    while run.step <= run.limits.max_steps:
        await run.until_unpaused()
        answer, calls = await _next_answer(run)
        if not calls:
            nudge = nudge_for(answer)
            if not nudge:
                words = await _more(run)
                if not words and not run.has_unread_steers():
                    return run.done("stop")
                # A person said something while the model answered, or a hook asks for more.
                await run.until_answered()
                run.begin_next_step(words)
                continue
            run.failed_answers += 1
            if run.failed_answers > NUDGES_MAX:
                raise no_answer(nudge)
            await run.until_answered()
            run.begin_next_step(nudge)
            continue
        run.failed_answers = 0
        run.tally.add_calls([written.call for written in calls])
        await run_calls(run, calls)
        await instructions.add_touched(run, run.step)
        finding = loop_guard.after(run.turn)
        if finding is not None and finding.action == "stop":
            run.warn("loop", finding.words)
            return run.done("budget")
        if stop := run.tally.exceeded(run.limits, run.waited_s()):
            run.warn("budget", stop)
            return run.done("budget")
        run.begin_next_step(finding.words if finding is not None else "")
    run.warn("steps", f"The turn met its limit max-steps = {run.limits.max_steps}. Resume it to go on.")
    return run.done("steps")


async def _more(run: TurnRun) -> str:
    """What hooks ask for before the turn ends; '' for nothing. Where a person has said something, the turn goes on anyway."""
    hooks = run.collaborators.hooks
    if hooks is None or run.has_unread_steers():
        return ""
    await run.until_answered()
    answer = run.turn_now().steps[-1].text
    words, warning = await hooks.more(run.session, run.turn, run.step, answer)
    if warning:
        run.warn_once("hooks", warning)
    return words


async def _begin(session: AgentSession, turn_id: str, collaborators: Collaborators) -> TurnRun:
    """The run, with its route and the step to continue with: a former agent may have left the turn in the middle."""
    session.settle(turn_id)
    turn = session.transcript.turn(turn_id)
    assert turn is not None
    run = TurnRun(session, turn, collaborators, await collaborators.toolbox.offered(session, turn_id))
    run.limits = collaborators.limits.with_asked(turn.limits)
    await run.until_unpaused()
    if not turn.steps:
        for problem in run.offered.problems:
            run.warn("mcp", problem)
    else:
        await _take_over(run, turn.steps[-1])
    route = await _choose_route(run, turn.model or session.transcript.model)
    if turn.probe:
        route = route.without_fallback()
    if route.switched_from:
        run.switch(route.switched_from, route, route.note)
    else:
        run.route = route
    return run


async def _choose_route(run: TurnRun, wanted: str) -> Route:
    """The way to a model. A name that nothing else has may be one of the project's aliases; it never stands in for a name of the user."""
    try:
        return await run.collaborators.choose_route(wanted)
    except OptaError as error:
        if error.code != ErrorCode.model_not_found or not wanted:
            raise
        try:
            meant = project_settings.read(run.session.transcript.cwd).aliases.get(wanted, "")
        except Refused:
            meant = ""
        if not meant:
            raise
        return await run.collaborators.choose_route(meant)


async def _take_over(run: TurnRun, last: Step) -> None:
    """Go on behind the last step that a former agent stored, as that agent would have."""
    # The call that was decided on stands for the end of the answer in sessions that were stored without it.
    is_whole = bool(last.finish) or any(call.state != "called" for call in last.calls)
    run.tally.restore(run.turn.steps if is_whole else run.turn.steps[:-1])
    if not is_whole:
        run.step, run.attempt, run.nudge = last.step, last.attempt + 1, last.nudge
    elif last.calls:
        await finish_calls(run, last)
        finding = loop_guard.after(run.turn)
        run.step, run.nudge = last.step + 1, finding.words if finding is not None else ""
    else:
        run.step, run.nudge, run.answered = last.step, last.nudge, last
    before = [step for step in run.turn.steps if step.step < run.step]
    run.failed_answers = next((number for number, step in enumerate(reversed(before)) if step.calls), len(before))


async def _add_to_message(run: TurnRun, folder: FolderFacts, skills: SkillsFound | None) -> None:
    """Store what goes with the user's message: the workspace's instructions, the list of skills, what it refers to, what was attached to it, and last the facts that hold for this turn.

    What a former agent stored stays.
    """
    await instructions.add_at_start(run, has_instructions=folder.has_instructions)
    skill_list.add(run, skills)
    # What a model wrote refers to nothing: a person alone names files that are read without a question.
    is_delegated = run.turn.role == "agent"
    await instructions.add_referenced(run, [] if is_delegated else await references.add(run))
    await attached_files.add(run)
    if not any(part.source == SOURCE for part in run.turn_now().injected):
        cwd, network = run.session.transcript.cwd, run.collaborators.network
        line = environment_line(cwd, folder.branch, run.turn.mode, network, is_delegated=is_delegated)
        run.inject(Injected(source=SOURCE, text=line))


async def _next_answer(run: TurnRun) -> tuple[ModelAnswer, list[WrittenCall]]:
    """The answer of the next step, stored whole, and its calls. Raises OptaError."""
    if run.answered is not None:
        answer, run.answered = stored_answer(run.answered), None
        return answer, []
    if folded := fold_if_full(run.session, run.turn_now(), run.route.context_limit, run.step):
        await fold(run.session, folded, run.emit)
    answer = await _answer(run)
    run.tally.steps = run.step
    calls = [read_call(run, part) for part in answer.calls]
    # In this order: an answer is whole once its end is stored, and then all of its calls are.
    for written in calls:
        run.emit(written.call)
    run.emit(step_done(run, answer))
    return answer, calls


async def _answer(run: TurnRun) -> ModelAnswer:
    """The model's whole answer; when the prompt is too long for the model, after older turns or older steps gave way. Raises OptaError."""
    try:
        return await call_model(run)
    except OptaError as error:
        if error.code != ErrorCode.context_overflow:
            raise
        run.learn_limit(int(error.details.get("contextLimit", 0)))
        if not await _make_smaller(run):
            raise
    run.attempt += 1
    return await call_model(run)


async def _make_smaller(run: TurnRun) -> bool:
    """Summarise older turns, or else fold older steps of this one; whether anything gave way."""
    session = run.session
    if session.transcript.compactedIn != run.turn.id and await compact(session, run.turn, run.route, run.offered, run.emit):
        await instructions.add_again(run)
        await skill_list.add_again(run)
        return True
    folded = fold_if_full(session, run.turn_now(), run.route.context_limit or LIMIT_UNKNOWN, run.step, is_overflow=True)
    if folded is not None:
        await fold(session, folded, run.emit)
    return folded is not None
