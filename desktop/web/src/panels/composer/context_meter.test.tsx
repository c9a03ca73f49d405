// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { Composer } from './composer';

const bench = testBench();
const DONE = { event: 'turn.done', turn: 't1', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'stop', contextLimit: 32_000 };
const meter = () => screen.queryByRole('meter', { name: 'Context' });

async function drawn(contextUsed: number, more: Record<string, unknown>[] = []) {
  const { id } = bench.gateway.addSession();
  const user = bench.draw(<Composer />);
  await bench.start();
  bench.gateway.append(id, { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  bench.gateway.append(id, { ...DONE, contextUsed });
  for (const event of more) bench.gateway.append(id, event);
  await bench.pass();
  return user;
}

test.each<[number, string, string, string | null]>([
  [1_000, 'dim', '1k / 32k', null],
  [26_800, 'warn', '26.8k / 32k', null],
  [30_500, 'err', '! 30.5k / 32k', 'The context is nearly full.'],
  [40_000, 'err', '! 40k / 32k', 'The conversation is larger than the context of lmx/probe: 40k of 32k tokens.'],
])('%d tokens of 32,000', async (used, tone, text, warning) => {
  await drawn(used);
  expect(meter()?.classList.contains(tone)).toBe(true);
  expect(meter()?.textContent).toBe(text);
  expect(meter()?.getAttribute('aria-valuetext')).toBe(`${used.toLocaleString('en')} of 32,000 tokens of the model’s context`);
  expect(screen.queryByText(/context is nearly full|larger than the context/)?.textContent ?? null).toEqual(warning === null ? null : expect.stringContaining(warning));
});

test('a nearly full context is compacted with one button', async () => {
  const user = await drawn(31_000);
  await user.click(screen.getByRole('button', { name: 'Compact' }));
  await bench.pass();
  expect(bench.gateway.posted(/compact$/)).toHaveLength(1);
});

test('another model has another limit', async () => {
  bench.gateway.models = bench.gateway.models.map((model) => (model.id === 'lmx/qwen' ? { ...model, contextLimit: 8_000 } : model));
  await drawn(10_000);
  bench.page.set({ overrides: { model: 'lmx/qwen' } });
  await bench.pass();
  expect(meter()?.textContent).toBe('! 10k / 8k');
});

test('a cleared context is empty, and the size of a compacted one is known after the next turn', async () => {
  await drawn(20_000, [{ event: 'session.cleared', upTo: 3 }]);
  expect(meter()?.textContent).toBe('0 / 32k');
  bench.gateway.append('sid1', { event: 'turn.start', turn: 't2', role: 'user', text: '', mode: 'chat', level: 'L1', compact: true });
  bench.gateway.append('sid1', { event: 'context.compacted', turn: 't2', before: 20_000, after: 900, summary: 's', upTo: 3 });
  await bench.pass();
  expect([meter(), screen.getByText('– / 32k')]).toEqual([null, expect.anything()]);
});
