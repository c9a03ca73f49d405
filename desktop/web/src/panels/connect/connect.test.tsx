// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { App } from '../../app';
import { testBench } from '../../testing/page';

const bench = testBench();

test('a code that is refused says why beside the field, and another one can be tried', async () => {
  bench.hasKey = false;
  const user = bench.draw(<App />);
  await bench.start();
  await bench.pass(2_000);
  bench.page.report(new Error('This launch code was used or is old. Open the page again: opta open'));
  await bench.pass();
  expect(screen.getAllByRole('alert').map((alert) => alert.textContent)).toEqual(['This launch code was used or is old. Open the page again: opta open']);
  const field = screen.getByRole('textbox', { name: 'Address or code' });
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Connect' }).disabled).toBe(true);
  await user.type(field, 'another');
  await user.click(screen.getByRole('button', { name: 'Connect' }));
  await bench.pass();
  expect([bench.redeemed, screen.queryByRole('alert')]).toEqual([['another'], null]);
});
