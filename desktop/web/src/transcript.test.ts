// The fixtures of tests/core/test_transcript.py: both reducers give the same result.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { AnyEvent } from './protocol';
import { Transcript } from './transcript';

const FOLDER = new URL('../../../tests/fixtures/transcripts/', import.meta.url);
const names = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.jsonl'))
  .map((name) => name.replace('.jsonl', ''));

// The fixtures leave out what only the page has.
function plain(transcript: Transcript): unknown {
  return JSON.parse(JSON.stringify(transcript, (key, value) => (key === 'byId' || key === 'version' ? undefined : value)));
}

describe('fold', () => {
  test('there are fixtures', () => expect(names.length).toBeGreaterThanOrEqual(4));
  test.each(names)('%s', (name) => {
    const transcript = new Transcript();
    for (const line of readFileSync(new URL(`${name}.jsonl`, FOLDER), 'utf8')
      .trim()
      .split('\n'))
      transcript.apply(JSON.parse(line) as AnyEvent);
    expect(plain(transcript)).toEqual(JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')));
  });
  test.each(names)('%s, restored at every line and continued', (name) => {
    const lines = readFileSync(new URL(`${name}.jsonl`, FOLDER), 'utf8').trim().split('\n');
    const whole = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));
    const before = new Transcript();
    for (const [at, line] of lines.entries()) {
      before.apply(JSON.parse(line) as AnyEvent);
      const restored = Transcript.from(plain(before) as Record<string, unknown>);
      for (const later of lines.slice(at + 1)) restored.apply(JSON.parse(later) as AnyEvent);
      expect(plain(restored)).toEqual(whole);
    }
  });
});
