// Starts the action of a key press. For a listener of `keydown` on the window.

import type { Page } from '../page';
import { perform } from './action';
import { chordOf, typesSign } from './chord';
import { startedBy, type Where } from './keymap';
import { isOffered } from './offered';
import { actions } from './registry';

// So soon after the first key, the second one makes it a pair.
const PAIR_MS = 600;

export class KeyListener {
  private last = '';
  private lastAt = 0;

  constructor(private readonly page: Page) {}

  onKey(event: KeyboardEvent): void {
    const chord = chordOf(event);
    if (!chord) return;
    const pair = event.timeStamp - this.lastAt < PAIR_MS ? `${this.last} ${chord}` : '';
    // A key that something else has answered begins no pair: Escape that closed a list is not the first of two.
    this.last = event.defaultPrevented ? '' : chord;
    this.lastAt = event.timeStamp;
    if (event.defaultPrevented) return;
    const { bindings } = this.page.state;
    const where = whereOf(event.target);
    if (where.isTyping && typesSign(event)) return;
    const action = (pair && startedBy(actions, pair, where, bindings)) || startedBy(actions, chord, where, bindings);
    if (!action?.when(this.page.state) || !isOffered(this.page.state, action)) return;
    this.last = '';
    event.preventDefault();
    void perform(this.page, action, undefined);
  }
}

function whereOf(target: EventTarget | null): Where {
  if (!(target instanceof Element)) return { scope: '', isTyping: false };
  const scope = target.closest<HTMLElement>('[data-scope]')?.dataset.scope ?? (target.closest('[role="menu"], [role="listbox"]') ? 'menu' : '');
  const isTyping = target instanceof HTMLElement && (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) || (target instanceof HTMLInputElement && !/^(checkbox|radio|button|submit|file|range)$/.test(target.type)));
  return { scope, isTyping };
}
