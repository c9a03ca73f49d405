// The hooks of a transcript: a new run, and how it ended. Twin of opta_core/transcript_hooks.py.

import type { AnyEvent } from './protocol';
import { findCall } from './transcript_calls';
import type { Turn } from './transcript_parts';

export function applyHook(turn: Turn, event: Extract<AnyEvent, { event: 'hook.start' | 'hook.result' }>): void {
  const call = event.callId ? findCall(turn, event.callId) : undefined;
  if (event.callId && !call) return;
  const runs = call ? call.hooks : turn.hooks;
  if (event.event === 'hook.start') {
    runs.push({
      id: event.hookId,
      hook: event.hook,
      on: event.on,
      worker: event.worker,
      step: event.step ?? 0,
      attempt: event.attempt ?? 1,
      outcome: '',
      reason: '',
      text: '',
      code: '',
      isOpen: false,
      durationMs: 0,
    });
    return;
  }
  const run = runs.findLast((known) => known.id === event.hookId);
  if (!run) return;
  run.outcome = event.outcome;
  run.reason = event.reason ?? '';
  run.text = event.text ?? '';
  run.code = event.code ?? '';
  run.isOpen = event.isOpen ?? false;
  run.durationMs = event.durationMs ?? 0;
  // What undoes the call undoes what the hook made of its files, too.
  if (call) call.changes = [...call.changes, ...(event.changes ?? [])];
}
