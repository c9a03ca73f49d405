// @vitest-environment jsdom
import { fireEvent, screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { showUsage } from '../../actions/usage';
import type { UsageFigures, UsageReport } from '../../protocol';
import { testBench } from '../../testing/page';
import { amount, bare } from './amounts';
import { UsageSheet } from './usage_sheet';

const bench = testBench();
const NONE: UsageFigures = { turns: 0, unfinished: 0, promptTokens: 0, cachedTokens: 0, tokens: 0, seconds: 0, calls: 0, failed: 0, unreported: 0, cut: 0 };
const USED: UsageFigures = { ...NONE, turns: 3, promptTokens: 12_000, tokens: 345, seconds: 90, calls: 4, failed: 1 };

function report(fields: Partial<UsageReport> = {}): UsageReport {
  const byDay = ['2026-11-29', '2026-11-30'].map((name) => ({ name, ...(name === '2026-11-30' ? USED : NONE) }));
  return {
    days: 30,
    first: '2026-11-29',
    last: '2026-11-30',
    total: USED,
    byDay,
    byFolder: [{ name: '/work', ...USED }],
    byModel: [{ name: 'lmx/qwen', ...USED }],
    byTool: [{ name: 'read_file', calls: 4, failed: 1, seconds: 2 }],
    sessions: 1,
    unread: 0,
    moreFolders: 0,
    moreModels: 0,
    moreTools: 0,
    ...fields,
  };
}

async function shown(found: UsageReport): Promise<void> {
  bench.gateway.answers['GET /v3/usage'] = found;
  await bench.start();
  bench.draw(<UsageSheet />);
  await bench.act(() => void perform(bench.page, showUsage, undefined));
  await bench.pass();
}

test('tokens, time and tools are charts by day, and tables by model, folder and tool', async () => {
  await shown(report());
  for (const what of ['Tokens read', 'Tokens written', 'Time', 'Tool calls']) expect(screen.getByRole('img', { name: new RegExp(`^${what} by day: `) })).toBeTruthy();
  expect(screen.getByRole('img', { name: /^Tokens written by day: 345 in all, at most 345/ })).toBeTruthy();
  const models = screen.getAllByRole('region', { name: 'By model', hidden: true })[0]?.querySelector('table');
  expect(models?.textContent).toContain('lmx/qwen');
  expect(screen.getByRole('rowheader', { name: '/work' })).toBeTruthy();
  expect(screen.getByRole('rowheader', { name: 'read_file' })).toBeTruthy();
});

test('another period is asked for', async () => {
  await shown(report());
  fireEvent.click(within(screen.getByRole('group', { name: 'Period' })).getByRole('button', { name: '7 days' }));
  await bench.pass();
  expect(bench.page.state.usageDays).toBe(7);
  expect(screen.getByRole('button', { name: '7 days' }).getAttribute('aria-pressed')).toBe('true');
  expect(bench.gateway.requests.filter(({ path }) => path === '/v3/usage')).toHaveLength(2);
});

test('without a turn in the period it says so', async () => {
  await shown(report({ total: NONE, byDay: [], byFolder: [], byModel: [], byTool: [] }));
  expect(screen.getByText('No turn has ended in the last 30 days.')).toBeTruthy();
  expect(screen.queryByRole('img')).toBeNull();
});

test('what is not known exactly says so, in the figures and below them', async () => {
  await shown(report({ total: { ...USED, unreported: 2, cut: 1, unfinished: 1 }, unread: 1 }));
  const totals = screen.getByText('Tokens written', { selector: 'dt' }).parentElement;
  expect(totals?.textContent).toContain('≈ 345');
  expect(screen.getByText('Tokens read', { selector: 'dt' }).parentElement?.textContent).toContain('≥ 12');
  expect(screen.getByText(/2 model calls: the provider reported no tokens/)).toBeTruthy();
  expect(screen.getByText(/1 session cannot be read/)).toBeTruthy();
});

test('a daemon that cannot count says why, and is asked again', async () => {
  bench.gateway.refusals['GET /v3/usage'] = [503, 'unavailable', 'The disk is gone.'];
  await shown(report());
  expect(screen.getByRole('alert').textContent).toContain('The disk is gone.');
  delete bench.gateway.refusals['GET /v3/usage'];
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await bench.pass();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('amounts and durations are written for people', () => {
  expect([4.5, 90, 7_260].map((seconds) => bare(seconds, 'seconds'))).toEqual(['4.5 s', '1 min 30 s', '2 h 1 min']);
  expect(amount({ ...USED, cut: 1 }, 'tokens')).toBe('≥ 345');
  expect(amount({ ...USED, unreported: 1 }, 'tokens')).toBe('≈ 345');
  expect(amount(USED, 'tokens')).toBe('345');
});
