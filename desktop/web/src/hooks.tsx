// The page for React components: `usePage` to act on it, `usePageState` to draw a part of its state.

import { createContext, type ReactNode, useCallback, useContext, useSyncExternalStore } from 'react';
import { useStore } from 'zustand';
import type { Page } from './page';
import type { State } from './state';
import type { Turn } from './transcript';

const Context = createContext<Page | null>(null);

export function PageProvider({ page, children }: { page: Page; children: ReactNode }): ReactNode {
  return <Context value={page}>{children}</Context>;
}

export function usePage(): Page {
  const page = useContext(Context);
  if (!page) throw new Error('A panel is drawn outside PageProvider.');
  return page;
}

// Draws again only when the selected part changes, so select values or kept objects, never new ones.
export function usePageState<Part>(select: (state: State) => Part): Part {
  return useStore(usePage().store, select);
}

// Whether the session is played back here, so that nothing is done to its turns.
export function useIsPlayback(): boolean {
  return usePageState((state) => state.playback !== null);
}

// Whether a card of the open session is open. It stays so when the card leaves the screen and comes back; undefined until a person says so.
export function useKeptOpen(name: string): [isOpen: boolean | undefined, setOpen: (isOpen: boolean) => void] {
  const page = usePage();
  const key = `${page.state.selected}/${name}`;
  const isOpen = useSyncExternalStore(page.kept.subscribe, () => page.kept.isOpen(key));
  return [isOpen, (next) => page.kept.setOpen(key, next)];
}

// A number that is kept as what is opened is, 0 at first.
export function useKeptCount(name: string): [count: number, setCount: (count: number) => void] {
  const page = usePage();
  const key = `${page.state.selected}/${name}`;
  const count = useSyncExternalStore(page.kept.subscribe, () => page.kept.count(key));
  return [count, (next) => page.kept.setCount(key, next)];
}

// Draws again when this turn changes, and only then. The turn is mutable: the number says that it has changed.
export function useTurn(turn: Turn): number {
  const page = usePage();
  const subscribe = useCallback((listener: () => void) => page.turns.subscribe(turn.id, listener), [page, turn]);
  return useSyncExternalStore(subscribe, () => turn.version);
}
