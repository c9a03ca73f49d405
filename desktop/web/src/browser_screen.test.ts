// @vitest-environment jsdom
// The address of the page, between the person who goes somewhere and the page that writes where it is.

import { expect, test } from 'vitest';
import { browserScreen } from './browser_screen';

const heard = () => new Promise((resolve) => window.addEventListener('hashchange', resolve, { once: true }));

test('the page writes where it is', () => {
  browserScreen.go({ view: 'session', sid: 'aaaaaa' });
  expect(location.hash).toBe('#/s/aaaaaa');
  browserScreen.go({ view: 'new' });
  expect(location.hash).toBe('#/new');
});

test('an address that the page has not heard of yet is not written over', async () => {
  browserScreen.go({ view: 'session', sid: 'aaaaaa' });
  await heard();
  location.hash = '#/s/bbbbbb';
  browserScreen.go({ view: 'session', sid: 'cccccc' });
  expect(location.hash).toBe('#/s/bbbbbb');
  await heard();
  browserScreen.go({ view: 'session', sid: 'cccccc' });
  expect(location.hash).toBe('#/s/cccccc');
});
