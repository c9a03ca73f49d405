// How many steps of a long turn are shown: the last ones, and more on demand. Kept while the turn is off the screen.

import type { Kept } from '../../kept';
import type { Turn } from '../../transcript';

export const STEPS_SHOWN = 20;

// Under which it is kept how many more steps are shown.
export function stepsKey(turnId: string): string {
  return `steps ${turnId}`;
}

// Show a step by its place in the turn, and those after it.
export function showStep(kept: Kept, sid: string, turn: Turn, at: number): void {
  const key = `${sid}/${stepsKey(turn.id)}`;
  const missing = turn.steps.length - STEPS_SHOWN - at;
  if (at >= 0 && missing > kept.count(key)) kept.setCount(key, missing);
}
