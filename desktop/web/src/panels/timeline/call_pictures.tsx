import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';
import type { Call } from '../../transcript';
import { Picture } from './picture';
import styles from './toolcard.module.css';

const SENT = /(?<![\w.-])([A-Za-z0-9][\w-]*-\d+\.(?:png|jpg|gif|webp))(?![\w-])/g;
const SAVED = /^Saved ([A-Za-z0-9][\w.-]*\.png) /;

// Names of the pictures that a result holds: those that a server sent, kept under the call's id, and a picture of a page.
export function picturesOf(call: Call): string[] {
  if (call.name === 'browser_screenshot') {
    const saved = SAVED.exec(call.content)?.[1];
    return saved ? [saved] : [];
  }
  if (!call.content.includes(`${call.id}-`)) return [];
  return [...new Set([...call.content.matchAll(SENT)].map((match) => match[1] ?? '').filter((name) => name.startsWith(`${call.id}-`)))];
}

export function CallPictures({ call }: { call: Call }): ReactNode {
  const sid = usePageState((state) => state.selected);
  const names = picturesOf(call);
  if (!names.length) return null;
  return (
    <div className={styles.pictures}>
      {names.map((name) => (
        <Picture key={name} sid={sid} file={name} title={name} />
      ))}
    </div>
  );
}
