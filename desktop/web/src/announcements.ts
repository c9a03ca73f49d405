// The few things that people who cannot see the screen have to hear, as messages of the catalogue `announcer`. Never a token.

import type { AnyEvent } from './protocol';
import { toolOf } from './tools';
import { line } from './visible';
import { toolWords } from './strings/tool_words';

const SUBJECT_CHARS_MAX = 80;

export type Announcement =
  | { key: 'answering' }
  | { key: 'permission'; values: { call: string } }
  | { key: 'question'; values: { text: string } }
  | { key: 'done' | 'limited'; values: { tokens: number; tools: number } }
  | { key: 'failed'; values: { message: string } }
  | { key: 'stopped' };

// What every message may name; each names some of it.
export const NO_VALUES = { call: '', text: '', message: '', tokens: 0, tools: 0 };

// Null for nearly all events.
export function announcementOf(event: AnyEvent): Announcement | null {
  switch (event.event) {
    case 'permission.request': {
      const { label } = toolWords(event.name, event.server);
      const { subject } = toolOf(event.name, event.server);
      return { key: 'permission', values: { call: short(`${label} ${String((subject && event.args[subject]) ?? '')}`) } };
    }
    case 'question.asked':
      return { key: 'question', values: { text: short(event.text) } };
    case 'step.start':
      return event.step === 1 ? { key: 'answering' } : null;
    case 'turn.done':
      return { key: event.finish === 'stop' ? 'done' : 'limited', values: { tokens: event.tokens, tools: event.tools } };
    case 'turn.error':
      return { key: 'failed', values: { message: event.message } };
    case 'session.cancelled':
      return { key: 'stopped' };
    default:
      return null;
  }
}

function short(text: string): string {
  const shown = line(text.trim());
  return shown.length > SUBJECT_CHARS_MAX ? `${shown.slice(0, SUBJECT_CHARS_MAX)} …` : shown;
}
