// How tall a turn will be, before it is drawn: near enough that the scroll bar keeps its size while one scrolls.

import type { Turn } from '../../transcript';

const FRAME_PX = 150;
const LINE_PX = 22;
const LINE_CHARS = 95;
const CALL_PX = 42;
const STEPS_MAX = 20;

export function turnHeight(turn: Turn): number {
  let lines = linesOf(turn.command || turn.text);
  let calls = 0;
  for (const step of turn.steps.slice(-STEPS_MAX)) {
    lines += linesOf(step.text);
    calls += step.calls.length;
  }
  return FRAME_PX + lines * LINE_PX + calls * CALL_PX;
}

function linesOf(text: string): number {
  return Math.ceil(text.length / LINE_CHARS);
}
