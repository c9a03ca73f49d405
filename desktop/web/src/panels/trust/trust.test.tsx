// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { SETTLE_MS } from '../../ui/settled';
import { testBench } from '../../testing/page';
import { Trust } from './trust';

const bench = testBench();
const ASKS = { path: '/work', state: 'untrusted', needed: true, sha256: 'abc', asks: ['Allow the command `npm test`.'], changes: [], problem: '' };

async function open() {
  bench.gateway.answers['GET /v3/trust'] = ASKS;
  bench.gateway.answers['POST /v3/trust'] = { ...ASKS, state: 'trusted', needed: false };
  bench.gateway.addSession();
  const user = bench.draw(<Trust />);
  await bench.start();
  await bench.pass(SETTLE_MS);
  return user;
}

const panel = () => screen.queryByRole('region', { name: 'Trust' });

test('a folder is trusted after what its files ask for was shown', async () => {
  const user = await open();
  expect(panel()?.textContent).toContain('Allow the command `npm test`.');
  await user.click(screen.getByRole('button', { name: 'Trust this folder' }));
  await bench.pass(SETTLE_MS);
  await user.click(screen.queryByRole('button', { name: 'Trust this folder' }) ?? document.body);
  await bench.pass();
  expect(bench.gateway.posted(/trust$/)).toEqual([{ cwd: '/work', sha256: 'abc' }]);
  expect(panel()).toBeNull();
});

test('a question that was put aside comes back when the files have changed', async () => {
  const user = await open();
  await user.click(screen.getByRole('button', { name: 'Not now' }));
  await bench.pass(SETTLE_MS);
  if (panel()) await user.click(screen.getByRole('button', { name: 'Not now' }));
  expect(panel()).toBeNull();
  expect(bench.gateway.posted(/trust$/)).toEqual([]);
  bench.gateway.answers['GET /v3/trust'] = { ...ASKS, sha256: 'def' };
  await bench.page.readTrust('/work');
  await bench.pass();
  expect(panel()).not.toBeNull();
});

test('a folder that asks for nothing is not asked about', async () => {
  bench.gateway.addSession();
  bench.draw(<Trust />);
  await bench.start();
  expect(panel()).toBeNull();
});
