// Turns that stay drawn wherever the window is: the one with the focus, those with the selection, and the last one.

import { type RefObject, useEffect, useRef } from 'react';

// A selection of more turns loses its middle, not its ends.
const SELECTED_MAX = 100;

export interface Pins {
  focused: number;
  selected: [first: number, last: number] | null;
}

export function usePins(element: HTMLElement): RefObject<Pins> {
  const pins = useRef<Pins>({ focused: -1, selected: null });
  useEffect(() => {
    const onFocus = (event: FocusEvent) => {
      pins.current.focused = event.type === 'focusin' ? rowOf(event.target as Node) : -1;
    };
    const onSelect = () => {
      pins.current.selected = selectedRows(element);
    };
    element.addEventListener('focusin', onFocus);
    element.addEventListener('focusout', onFocus);
    document.addEventListener('selectionchange', onSelect);
    return () => {
      element.removeEventListener('focusin', onFocus);
      element.removeEventListener('focusout', onFocus);
      document.removeEventListener('selectionchange', onSelect);
    };
  }, [element]);
  return pins;
}

// The rows of a range of the window and those that are pinned, in order.
export function withPins(range: number[], { focused, selected }: Pins, count: number): number[] {
  const rows = new Set(range);
  rows.add(count - 1);
  if (focused >= 0 && focused < count) rows.add(focused);
  if (selected) {
    const [first, last] = selected;
    for (let at = first; at <= Math.min(last, first + SELECTED_MAX); at += 1) rows.add(at);
    rows.add(last);
  }
  return [...rows].filter((row) => row >= 0 && row < count).sort((one, other) => one - other);
}

function selectedRows(element: HTMLElement): [number, number] | null {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || !element.contains(selection.anchorNode) || !element.contains(selection.focusNode)) return null;
  const rows = [rowOf(selection.anchorNode), rowOf(selection.focusNode)].filter((row) => row >= 0);
  return rows.length ? [Math.min(...rows), Math.max(...rows)] : null;
}

function rowOf(node: Node | null): number {
  const element = node instanceof Element ? node : node?.parentElement;
  return Number(element?.closest<HTMLElement>('[data-index]')?.dataset.index ?? -1);
}
