"""The hooks of a transcript: a new run, and how it ended."""

from opta_protocol.hook_events import HookResult, HookStart

from .transcript_parts import Call, HookRun, Turn


def apply_hook(turn: Turn, event: HookStart | HookResult) -> None:
    """Apply an event of a hook to the call that it is about, or to the turn at whose end it runs."""
    call = next((call for step in reversed(turn.steps) for call in step.calls if call.id == event.callId), None) if event.callId else None
    if event.callId and call is None:
        return
    runs = call.hooks if call is not None else turn.hooks
    if isinstance(event, HookStart):
        runs.append(HookRun(id=event.hookId, hook=event.hook, on=event.on, worker=event.worker, step=event.step, attempt=event.attempt))
    elif (run := next((run for run in reversed(runs) if run.id == event.hookId), None)) is not None:
        _end(run, event, call)


def _end(run: HookRun, event: HookResult, call: Call | None) -> None:
    run.outcome, run.reason, run.text, run.code = event.outcome, event.reason, event.text, event.code
    run.isOpen, run.durationMs = event.isOpen, event.durationMs
    if call is not None and event.changes:
        # What undoes the call undoes what the hook made of its files, too.
        call.changes = [*call.changes, *event.changes]
