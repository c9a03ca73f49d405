import { expect, test, vi } from 'vitest';
import { testBench } from '../testing/page';
import { perform } from './action';
import { exportHtml, exportJson, exportMarkdown } from './exports';

const bench = testBench();

test.each([
  ['markdown', exportMarkdown, 'opta-sid1.md'],
  ['json', exportJson, 'opta-sid1.json'],
  ['html', exportHtml, 'opta-sid1.html'],
] as const)('the open session as %s is a file with its name', async (format, action, name) => {
  bench.gateway.addSession();
  await bench.start();
  const asked = vi.spyOn(globalThis, 'fetch');
  await perform(bench.page, action, undefined);
  expect(bench.saved).toEqual([name]);
  expect(String(asked.mock.calls.at(-1)?.[0])).toContain(`/v3/sessions/sid1/export?format=${format}`);
});

test('without an open session there is nothing to export', async () => {
  await bench.start();
  expect(await perform(bench.page, exportMarkdown, undefined)).toBe(false);
});
