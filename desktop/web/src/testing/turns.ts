// Turns as the transcript makes them, from a few events.

import type { AnyEvent } from '../protocol';
import { Transcript } from '../transcript';

const HERE = { sid: 'abc', turn: 't1' };

// A transcript of these events of turn t1, numbered from 2; one that names another turn belongs to that one.
export function transcriptOf(...events: object[]): Transcript {
  const transcript = new Transcript();
  const start = { event: 'session.start', title: 'One', cwd: '/w', mode: 'do', level: 'L2' };
  for (const [at, event] of [start, ...events].entries()) transcript.apply({ ...HERE, seq: at + 1, ts: `2024-01-01T00:00:${String(at).padStart(2, '0')}.000000Z`, ...event } as AnyEvent);
  return transcript;
}

export const START = { event: 'turn.start', role: 'user', text: 'Do it', mode: 'do', level: 'L2' };
export const step = (number: number, more: object = {}) => ({ event: 'step.start', step: number, provider: 'lmx', model: 'qwen', attempt: 1, ...more });
export const call = (callId: string, name: string, args: object, more: object = {}) => ({ event: 'tool.call', callId, name, args, risk: 'read', step: 1, ...more });
export const result = (callId: string, content: string, more: object = {}) => ({ event: 'tool.result', callId, ok: true, content, ...more });
