// What is worth a notification of the desktop while nobody looks at the page: a turn that ended, and what needs an answer.

import type { AnyEvent } from './protocol';
import { say } from './strings/spoken';

export interface News {
  sid: string;
  text: string;
}

const NAMES = /^\{"seq":\d+,"event":"(turn\.done|turn\.error|permission\.request|question\.asked)"/;

// Turns of sub-agents by session and turn: their end is no news, because the turn that started them goes on.
export class Delegated {
  private readonly turns = new Set<string>();

  take(line: string): void {
    if (!/^\{"seq":\d+,"event":"turn\.start"/.test(line) || !line.includes('"role":"agent"')) return;
    const event = JSON.parse(line) as AnyEvent;
    if (event.event === 'turn.start' && event.role === 'agent') this.turns.add(`${event.sid} ${event.turn}`);
  }

  isEnd(line: string): boolean {
    if (!/^\{"seq":\d+,"event":"turn\.(done|error)"/.test(line)) return false;
    const event = JSON.parse(line) as AnyEvent;
    return this.turns.delete(`${event.sid} ${event.turn}`);
  }
}

// The news of a line of the journal; null for most.
export function newsOf(line: string): News | null {
  if (!NAMES.test(line)) return null;
  const event = JSON.parse(line) as AnyEvent;
  const text = textOf(event);
  return text ? { sid: event.sid ?? '', text: text.slice(0, 200) } : null;
}

function textOf(event: AnyEvent): string {
  switch (event.event) {
    case 'turn.done':
      return say('news')(event.finish === 'stop' ? 'finished' : 'limit');
    case 'turn.error':
      return say('news')('failed', { message: event.message });
    case 'permission.request':
      return say('news')('permission', { tool: event.name });
    case 'question.asked':
      return say('news')('question', { text: event.text });
    default:
      return '';
  }
}
