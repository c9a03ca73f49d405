// A permission question as what a person has to see: every argument, where it runs, until when, or why it cannot be allowed.

import type { Offer } from '../../protocol';
import type { Call } from '../../transcript';

export interface Leaf {
  name: string;
  text: string;
  // What the text does not say by itself: that it is empty, or a text that looks like a number.
  kind: string;
}

// More than a browser draws in one card.
const CHARS_MAX = 4_000_000;
const FIRST = ['command', 'path', 'url'];
const WRITES = ['write_file', 'edit_file', 'multi_edit'];
const NETWORK: Record<string, string> = { off: 'no', list: 'only the hosts that are allowed', on: 'yes' };
const SANDBOX: Record<string, string> = { full: 'full', landlock: 'landlock (control files are not protected)', none: 'none: nothing holds it back' };
// These hold for this call alone; every other offer lasts, and is shown in words before it is given.
const ONCE = ['network'];
const DECISIONS: Record<string, string> = { always: 'always', prefix: 'always', network: 'allow' };

// Every argument, whole: one leaf for each value that holds no others.
export function leaves(args: Record<string, unknown>): Leaf[] {
  const names = Object.keys(args).sort((a, b) => rank(a) - rank(b));
  return names.flatMap((name) => walk(key(name), args[name]));
}

function rank(name: string): number {
  const at = FIRST.indexOf(name);
  return at < 0 ? FIRST.length : at;
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
  if (value === '') return 'empty text';
  try {
    return typeof JSON.parse(value) === 'string' ? '' : 'text';
  } catch {
    return '';
  }
}

function fact(name: string, text: string): Leaf {
  return { name, text, kind: '' };
}

// Where and how it runs, beside its arguments.
export function facts(call: Call, cwd: string): Leaf[] {
  const found: Leaf[] = [];
  if (call.server) found.push(fact('server', call.server), fact('tool', call.name), fact('description sha256', call.schema));
  const { execution } = call;
  if (execution) {
    found.push(
      fact('runs in', execution.folder),
      fact('time limit', duration(execution.timeoutS)),
      fact('in the background', execution.background ? 'yes' : 'no'),
      fact('network', NETWORK[execution.network ?? 'off'] ?? String(execution.network)),
      fact('sandbox', SANDBOX[execution.sandbox] ?? execution.sandbox),
    );
    if (execution.programs?.length) found.push(fact('starts', execution.programs.join('\n')));
  } else found.push(fact('workspace', cwd));
  return found;
}

// What a write leaves in the place of what was there.
export function outcome({ writing }: Call): Leaf[] {
  if (!writing) return [];
  const before = writing.sha256Before ? `${writing.bytesBefore ?? 0} bytes, sha256 ${writing.sha256Before}` : 'no file';
  const found = [fact('before', before), fact('after', `${writing.bytes} bytes, sha256 ${writing.sha256}`)];
  if (writing.note) found.unshift(fact('note', writing.note));
  return found;
}

// Why a question cannot be allowed, '' when it can.
export function unshown(call: Call): string {
  if (!call.expiresAt || Number.isNaN(Date.parse(call.expiresAt))) return 'The question does not say until when it can be answered.';
  if (call.name === 'run_command' && !call.execution?.folder) return 'It is not known where and how the command would run.';
  if (WRITES.includes(call.name) && !call.writing) return 'The change cannot be shown.';
  if (call.name.startsWith('mcp__') && !(call.server && call.schema)) return 'It is not known which server offers this tool.';
  const size = leaves(call.args).reduce((sum, leaf) => sum + leaf.name.length + leaf.text.length, call.diff.length);
  if (size > CHARS_MAX) return `The call is too large to be shown whole (${size} characters, at most ${CHARS_MAX}).`;
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

export function msLeft(call: Call, now: number): number {
  return Date.parse(call.expiresAt) - now;
}

export function clock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

// What became of a question that is asked no more.
export function ending(call: Call, hasTurnEnded: boolean): string {
  if (call.decidedBy === 'timeout') return 'Nobody answered in time, so it was not run.';
  if (call.decidedBy) return `Answered in ${call.client || 'another place'}: ${call.state === 'denied' ? 'denied' : 'allowed'}.`;
  return hasTurnEnded ? 'The turn has ended, so the question is void.' : 'It is asked no more.';
}

function duration(seconds: number): string {
  return seconds >= 3600 ? `${seconds / 3600} h` : `${seconds} s`;
}
