// A user action: one object that the shortcut, the menu and the button all use.

import type { Page } from '../page';
import type { State } from '../state';

export interface Action<Argument = void> {
  // Names the action for key settings and tests; never shown, never changed.
  readonly id: string;
  // In menus and lists, where it stands alone: "Stop the running turn".
  readonly name: string;
  // On its button.
  readonly label: string;
  // Shortcuts such as 'Mod+Enter' or 'Alt+N' (Mod is Ctrl, or ⌘ on a Mac). The last one works in a browser tab too, and is shown.
  readonly keys: readonly string[];
  // Where its keys work; absent: everywhere.
  readonly scope?: 'composer';
  // Whether it can be done now. Pure: panels draw with it.
  when(state: State, argument: Argument): boolean;
  run(page: Page, argument: Argument): void | Promise<void>;
}

// Do it, if it can be done now. False when it cannot, or failed; the page then shows why.
export async function perform<Argument>(page: Page, action: Action<Argument>, argument: Argument): Promise<boolean> {
  if (!action.when(page.state, argument)) return false;
  try {
    await action.run(page, argument);
    return true;
  } catch (error) {
    page.report(error);
    return false;
  }
}
