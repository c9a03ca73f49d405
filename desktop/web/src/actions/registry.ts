// All actions that need no argument: what a menu or a palette lists and a shortcut starts.

import type { Page } from '../page';
import { type Action, perform } from './action';
import { focusComposer, toggleMode } from './composer';
import { continueTurn, pauseTurn, steerTurn } from './steer';
import { openParent } from './forks';
import { lookForServers } from './providers';
import { newSession, searchSessions } from './sessions';
import { diagnose, replayTurn, saveEvidence } from './triage';
import { resumeTurn, stopTurn, submitTurn } from './turns';
import { allowNotifications, dismissProblem, toggleRail } from './view';

export const actions: readonly Action[] = [newSession, searchSessions, submitTurn, steerTurn, pauseTurn, continueTurn, stopTurn, resumeTurn, focusComposer, toggleMode, toggleRail, dismissProblem, lookForServers, openParent, diagnose, replayTurn, saveEvidence, allowNotifications];

export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly repeat: boolean;
  readonly isComposing: boolean;
}

// The action of a key press in a scope ('' outside all), whether or not it can be done now.
// A held key starts nothing, nor does a key that ends a word in an input method.
export function actionOf(press: KeyPress, scope: string): Action | undefined {
  if (press.repeat || press.isComposing) return undefined;
  const pressed = shortcut(press);
  return actions.find((action) => action.keys.includes(pressed) && (!action.scope || action.scope === scope));
}

function shortcut({ key, code, ctrlKey, metaKey, altKey, shiftKey }: KeyPress): string {
  const modifiers = [ctrlKey || metaKey ? 'Mod' : '', altKey ? 'Alt' : '', shiftKey ? 'Shift' : ''].filter(Boolean);
  // Option with a letter types another character on a Mac; the key's place then says which letter it is.
  const isPlain = key.length > 1 ? key !== 'Dead' : /^[!-~]$/.test(key);
  const name = isPlain ? key : code.replace(/^Key/, '');
  return [...modifiers, name.length === 1 ? name.toUpperCase() : name].join('+');
}

// For a listener of `keydown` on the window.
export function onKey(page: Page, event: KeyboardEvent): void {
  const scope = event.target instanceof Element ? (event.target.closest<HTMLElement>('[data-scope]')?.dataset.scope ?? '') : '';
  const action = actionOf(event, scope);
  if (!action?.when(page.state)) return;
  event.preventDefault();
  void perform(page, action, undefined);
}
