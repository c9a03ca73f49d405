import { useEffect, useState } from 'react';

export const SETTLE_MS = 500;

// Whether `shown` has been on the screen for SETTLE_MS without a key press or click, which may have been meant for what was there before.
export function useSettled(shown: string): boolean {
  const [settled, setSettled] = useState<string | null>(null);
  useEffect(() => {
    let timer = 0;
    const stop = () => {
      window.clearTimeout(timer);
      window.removeEventListener('keydown', restart, true);
      window.removeEventListener('pointerdown', restart, true);
    };
    const restart = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        stop();
        setSettled(shown);
      }, SETTLE_MS);
    };
    restart();
    window.addEventListener('keydown', restart, true);
    window.addEventListener('pointerdown', restart, true);
    return stop;
  }, [shown]);
  return settled === shown;
}

// For onKeyDown: a held key presses no button.
export function ignoreHeld(event: { repeat: boolean; key: string; preventDefault(): void; stopPropagation(): void }): void {
  if (event.repeat && ['Enter', ' ', 'Escape'].includes(event.key)) {
    event.preventDefault();
    event.stopPropagation();
  }
}
