// The remarks of a transcript: what happened between the parts of a turn, or between turns. Twin of opta_core/transcript_remarks.py.

import { markOf } from './divergence';
import type { AnyEvent, TurnRedone, TurnUndone } from './protocol';
import type { Remark } from './transcript_parts';
import { undoneNames } from './transcript_undo';

// What a person sets for later turns, and how it is called.
const SETTINGS = { model: 'Model', mode: 'Mode', level: 'Permission level' };

// The remark of an event of a turn; null for most.
export function remarkOf(event: AnyEvent): Remark | null {
  switch (event.event) {
    case 'warning':
      return remark(event, 'warning', event.message);
    case 'plan.updated':
      return remark(event, 'plan', plan(event.items));
    case 'turn.paused':
      return remark(event, 'pause', `Paused before step ${event.step}`);
    case 'turn.resumed':
      return remark(event, 'pause', `Resumed${event.by && event.by !== 'client' ? ` by ${event.by}` : ''}`);
    default:
      return null;
  }
}

// The remark of an event that belongs to no turn, or says something of an earlier one; null for most.
export function remarkOfSession(event: AnyEvent): Remark | null {
  switch (event.event) {
    case 'turn.undone':
      return remark(event, 'undo', `Undid what turn ${event.turn} changed in ${undone(event)}`);
    case 'turn.redone':
      return remark(event, 'undo', `Made the changes of turn ${event.turn} in ${undone(event)} again`);
    case 'session.updated': {
      const said = Object.entries(SETTINGS).flatMap(([key, name]) => (key in event.changes ? [`${name}: ${event.changes[key] || 'the default'}`] : []));
      return said.length ? remark(event, 'settings', said.join(' · ')) : null;
    }
    case 'session.cleared':
      return remark(event, 'cleared', 'Context cleared: the model does not see what is above');
    case 'session.worktree':
      return remark(event, 'worktree', `Worktree: ${event.state}${event.note ? ` · ${event.note}` : ''}`);
    case 'warning':
      return event.turn ? null : remark(event, 'warning', event.message);
    case 'service.lost':
    case 'service.back':
      return event.turn ? null : remark(event, 'service', markOf(event)?.text ?? '');
    default:
      return null;
  }
}

function remark(event: AnyEvent, kind: Remark['kind'], text: string): Remark {
  return { seq: event.seq ?? 0, ts: event.ts ?? '', kind, text };
}

function undone(event: TurnUndone | TurnRedone): string {
  const names = undoneNames(event);
  return names.length === 1 ? (names[0] ?? '') : `${names.length} ${names.length === event.files.length ? 'files' : 'hunks or files'}`;
}

// How far the to-do list is, and what is being done.
function plan(items: Record<string, string>[]): string {
  const done = items.filter((item) => item.state === 'done').length;
  const doing = items.find((item) => item.state === 'doing')?.text;
  return `${done} of ${items.length} done${doing ? ` · ${doing}` : ''}`;
}
