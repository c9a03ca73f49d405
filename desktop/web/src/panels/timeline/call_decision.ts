// Who said whether a call may run, in words.

import type { useWords } from '../../strings/strings';
import type { Call } from '../../transcript';
import { line } from '../../visible';

type Words = ReturnType<typeof useWords<'cards'>>;

export function decision(call: Call, words: Words): string {
  if (call.state === 'asking') return call.reason ? words('asks', { reason: line(call.reason) }) : '';
  if (!call.decidedBy) return '';
  const did = call.state === 'denied' ? 'denied' : 'allowed';
  if (call.decidedBy === 'client') return words(`${did}In`, { client: line(call.client) || words('elsewhere') });
  if (call.decidedBy === 'timeout') return words('nobody');
  return words(`${did}By`, { rule: line(call.rule || call.decidedBy) });
}

// What a rule allows is no news: it is said beside the arguments.
export function isQuiet(call: Call): boolean {
  return call.decidedBy === 'rule' && call.state !== 'denied';
}
