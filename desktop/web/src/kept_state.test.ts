import { expect, test } from 'vitest';
import { changedNames, restoredState, storedOf } from './kept_state';
import { testBench } from './testing/page';

const bench = testBench();
const NOW = new Date('2026-11-30T00:00:00Z');

test.each([undefined, null, 'x', 7, [], { sid1: 7 }])('what cannot be used (%j) is as if nothing was stored', (content) => {
  const state = restoredState(() => content, NOW);
  expect([state.drafts, state.attached, state.choices, state.bindings, state.isTelemetryOpen]).toEqual([{}, {}, {}, {}, true]);
  expect(state.remembered.folder).toBe('');
});

test('what was chosen for the next message of a session outlives a reload', () => {
  const { state } = bench.page;
  const changed = { ...state, chosen: { sid1: { level: 'L1' }, sid2: {} } };
  expect(changedNames(changed, state)).toEqual(['overrides']);
  expect(storedOf(changed, 'overrides')).toEqual({ sid1: { level: 'L1' } });
  expect(restoredState((name) => (name === 'overrides' ? { sid1: { level: 'L1' }, sid2: { level: 7 } } : undefined), NOW).chosen).toEqual({ sid1: { level: 'L1' } });
});

test('drafts and files of messages that were not begun are not stored', () => {
  const { state } = bench.page;
  const changed = { ...state, drafts: { sid1: 'begun', sid2: '' }, attached: { sid1: [] } };
  expect(changedNames(changed, state)).toEqual(['drafts', 'files']);
  expect([storedOf(changed, 'drafts'), storedOf(changed, 'files')]).toEqual([{ sid1: 'begun' }, {}]);
});
