// The fixtures of both reducers: whatever a checkpoint begins with, the same comes of it.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AnyEvent } from '../protocol';
import { Transcript } from '../transcript';
import { Checkpoints, PartialFold } from './partial_fold';

const FOLDER = new URL('../../../../tests/fixtures/transcripts/', import.meta.url);
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'));

function events(text: string): AnyEvent[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as AnyEvent);
}

// What is drawn of a transcript; versions only say that something has changed.
function drawn(transcript: Transcript): unknown {
  return JSON.parse(JSON.stringify(transcript, (key, value) => (key === 'version' || key === 'byId' ? undefined : value)));
}

function folded(of: AnyEvent[], count: number): unknown {
  const transcript = new Transcript();
  for (const event of of.slice(0, count)) transcript.apply(event);
  return drawn(transcript);
}

test.each(names)('%s: from every checkpoint, any event is reached as by a fold of all before it', (name) => {
  const all = events(readFileSync(new URL(name, FOLDER), 'utf8'));
  const [fold, checkpoints] = [PartialFold.empty(), new Checkpoints(3)];
  for (const event of all) {
    fold.apply(event);
    checkpoints.note(fold);
  }
  expect(drawn(fold.transcript)).toEqual(folded(all, all.length));
  // Forth and back, so that a fold which changed what a checkpoint shares would show.
  for (const count of [...all.keys(), ...[...all.keys()].reverse()]) {
    const checkpoint = checkpoints.before(count);
    const part = checkpoint ? PartialFold.from(checkpoint) : PartialFold.empty();
    for (const event of all.slice(part.count, count)) part.apply(event);
    expect(drawn(part.transcript)).toEqual(folded(all, count));
  }
});

test('checkpoints are bounded: at more, their distance doubles', () => {
  const [fold, checkpoints] = [PartialFold.empty(), new Checkpoints(2, 4)];
  for (let at = 0; at < 100; at += 1) {
    fold.apply({ event: 'session.note', text: 'a note' } as AnyEvent);
    checkpoints.note(fold);
  }
  expect([10, 31, 40, 99].map((count) => checkpoints.before(count)?.count ?? 0)).toEqual([0, 0, 32, 96]);
});

test('turns that do not differ are shared between checkpoints', () => {
  const fold = PartialFold.empty();
  const turn = (id: string) => ({ event: 'turn.start', turn: id, text: id, role: 'user', mode: 'chat', level: 'L1' }) as AnyEvent;
  fold.apply(turn('t1'));
  const first = fold.checkpoint();
  fold.apply(turn('t2'));
  const second = fold.checkpoint();
  fold.apply({ event: 'turn.edited', turn: 't2', text: 'other' } as AnyEvent);
  const turns = ({ moment }: typeof first) => moment.turns as { id: string; text: string }[];
  expect(turns(first)[0]).toBe(turns(second)[0]);
  expect(turns(second)[1]?.text).toBe('t2');
  expect(fold.transcript.turns[1]?.text).toBe('other');
});
