import type { ReactNode } from 'react';

const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.platform);
const SIGNS: Record<string, string> = { Mod: IS_MAC ? '⌘' : 'Ctrl', Alt: IS_MAC ? '⌥' : 'Alt', Enter: '↩' };

// A shortcut such as 'Mod+Enter' as this machine's keyboard names it.
export function Keys({ shortcut }: { shortcut: string }): ReactNode {
  return (
    <kbd>
      {shortcut
        .split('+')
        .map((key) => SIGNS[key] ?? key)
        .join(' ')}
    </kbd>
  );
}
