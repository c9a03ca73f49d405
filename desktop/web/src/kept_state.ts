// The parts of the page's state that the browser keeps, and how each one is read and written.

import { bindingsOf } from './actions/keymap';
import { actions } from './actions/registry';
import { restored, storedFiles } from './attached';
import type { Attachment } from './protocol';
import { remembered } from './remembered';
import type { State } from './state';
import type { StoredName } from './storage';

type KeptState = Pick<State, 'bindings' | 'isTelemetryOpen' | 'choices' | 'remembered' | 'drafts' | 'attached' | 'chosen'>;

// The part of the state that each stored value holds.
const PARTS = {
  bindings: 'bindings',
  isTelemetryOpen: 'isTelemetryOpen',
  choices: 'choices',
  remembered: 'remembered',
  drafts: 'drafts',
  files: 'attached',
  overrides: 'chosen',
} as const satisfies Record<StoredName, keyof KeptState>;

const NAMES = Object.keys(PARTS) as StoredName[];

function entriesOf<Value>(stored: unknown, isValue: (value: unknown) => boolean): Record<string, Value> {
  if (typeof stored !== 'object' || stored === null) return {};
  return Object.fromEntries(Object.entries(stored).filter(([, value]) => isValue(value)));
}

// Mode, model and level of a message, as far as they were chosen.
const isChosen = (value: unknown) => typeof value === 'object' && value !== null && Object.values(value).every(isText);
const isText = (value: unknown) => typeof value === 'string';

// What was stored, as far as it can be used.
export function restoredState(stored: (name: StoredName) => unknown, now: Date): KeptState {
  const files = entriesOf<Attachment[]>(stored('files'), Array.isArray);
  return {
    bindings: bindingsOf(stored('bindings'), actions),
    isTelemetryOpen: stored('isTelemetryOpen') !== false,
    choices: entriesOf(stored('choices'), isText),
    remembered: remembered(stored('remembered'), now),
    drafts: entriesOf(stored('drafts'), isText),
    chosen: entriesOf(stored('overrides'), isChosen),
    attached: Object.fromEntries(Object.entries(files).map(([sid, each]) => [sid, each.map(restored)])),
  };
}

// The names of what is to be stored again.
export function changedNames(state: State, before: State): StoredName[] {
  return NAMES.filter((name) => state[PARTS[name]] !== before[PARTS[name]]);
}

// A part of the state as it is stored: drafts and files only of messages that were begun.
export function storedOf(state: State, name: StoredName): unknown {
  if (name === 'drafts') return begun(state.drafts);
  if (name === 'files') return begun(Object.fromEntries(Object.entries(state.attached).map(([sid, files]) => [sid, storedFiles(files)])));
  if (name === 'overrides') return Object.fromEntries(Object.entries(state.chosen).filter(([, chosen]) => Object.keys(chosen).length > 0));
  return state[PARTS[name]];
}

function begun<Content extends { length: number }>(content: Readonly<Record<string, Content>>): Record<string, Content> {
  return Object.fromEntries(Object.entries(content).filter(([, each]) => each.length > 0));
}
