// A permission question as what a person has to see: every argument, where it runs, until when, or why it cannot be allowed.
// The card is the one that opta_protocol/tools/card.py builds; tests/fixtures/cards.json holds both to the same result.

import type { Offer } from '../../protocol';
import { say } from '../../strings/spoken';
import { cardWord, toolWords } from '../../strings/tool_words';
import { toolOf } from '../../tools';
import type { Call } from '../../transcript';

export interface Leaf {
  name: string;
  text: string;
  // What the text does not say by itself: that it is empty, or a text that looks like a number.
  kind: string;
}

// More than a browser draws in one card.
const CHARS_MAX = 4_000_000;
// These hold for this call alone; every other offer lasts, and is shown in words before it is given.
const ONCE = ['network'];
const DECISIONS: Record<string, string> = { always: 'always', prefix: 'always', network: 'allow' };

export interface Card {
  question: string;
  // Every argument, whole; the file before and after a write; where and how the call runs.
  arguments: Leaf[];
  outcome: Leaf[];
  facts: Leaf[];
  // Why the call cannot be allowed, '' when it can.
  problem: string;
}

export function cardOf(call: Call, cwd: string): Card {
  const tool = toolOf(call.name, call.server);
  return { question: toolWords(call.name, call.server).question, arguments: leaves(call.args, tool.subject), outcome: outcome(call), facts: facts(call, cwd), problem: missing(call) };
}

// One leaf for each value that holds no others, those of the subject first.
export function leaves(args: Record<string, unknown>, subject = ''): Leaf[] {
  const names = Object.keys(args).sort((a, b) => Number(a !== subject) - Number(b !== subject));
  return names.flatMap((name) => walk(key(name), args[name]));
}

// A call on one line: its subject, how many of its steps are done, or all of its arguments where no single one says what it is about.
export function summary(call: Call): string {
  const { subject, progress } = toolOf(call.name, call.server);
  const steps = progress ? call.args[progress] : undefined;
  if (Array.isArray(steps)) {
    const states = steps.filter((step) => step !== null && typeof step === 'object' && !Array.isArray(step)).map((step: Record<string, unknown>) => step.state);
    return say('cards')('progress', { done: String(states.filter((state) => state === 'done').length), count: String(states.length) });
  }
  const value = subject ? call.args[subject] : undefined;
  if (value) return String(value);
  return Object.keys(call.args).length ? JSON.stringify(call.args) : '';
}

function walk(name: string, value: unknown): Leaf[] {
  if (typeof value === 'string') return [{ name, text: value, kind: ofText(value) }];
  if (Array.isArray(value) && value.length) return value.flatMap((part, at) => walk(`${name}[${at}]`, part));
  if (value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length)
    return Object.entries(value).flatMap(([part, inner]) => walk(`${name}.${key(part)}`, inner));
  return [{ name, text: JSON.stringify(value), kind: '' }];
}

function key(name: string): string {
  return /^\w+$/.test(name) ? name : JSON.stringify(name);
}

function ofText(value: string): string {
  if (value === '') return say('card')('empty');
  try {
    return typeof JSON.parse(value) === 'string' ? '' : say('card')('text');
  } catch {
    return '';
  }
}

function fact(name: string, text: string): Leaf {
  return { name, text, kind: '' };
}

// Where and how it runs, beside its arguments.
function facts(call: Call, cwd: string): Leaf[] {
  const words = say('card');
  const found: Leaf[] = [];
  if (call.server) found.push(fact(words('server'), call.server), fact(words('tool'), call.name), fact(words('schema'), call.schema));
  const { execution } = call;
  if (execution) {
    found.push(
      fact(words('runsIn'), execution.folder),
      fact(words('timeLimit'), duration(execution.timeoutS)),
      fact(words('background'), words(execution.background ? 'yes' : 'no')),
      fact(words('network'), cardWord('networks', execution.network ?? 'off')),
      fact(words('sandbox'), cardWord('sandboxes', execution.sandbox)),
    );
    if (execution.programs?.length) found.push(fact(words('starts'), execution.programs.join('\n')));
  } else found.push(fact(words('workspace'), cwd));
  return found;
}

// What a write leaves in the place of what was there.
function outcome({ writing }: Call): Leaf[] {
  if (!writing) return [];
  const words = say('card');
  const before = writing.sha256Before ? words('content', { bytes: String(writing.bytesBefore ?? 0), sha256: writing.sha256Before }) : words('noFile');
  const found = [fact(words('before'), before), fact(words('after'), words('content', { bytes: String(writing.bytes), sha256: writing.sha256 }))];
  if (writing.note) found.unshift(fact(words('note'), writing.note));
  return found;
}

function missing(call: Call): string {
  if (!call.expiresAt || Number.isNaN(Date.parse(call.expiresAt))) return say('card')('noEnd');
  const { evidence } = toolOf(call.name, call.server);
  const has = { '': true, execution: Boolean(call.execution?.folder), writing: call.writing !== null, server: Boolean(call.server && call.schema) };
  return has[evidence] ? '' : cardWord('missing', evidence);
}

// Why a question cannot be allowed here, '' when it can.
export function unshown(call: Call): string {
  const problem = missing(call);
  if (problem) return problem;
  const size = leaves(call.args).reduce((sum, leaf) => sum + leaf.name.length + leaf.text.length, call.diff.length);
  if (size > CHARS_MAX) return say('card')('tooLarge', { size: String(size), most: String(CHARS_MAX) });
  return '';
}

export function isLasting(offer: Offer): boolean {
  return !ONCE.includes(offer.id);
}

export function decisionOf(offer: Offer): string {
  return DECISIONS[offer.id] ?? 'session';
}

export function isWrittenDown(offer: Offer): boolean {
  return decisionOf(offer) === 'always';
}

function duration(seconds: number): string {
  return seconds >= 3600 ? `${seconds / 3600} h` : `${seconds} s`;
}
