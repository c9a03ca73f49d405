// A user action: one object that the shortcut, the menu and the button all use.

import type { Page } from '../page';
import type { State } from '../state';
import { isOffered } from './offered';

export interface Action<Argument = void> {
  // Names the action for key settings and tests; never shown, never changed. Its group stands before the dot.
  readonly id: string;
  // Its words in English; another language has them in its catalogue, under `actions` and the id (`useActionWords`).
  // In menus and lists, where it stands alone: "Stop the running turn".
  readonly name: string;
  // On its button.
  readonly label: string;
  // Chords such as 'Mod+Enter', 'Alt+N' or '?' (see `chord.ts`). The first one is for a window of Opta; the last one works in a tab of a
  // browser, too. A person can choose others (`keymap.ts`). What allows or denies something has none.
  readonly keys: readonly string[];
  // The only part of the page in which its keys work; absent: everywhere but in dialogs and menus.
  readonly scope?: 'composer' | 'card' | 'dialog';
  // Of actions that differ in a number only: what lists show for all of them.
  readonly series?: string;
  // Whether it can be done now. Pure: panels draw with it.
  when(state: State, argument: Argument): boolean;
  run(page: Page, argument: Argument): void | Promise<void>;
}

// Do it, if it can be done now. False when it cannot, or failed; the page then shows why.
export async function perform<Argument>(page: Page, action: Action<Argument>, argument: Argument): Promise<boolean> {
  if (!isOffered(page.state, action) || !action.when(page.state, argument)) return false;
  try {
    await action.run(page, argument);
    return true;
  } catch (error) {
    page.report(error);
    return false;
  }
}
