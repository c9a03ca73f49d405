// Where a session may have left its course: marks for people. Twin of opta_core/triage/divergence.py; both pass the same fixtures.

import type { AnyEvent, DivergenceMark } from './protocol';

// What every turn's prompt gets.
const ORDINARY = 'environment';

// The mark of an event, or null for the ordinary course.
export function markOf(event: AnyEvent): DivergenceMark | null {
  const found = kindAndText(event);
  return found && { seq: event.seq ?? 0, ts: event.ts ?? '', kind: found[0], text: found[1], turn: event.turn ?? '' };
}

function kindAndText(event: AnyEvent): [DivergenceMark['kind'], string] | null {
  switch (event.event) {
    case 'route.switch':
      return ['model', `${event.from} -> ${event.to}: ${event.reason}`];
    case 'step.done':
      return event.model ? ['model', `another model answered than was asked for: ${event.model}`] : null;
    case 'permission.decision':
      return event.by === 'client' && event.decision === 'allow' ? ['escalation', `a person allowed a call${event.client ? ` (${event.client})` : ''}, scope ${event.scope ?? 'allow'}`] : null;
    case 'context.injected':
      return event.source === ORDINARY ? null : ['injection', `${event.source}: ${event.tokens} tokens were added to the prompt`];
    case 'context.folded':
      return ['fold', `steps up to ${event.upToStep} gave way to a list: ${event.before} -> ${event.after} tokens`];
    case 'context.compacted':
      return ['fold', `older turns gave way to a summary: ${event.before} -> ${event.after} tokens`];
    case 'service.lost':
      return ['service', `${event.service} was lost${event.reason ? `: ${event.reason}` : ''}`];
    case 'service.back':
      return ['service', `${event.service} is back${event.stall_ms ? ` after ${Math.round(event.stall_ms)} ms` : ''}`];
    case 'step.start':
      return event.attempt > 1 ? ['reconnect', `step ${event.step} was asked again, attempt ${event.attempt}: ${event.provider}/${event.model}`] : null;
    default:
      return null;
  }
}
