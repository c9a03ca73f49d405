// The page for React components: `usePage` to act on it, `usePageState` to draw a part of its state.

import { createContext, type ReactNode, useContext, useState } from 'react';
import { useStore } from 'zustand';
import type { Page } from './page';
import type { State } from './state';

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

// Whether a card of the open session is open. It stays so when the card leaves the screen and comes back; undefined until a person says so.
export function useKeptOpen(name: string): [isOpen: boolean | undefined, setOpen: (isOpen: boolean) => void] {
  const page = usePage();
  const key = `${page.state.selected}/${name}`;
  const [isOpen, setOpen] = useState(() => page.kept.isOpen(key));
  return [
    isOpen,
    (next) => {
      page.kept.setOpen(key, next);
      setOpen(next);
    },
  ];
}
