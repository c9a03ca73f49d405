// Why the next message cannot be sent now, and how much of the model's context is used. Computed from what is known; nothing is asked.

import { FILES_MAX, TURN_BYTES_MAX } from './attached';
import { boot } from './boot';
import { attached, draft, nextModel, type State } from './state';

// What the daemon takes as one message.
export const MESSAGE_CHARS_MAX = 400_000;

export type SendBlock = 'offline' | 'other-version' | 'gone' | 'sending' | 'uploading' | 'failed-file' | 'many-files' | 'large-files' | 'too-long' | 'no-words' | 'empty' | '';

export function sendBlock(state: State): SendBlock {
  const files = attached(state);
  const where = boot(state);
  if (where === 'wrong-version') return 'other-version';
  if (where === 'no-daemon' || where === 'no-server' || where === 'no-key') return 'offline';
  if (state.gone) return 'gone';
  if (state.isSending) return 'sending';
  if (files.some((file) => file.state === 'uploading')) return 'uploading';
  if (files.some((file) => file.state === 'failed')) return 'failed-file';
  if (files.length > FILES_MAX) return 'many-files';
  if (files.reduce((sum, file) => sum + file.bytes, 0) > TURN_BYTES_MAX) return 'large-files';
  const text = draft(state);
  if (text.length > MESSAGE_CHARS_MAX) return 'too-long';
  if (text.trim() === '') return files.length ? 'no-words' : 'empty';
  return '';
}

// Tokens that the conversation takes, null when that is not known; and how many the next message's model takes, 0 when that is not known.
export interface ContextUse {
  used: number | null;
  limit: number;
}

export function contextUsed(state: State): number | null {
  const { turns, clearedTo, compactedIn } = state.transcript;
  const last = turns.findLast((turn) => turn.contextUsed || turn.stats?.contextUsed || (compactedIn !== '' && turn.id === compactedIn));
  // A turn that has said nothing yet, or whose model server reports nothing.
  if (!last) return turns.length ? null : 0;
  if (last.seq <= clearedTo) return 0;
  return last.contextUsed || last.stats?.contextUsed || null;
}

export function contextLimit(state: State): number {
  const model = nextModel(state);
  const known = state.models.find((each) => each.id === model)?.contextLimit;
  if (known) return known;
  // The last turn ran with the same model, unless another was chosen.
  const last = state.transcript.turns.findLast((turn) => turn.contextLimit || turn.stats?.contextLimit);
  return state.overrides.model ? 0 : last?.contextLimit || last?.stats?.contextLimit || 0;
}

export type Fill = 'ok' | 'high' | 'full' | 'over' | 'unknown';

// A compaction begins by itself near the end; these say it before.
export function fillOf({ used, limit }: ContextUse): Fill {
  if (used === null || !limit) return 'unknown';
  const share = used / limit;
  return share > 1 ? 'over' : share >= 0.95 ? 'full' : share >= 0.8 ? 'high' : 'ok';
}
