// The browser window as the page uses it.

import { flushSync } from 'react-dom';
import type { FocusTarget, Screen } from './page';

// Frames are not drawn in a hidden window.
const HIDDEN_FRAME_MS = 1_000;

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

  async askToNotify(): Promise<boolean> {
    return 'Notification' in window && (await Notification.requestPermission()) === 'granted';
  },
};
