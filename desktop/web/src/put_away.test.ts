import { expect, test } from 'vitest';
import { movedBy } from './put_away';

const line = (changes: object) => JSON.stringify({ seq: 7, event: 'session.updated', sid: 'sid1', changes });

test.each([
  [{ trashed: true }, 'away'],
  [{ pruned: true }, 'away'],
  [{ archived: true }, 'archived'],
  [{ archived: false }, 'listed'],
  [{ trashed: false, pruned: false }, 'listed'],
])('%j moves a session', (changes, to) => expect(movedBy(line(changes))).toEqual({ sid: 'sid1', to }));

test.each([line({ title: '"trashed":true' }), line({ level: 'L3' }), '{"seq":1,"event":"turn.token","delta":"\\"trashed\\":true"}'])('%s moves nothing', (each) => expect(movedBy(each)).toBeNull());
