// What became of a question that is asked no more: who answered it, or why nobody can.

import type { ChildAsk } from '../../child_asks';
import type { Daemon } from '../../daemon';
import { applyToCall } from '../../transcript_calls';
import type { Call } from '../../transcript_parts';
import type { OpenQuestion } from './open_questions';

// A message of the catalogue `permission`, below `endings`.
export type Ending =
  | { key: 'expired' | 'unanswered' | 'turnEnded' | 'unknown' }
  | { key: 'answered'; values: { client: string; decision: 'allowed' | 'denied' } }
  | { key: 'said'; values: { client: string; answer: string } };

// Events of a sub-agent among which its answer is looked for.
const EVENTS_MAX = 500;

// As this page names itself. An answer that was not given here came from another window of it.
const THIS_PAGE = 'the page';

export function endingOf({ call, asked }: Pick<OpenQuestion, 'call' | 'asked'>, hasTurnEnded: boolean): Ending {
  if (asked) {
    if (asked.by === 'client') return { key: 'said', values: { client: clientName(asked.client), answer: asked.answer } };
    return { key: asked.by ? 'unanswered' : hasTurnEnded ? 'turnEnded' : 'unknown' };
  }
  if (call.decidedBy === 'timeout') return { key: 'expired' };
  if (call.decidedBy) return { key: 'answered', values: { client: clientName(call.client), decision: call.state === 'denied' ? 'denied' : 'allowed' } };
  return { key: hasTurnEnded ? 'turnEnded' : 'unknown' };
}

// For the message, which has words for some of them.
function clientName(client: string): string {
  return client === THIS_PAGE ? 'window' : client || 'elsewhere';
}

// The call of a sub-agent's question with the answer that its session holds; as it was, where there is none yet.
export async function answeredCall(daemon: Daemon, { sid, seq, call }: Pick<ChildAsk, 'sid' | 'seq' | 'call'>): Promise<Call> {
  const found = { ...call, asked: call.asked && { ...call.asked } };
  for (const event of await daemon.eventsAfter(sid, seq, EVENTS_MAX)) {
    const isDecision = event.event === 'permission.decision' && event.requestId === call.requestId;
    const isAnswer = event.event === 'question.answered' && event.questionId === call.asked?.id;
    if (isDecision || isAnswer) applyToCall(found, event);
  }
  return found;
}
