// Whether the daemon answers, as the figures say it.

import type { State } from '../../state';
import type { Tone } from './metric';

export type Status = 'reading' | 'running' | 'away' | 'noStore';

export const STATUS_TONES: Record<Status, Tone | 'ok'> = { reading: '', running: 'ok', away: 'err', noStore: 'err' };

export function statusOf({ figures, globalConnection }: State): Status {
  if (figures.at) return figures.metrics ? 'running' : 'noStore';
  // The first figures are on their way: that they are not here yet says nothing about the daemon.
  return globalConnection === 'connecting' || globalConnection === 'connected' ? 'reading' : 'away';
}
