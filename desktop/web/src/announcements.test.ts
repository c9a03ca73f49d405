import { expect, test } from 'vitest';
import { announcementOf } from './announcements';
import type { AnyEvent } from './protocol';

const event = (fields: object) => fields as AnyEvent;

test.each<[string, AnyEvent, unknown]>([
  ['a call that asks, by what it does', event({ event: 'permission.request', name: 'run_command', args: { command: 'npm test' } }), { key: 'permission', values: { call: 'Run npm test' } }],
  ['a call of a server', event({ event: 'permission.request', name: 'mcp__a__b', server: 'a', args: { x: 1 } }), { key: 'permission', values: { call: 'a: b' } }],
  ['characters that hide, as their code', event({ event: 'permission.request', name: 'run_command', args: { command: 'a\u202eb' } }), { key: 'permission', values: { call: 'Run a\\u202eb' } }],
  ['the first step', event({ event: 'step.start', step: 1 }), { key: 'answering' }],
  ['no further step', event({ event: 'step.start', step: 2 }), null],
  ['no token', event({ event: 'turn.token', delta: 'x' }), null],
  ['no output of a tool', event({ event: 'tool.output', delta: 'x' }), null],
  ['a turn that met a limit', event({ event: 'turn.done', finish: 'max_steps', tokens: 1, tools: 2 }), { key: 'limited', values: { tokens: 1, tools: 2 } }],
  ['a turn that was stopped', event({ event: 'session.cancelled' }), { key: 'stopped' }],
])('%s', (_, each, announced) => expect(announcementOf(each)).toEqual(announced));

test('a long command is cut', () => {
  const found = announcementOf(event({ event: 'permission.request', name: 'run_command', args: { command: 'x'.repeat(500) } }));
  expect(found).toMatchObject({ key: 'permission' });
  expect(JSON.stringify(found).length).toBeLessThan(140);
});
