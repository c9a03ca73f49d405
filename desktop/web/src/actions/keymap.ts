// Which keys start which action: what the actions name themselves, and what a person chose instead.

import type { Action } from './action';
import { isTyped, problemOf } from './chord';

// Chords that a person chose, by the id of the action. An empty list: no key.
export type Bindings = Readonly<Record<string, readonly string[]>>;

// Where a key is pressed: the nearest scope, '' outside all; and whether in a field that takes text.
export interface Where {
  scope: string;
  isTyping: boolean;
}

// In these, only what is made for them happens; the page behind them does not move.
const CLOSED_SCOPES = ['dialog', 'menu'];
// In a question, keys without a modifier are the question's.
const CARD = 'card';

export function keysOf(action: Action<never>, bindings: Bindings): readonly string[] {
  return bindings[action.id] ?? action.keys;
}

// The one key of an action that is shown: the first in a window of Opta, the last in a tab, where the browser takes many others.
export function shownKey(action: Action<never>, bindings: Bindings, isWindow: boolean): string {
  return keysOf(action, bindings).at(isWindow ? 0 : -1) ?? '';
}

// The actions that a chord starts here: one at most, except that some wait for a second key.
export function startedBy(actions: readonly Action[], chord: string, { scope, isTyping }: Where, bindings: Bindings): Action | undefined {
  if (isTyping && isTyped(chord)) return undefined;
  const fits = (action: Action) => (action.scope ? action.scope === scope : !CLOSED_SCOPES.includes(scope) && !(scope === CARD && !/^(Mod|Alt)\+/.test(chord)));
  return actions.find((action) => keysOf(action, bindings).includes(chord) && fits(action));
}

// The actions that already have this chord where `action` would have it, too.
export function conflicts(actions: readonly Action[], action: Action, chord: string, bindings: Bindings): Action[] {
  const meets = (other: Action) => !other.scope || !action.scope || other.scope === action.scope;
  return actions.filter((other) => other.id !== action.id && meets(other) && keysOf(other, bindings).some((each) => overlap(each, chord)));
}

// The first key of two that are pressed one after the other would start the action of that key alone.
function overlap(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other} `) || other.startsWith(`${one} `);
}

// Bindings as they were stored, without what is no binding any more.
export function bindingsOf(stored: unknown, actions: readonly Action[]): Bindings {
  if (typeof stored !== 'object' || stored === null) return {};
  const known = new Set(actions.map(({ id }) => id));
  const isBinding = ([id, keys]: [string, unknown]) => known.has(id) && Array.isArray(keys) && keys.every((key) => typeof key === 'string' && problemOf(key) === '');
  return Object.fromEntries(Object.entries(stored).filter(isBinding));
}
