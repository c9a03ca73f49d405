// How the state of a session is shown: a glyph, a word and a colour, of which none is needed to understand the others.

import type { Session } from '../../protocol';

export type Shown = 'running' | 'waiting' | 'done' | 'new' | 'stopped' | 'failed' | 'paused' | 'unknown';

export const GLYPHS: Record<Shown, string> = { running: '●', waiting: '◆', done: '✓', new: '○', stopped: '‖', failed: '✕', paused: '‖', unknown: '⟳' };
export const TONES: Record<Shown, string> = { running: 'live', waiting: 'warn', done: 'dim', new: 'dim', stopped: 'dim', failed: 'err', paused: 'dim', unknown: 'dim' };

// What was running when the connection was lost may have ended since. A session whose last turn was stopped, or met a limit, rests but is not done.
export function shownState(session: Session, isConnected: boolean): Shown {
  if (session.state === 'running') return isConnected ? 'running' : 'unknown';
  if (session.state !== 'idle') return session.state;
  if (session.resumable) return 'stopped';
  return session.turns ? 'done' : 'new';
}
