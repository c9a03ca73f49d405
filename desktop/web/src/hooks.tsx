// The page for React components: `usePage` to act on it, `usePageState` to draw a part of its state.

import { createContext, type ReactNode, useContext } from 'react';
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
