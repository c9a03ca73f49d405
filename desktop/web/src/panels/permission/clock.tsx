import { type ReactNode, useEffect, useState } from 'react';
import { useWords } from '../../strings/strings';

// So near the end, the time left is a warning.
const SOON_MS = 60_000;

// Milliseconds until a question can be answered no more, looked at twice a second. NaN where it does not say until when.
export function useTimeLeft(expiresAt: string): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 500);
    return () => window.clearInterval(timer);
  }, []);
  return Date.parse(expiresAt) - now;
}

export function Clock({ left }: { left: number }): ReactNode {
  const words = useWords('permission');
  if (Number.isNaN(left)) return null;
  return <span className={left < SOON_MS ? 'warn' : undefined}>{left > 0 ? words('left', { clock: clock(left) }) : words('expired')}</span>;
}

export function clock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
