// The browser window as the page uses it.

import { flushSync } from 'react-dom';
import { formatRoute, type Route } from './routes';
import type { FocusTarget, Screen } from './screen';
import { store, stored } from './storage';
import { say } from './strings/spoken';

// Frames are not drawn in a hidden window.
const HIDDEN_FRAME_MS = 1_000;
const SAVED_MS = 60_000;

// As in the style of the page: below this width the telemetry has no column.
const HAS_TELEMETRY = '(min-width: 1100px)';

// A violet diamond; with a mark when someone waits.
function icon(isMarked: boolean): string {
  const mark = isMarked ? '<circle cx="24" cy="8" r="7" fill="#fbbf24"/>' : '';
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M16 2 30 16 16 30 2 16z" fill="#7c3aed"/>${mark}</svg>`)}`;
}

// The address as the page knows it: the one that it wrote, or the last one that it heard of.
let heard = location.hash;
window.addEventListener('hashchange', () => {
  heard = location.hash;
});

export const browserScreen: Screen = {
  focus(target: FocusTarget): boolean {
    // What the action changed is drawn first, because a hidden field takes no focus.
    flushSync(() => undefined);
    const element = document.querySelector<HTMLElement>(`[data-focus="${target}"]`);
    if (!element || element.contains(document.activeElement)) return false;
    element.focus();
    return element.contains(document.activeElement);
  },

  fits(): boolean {
    return matchMedia(HAS_TELEMETRY).matches;
  },

  stored,
  store,

  nextFrame(run: () => void): void {
    const once = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      run();
    };
    const frame = requestAnimationFrame(once);
    const timer = setTimeout(once, HIDDEN_FRAME_MS);
  },

  notify(title: string, text: string, route: Route): void {
    if (document.hasFocus() || !('Notification' in window) || Notification.permission !== 'granted') return;
    const shown = new Notification(title, { body: text });
    shown.onclick = () => {
      window.focus();
      location.hash = formatRoute(route);
    };
  },

  go(route: Route): void {
    const hash = formatRoute(route);
    // Who went elsewhere a moment ago goes there: the page hears of it next.
    if (hash === location.hash || location.hash !== heard) return;
    // The short address of a section is replaced: going back to it would lead forward again.
    if (location.hash.startsWith('#/settings/')) history.replaceState(history.state, '', hash);
    else location.hash = hash;
    heard = location.hash;
  },

  name(title: string, needsYou: number): void {
    document.title = needsYou ? say('header')('window', { count: needsYou, title }) : title;
    document.querySelector('link[rel="icon"]')?.setAttribute('href', icon(needsYou > 0));
  },

  isSeen: () => document.visibilityState === 'visible',
  copy: (text: string) => navigator.clipboard.writeText(text),

  address: (route: Route) => new URL(formatRoute(route), location.href).href,

  save(name: string, content: Blob): void {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(content);
    link.download = name;
    link.click();
    // The browser has to read it first.
    setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS);
  },

  mayNotify: () => ('Notification' in window ? Notification.permission : 'missing'),

  async askToNotify(): Promise<boolean> {
    return 'Notification' in window && (await Notification.requestPermission()) === 'granted';
  },
};
