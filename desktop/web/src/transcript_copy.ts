// A copy of a turn that shares nothing which the reducer changes in place. Twin of `_make_independent` in opta_core/fold.py.

import type { Call, Step, Turn } from './transcript_parts';

export function copyOfTurn(turn: Turn): Turn {
  return {
    ...turn,
    warnings: [...turn.warnings],
    injected: [...turn.injected],
    steers: turn.steers.map((steer) => ({ ...steer })),
    hooks: turn.hooks.map((run) => ({ ...run })),
    remarks: [...turn.remarks],
    marks: [...turn.marks],
    undone: [...turn.undone],
    undoneHunks: [...turn.undoneHunks],
    steps: turn.steps.map(copyOfStep),
  };
}

function copyOfStep(step: Step): Step {
  return { ...step, calls: step.calls.map(copyOfCall) };
}

function copyOfCall(call: Call): Call {
  return { ...call, effects: [...call.effects], hooks: call.hooks.map((run) => ({ ...run })), asked: call.asked && { ...call.asked }, child: call.child && { ...call.child } };
}
