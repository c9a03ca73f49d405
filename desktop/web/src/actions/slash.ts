// Actions by the word that names them behind a slash in the composer.

import type { State } from '../state';
import type { Action } from './action';
import { actions } from './registry';

export interface SlashAction {
  word: string;
  action: Action;
}

// What the composer's keys do to the message itself is no command in it, nor is the palette, whose actions the commands are.
const NOT_COMMANDS = ['composer.focus', 'composer.toggle-mode', 'palette.show'];

// The word of an action is its label; its id where two have one label.
function named(all: readonly Action[]): SlashAction[] {
  const words = all.map((action) => hyphened(action.label));
  return all.map((action, at) => {
    const word = words[at] ?? '';
    return { word: words.indexOf(word) === words.lastIndexOf(word) ? word : hyphened(action.id), action };
  });
}

function hyphened(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
}

export const slashActions: readonly SlashAction[] = named(actions.filter((action) => action.scope !== 'composer' && !action.series && !NOT_COMMANDS.includes(action.id)));

// Those that can be done now.
export function availableSlashActions(state: State): SlashAction[] {
  return slashActions.filter(({ action }) => action.when(state));
}
