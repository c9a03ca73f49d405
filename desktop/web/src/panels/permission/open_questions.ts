// The open questions of the open session: its own, those of its sub-agents, and what its model asks the person. One list for all.

import { type ChildAsk, openAsks } from '../../child_asks';
import type { Call, Transcript } from '../../transcript';
import type { Question } from '../../transcript_parts';
import { toolWords } from '../../strings/tool_words';
import { line } from '../../visible';
import { summary } from './question';

const LABEL_CHARS_MAX = 60;

export interface OpenQuestion {
  // Names it for as long as it is asked.
  key: string;
  // The session that asks, '' for the open one; and what the sub-agent is called.
  sid: string;
  from: string;
  // Of a sub-agent: the seq of the question in its session.
  seq: number;
  call: Call;
  // What the model asks; null for a question of permission.
  asked: Question | null;
}

// In the order in which they came: those of the session first, because its sub-agents ask later.
export function openQuestions(transcript: Transcript, childAsks: readonly ChildAsk[]): OpenQuestion[] {
  const turn = transcript.running();
  if (!turn) return [];
  const calls = turn.steps.flatMap((step) => step.calls);
  const ofSession = calls.filter((call) => call.state === 'asking' || isAsked(call)).map((call) => question('', '', 0, call));
  const open = openAsks(transcript);
  const ofChildren = childAsks.filter((ask) => open.some(({ sid, seq }) => sid === ask.sid && seq === ask.seq)).map(({ sid, title, seq, call }) => question(sid, title, seq, call));
  return [...ofSession, ...ofChildren];
}

function question(sid: string, from: string, seq: number, call: Call): OpenQuestion {
  const asked = call.state === 'asking' ? null : call.asked;
  return { key: `${sid} ${asked ? asked.id : call.requestId}`, sid, from, seq, call, asked };
}

function isAsked(call: Call): boolean {
  return call.asked !== null && !call.asked.by && call.state === 'running';
}

// A question on one short line, for the list.
export function labelOf({ call, asked }: OpenQuestion): string {
  const text = line(asked ? asked.text : `${toolWords(call.name, call.server).label} ${summary(call)}`.trim());
  return text.length > LABEL_CHARS_MAX ? `${text.slice(0, LABEL_CHARS_MAX)} …` : text;
}
