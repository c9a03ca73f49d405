import type { ReactNode } from 'react';
import { spoken } from '../strings/spoken';
import { useSpoken } from '../strings/strings';

const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.platform);
const SIGNS: Record<string, string> = {
  ...(IS_MAC ? { Mod: '⌘', Alt: '⌥', Shift: '⇧' } : {}),
  Enter: '↩',
  ArrowUp: '↑',
  ArrowDown: '↓',
};

export function keyName(key: string): string {
  return SIGNS[key] ?? (spoken().messages.keyNames as Record<string, string>)[key] ?? key;
}

// A chord such as 'Mod+Enter' as this machine's keyboard names it.
export function Keys({ shortcut }: { shortcut: string }): ReactNode {
  // Draws again when the language changes.
  useSpoken();
  return (
    <span aria-hidden="true">
      <kbd>
        {shortcut
          .split(/[+ ](?=.)/)
          .map(keyName)
          .join(' ')}
      </kbd>
    </span>
  );
}

// The same chord as an assistive program wants it (`aria-keyshortcuts`); nothing for two keys one after the other, which it cannot say.
export function ariaKeys(chords: readonly string[]): string | undefined {
  const names = chords.filter((chord) => !chord.includes(' ')).map((chord) => chord.replace('Mod', IS_MAC ? 'Meta' : 'Control'));
  return names.join(' ') || undefined;
}
