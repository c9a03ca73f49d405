import { type FocusEvent, type RefObject, useEffect, useRef } from 'react';

const STOPS = 'button:not(:disabled), a[href], input:not(:disabled)';

// For a part of the page whose elements go away under the hands of a person, such as a row that was archived: the focus goes on to
// the first of `wanted` that is there, else to the first thing that takes it, instead of being lost. Give the handlers to the part; menus
// that open from it belong to it.
export function useKeptFocus(part: RefObject<HTMLElement | null>, wanted: readonly string[] = []): { onFocus: () => void; onBlur: (event: FocusEvent) => void } {
  const isInside = useRef(false);
  const selectors = [...wanted, STOPS].join('\n');
  useEffect(() => {
    const next = () => {
      for (const selector of selectors.split('\n')) {
        const found = part.current?.querySelector<HTMLElement>(selector);
        if (found) return found;
      }
      return null;
    };
    const observer = new MutationObserver(() => {
      if (isInside.current && document.activeElement === document.body) next()?.focus();
    });
    if (part.current) observer.observe(part.current, { childList: true, subtree: true, attributeFilter: ['disabled'] });
    return () => observer.disconnect();
  }, [part, selectors]);
  return {
    onFocus: () => {
      isInside.current = true;
    },
    onBlur: (event) => {
      // Without a next element the focus was lost, not moved, unless the whole window was left.
      if (event.relatedTarget) isInside.current = false;
    },
  };
}
