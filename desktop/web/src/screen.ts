// The browser window as the page uses it.

import { flushSync } from 'react-dom';
import { redeem } from './bridge';
import type { FocusTarget, Screen } from './page';

// Frames are not drawn in a hidden window.
const HIDDEN_FRAME_MS = 1_000;
const SAVED_MS = 60_000;

const DRAFTS = 'opta.drafts';

// A violet diamond; with a mark when someone waits.
function icon(isMarked: boolean): string {
  const mark = isMarked ? '<circle cx="24" cy="8" r="7" fill="#fbbf24"/>' : '';
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M16 2 30 16 16 30 2 16z" fill="#7c3aed"/>${mark}</svg>`)}`;
}

export const browserScreen: Screen = {
  focus(target: FocusTarget): void {
    // What the action changed is drawn first, because a hidden field takes no focus.
    flushSync(() => undefined);
    document.querySelector<HTMLElement>(`[data-focus="${target}"]`)?.focus();
  },

  nextFrame(run: () => void): void {
    const once = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      run();
    };
    const frame = requestAnimationFrame(once);
    const timer = setTimeout(once, HIDDEN_FRAME_MS);
  },

  notify(title: string, text: string): void {
    if (document.hasFocus() || !('Notification' in window) || Notification.permission !== 'granted') return;
    const shown = new Notification(title, { body: text });
    shown.onclick = () => window.focus();
  },

  redeem,

  name(title: string, needsYou: number): void {
    document.title = needsYou ? `◆ ${needsYou} ${needsYou === 1 ? 'needs' : 'need'} you · ${title}` : title;
    document.querySelector('link[rel="icon"]')?.setAttribute('href', icon(needsYou > 0));
  },

  drafts(): Record<string, string> {
    try {
      return JSON.parse(sessionStorage.getItem(DRAFTS) ?? '{}');
    } catch {
      return {};
    }
  },

  keepDrafts(drafts: Record<string, string>): void {
    const begun = Object.fromEntries(Object.entries(drafts).filter(([, text]) => text !== ''));
    try {
      sessionStorage.setItem(DRAFTS, JSON.stringify(begun));
    } catch {
      // More than the browser keeps: the drafts live as long as the page.
      sessionStorage.removeItem(DRAFTS);
    }
  },

  save(name: string, content: Blob): void {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(content);
    link.download = name;
    link.click();
    // The browser has to read it first.
    setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS);
  },

  async askToNotify(): Promise<boolean> {
    return 'Notification' in window && (await Notification.requestPermission()) === 'granted';
  },
};
