// What a person can do: one object a deed, used by buttons and shortcuts alike.

import { daemon } from './daemon';
import { refreshSessions, select, showProblem, useStore } from './state';

export interface Action {
  name: string;
  label: string;
  // Keys with Ctrl (⌘ on a Mac), and the second binding where a browser owns the first (with Alt).
  key?: string;
  altKey?: string;
  when: () => boolean;
  run: () => void | Promise<void>;
}

const get = useStore.getState;
const set = useStore.setState;

const always = () => true;

function composer(): HTMLTextAreaElement | null {
  return document.querySelector('textarea[aria-label="Message"]');
}

export const actions: Action[] = [
  {
    name: 'new-session',
    label: 'New session',
    key: 'n',
    altKey: 'n',
    when: always,
    run: async () => {
      const cwd = get().transcript.cwd;
      const session = await daemon.createSession('chat', cwd);
      await refreshSessions();
      select(session.id);
      composer()?.focus();
    },
  },
  {
    name: 'stop',
    label: 'Stop',
    key: '.',
    when: () => get().transcript.running() !== undefined,
    run: async () => {
      await daemon.stop(get().selected);
    },
  },
  {
    name: 'resume',
    label: 'Resume',
    when: () => get().transcript.resumable() !== undefined,
    run: async () => {
      await daemon.resume(get().selected);
    },
  },
  {
    name: 'toggle-mode',
    label: 'Chat or do',
    key: 'm',
    altKey: 'm',
    when: () => get().selected !== '',
    run: () => {
      const mode = (get().pills.mode ?? get().transcript.mode) === 'chat' ? 'do' : 'chat';
      set({ pills: { ...get().pills, mode } });
    },
  },
  { name: 'focus-composer', label: 'Write', key: 'l', altKey: 'l', when: always, run: () => composer()?.focus() },
  {
    name: 'search',
    label: 'Search sessions',
    key: 'k',
    when: always,
    run: () => {
      set({ railOpen: true });
      document.querySelector<HTMLInputElement>('input[aria-label="Search sessions"]')?.focus();
    },
  },
];

export async function submit(text: string): Promise<boolean> {
  try {
    let sid = get().selected;
    if (!sid) {
      const session = await daemon.createSession('chat', '');
      await refreshSessions();
      sid = session.id;
      select(sid);
    }
    const overrides = Object.fromEntries(Object.entries(get().pills).filter(([, value]) => value)) as Record<string, string>;
    await daemon.submit(sid, text, overrides);
    set({ pills: {}, problem: '' });
    return true;
  } catch (error) {
    showProblem(error);
    return false;
  }
}

export function perform(name: string): void {
  const action = actions.find((candidate) => candidate.name === name);
  if (action?.when()) Promise.resolve(action.run()).catch(showProblem);
}

export function onKey(event: KeyboardEvent): void {
  const action = actions.find(
    (candidate) =>
      ((event.ctrlKey || event.metaKey) && !event.altKey && candidate.key === event.key.toLowerCase()) ||
      (event.altKey && !event.ctrlKey && candidate.altKey === event.key.toLowerCase()),
  );
  if (!action?.when()) return;
  event.preventDefault();
  perform(action.name);
}
