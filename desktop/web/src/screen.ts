// What the page needs of a browser window.

import type { Route } from './routes';
import type { StoredName } from './storage';

// granted, denied; default: it was never asked; missing: this browser shows none.
export type NotifyState = NotificationPermission | 'missing';

export type FocusTarget = 'composer' | 'search' | 'question' | 'find' | 'playback';

export interface Screen {
  // Whether the focus went there; false when there is no such thing, or when it has the focus already.
  focus(target: FocusTarget): boolean;
  // Whether the window has a column for it.
  fits(panel: 'telemetry'): boolean;
  // Run before the next frame is drawn, or soon when nothing is drawn.
  nextFrame(run: () => void): void;
  // Notify the person, if they allowed it and do not look at the page. A click on the notification shows `route`.
  notify(title: string, text: string, route: Route): void;
  // Ask whether notifications may be shown; whether they may. And what the browser says of it now.
  askToNotify(): Promise<boolean>;
  mayNotify(): NotifyState;
  // Make the address name what is shown.
  go(route: Route): void;
  // Name the window, and mark it when `needsYou` sessions wait for the person.
  name(title: string, needsYou: number): void;
  // What the browser keeps, through a reload or for the next visit; undefined for what was never stored or cannot be read.
  stored(name: StoredName): unknown;
  store(name: StoredName, value: unknown): void;
  // Whether a person can see the window.
  isSeen(): boolean;
  // Put words into the clipboard. Rejects when the browser refuses it.
  copy(text: string): Promise<void>;
  // The whole address of what a route names.
  address(route: Route): string;
  // Let the person keep a file.
  save(name: string, content: Blob): void;
}
