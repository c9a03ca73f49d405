// How long ago something was, in the person's language, counted on; the exact moment where a pointer rests.

import type { ReactNode } from 'react';
import { useFormatter, useNow } from 'use-intl';
import { justNow } from '../strings/formats';

const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;

export function When({ at, className }: { at: string; className?: string }): ReactNode {
  const format = useFormatter();
  const now = useNow({ updateInterval: MINUTE_MS });
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return null;
  // What the clocks of two processes differ by is no future.
  const moment = date > now ? now : date;
  const agoMs = now.getTime() - moment.getTime();
  const isThisYear = date.getFullYear() === now.getFullYear();
  const shown =
    agoMs < MINUTE_MS
      ? justNow()
      : agoMs < WEEK_MS
      ? format.relativeTime(moment, { now, style: 'narrow' })
      : format.dateTime(date, { day: 'numeric', month: 'short', ...(isThisYear ? {} : { year: 'numeric' }) });
  return (
    <time dateTime={at} className={className} title={format.dateTime(date, { dateStyle: 'full', timeStyle: 'short' })}>
      {shown}
    </time>
  );
}
