// The cards of tests/fixtures/cards.json, which opta_protocol/tools/card.py built: the page builds the same of the same requests.

import { describe, expect, test } from 'vitest';
import examples from '../../../../../tests/fixtures/cards.json';
import { cardOf, leaves, summary } from './question';
import { type Call, Transcript } from '../../transcript';

interface Example {
  request: { name: string; args: Record<string, unknown> };
  card: object;
}

const EXAMPLES: Example[] = examples;

function asked(request: Example['request'] & Record<string, unknown>): Call {
  const transcript = new Transcript();
  const common = { sid: 'abcdef', turn: 't1' };
  const events = [
    { event: 'session.start', sid: 'abcdef', title: '', cwd: '/work', mode: 'do', level: 'L2' },
    { event: 'turn.start', ...common, role: 'user', text: 'go', mode: 'do', level: 'L2' },
    { event: 'step.start', ...common, step: 1, provider: 'p', model: 'm', attempt: 1 },
    { event: 'tool.call', ...common, callId: 'c1', name: request.name, args: request.args, risk: 'execute', step: 1 },
    request,
  ];
  events.forEach((event, at) => transcript.apply({ seq: at + 1, ...event } as never));
  const call = transcript.asking()[0]?.call;
  if (!call) throw new Error('nothing is asked');
  return call;
}

describe('the card', () => {
  test('there are examples', () => expect(EXAMPLES.length).toBeGreaterThan(40));
  test.each(EXAMPLES.map((example, at) => [`${at} ${example.request.name}`, example] as const))('is the one of the terminal: %s', (_, { request, card }) => {
    expect(cardOf(asked(request), '/work')).toEqual(card);
  });

  test('of an MCP tool, and the line of its call, hold all of its arguments', () => {
    const call = asked({ event: 'permission.request', ...BASE, name: 'mcp__files__move', args: { path: 'a', target: 'b' }, server: 'files', schema: 'ab' });
    expect(summary(call)).toBe('{"path":"a","target":"b"}');
    expect(leaves(call.args).map((leaf) => leaf.text)).toEqual(['a', 'b']);
  });
});

const BASE = { sid: 'abcdef', turn: 't1', requestId: 'r1', callId: 'c1', reason: 'r', rule: 'r', layer: 'user', expiresAt: '2999-01-01T00:00:00Z' };
