// @vitest-environment jsdom

import { render, screen } from '@testing-library/react';
import { IntlProvider } from 'use-intl';
import { expect, test } from 'vitest';
import { PageProvider } from '../hooks';
import { en } from '../strings/en';
import { testBench } from '../testing/page';
import { ActionButton } from './button';
import { newSession, searchSessions } from './sessions';

const bench = testBench();

test('an action speaks the language of the catalogue, and English where that has no words', () => {
  const messages = { ...en, actions: { session: { new: { name: 'Ñéŵ šéššîöñ', label: 'Ñéŵ' } } } };
  render(
    <IntlProvider locale="en" messages={messages}>
      <PageProvider page={bench.page}>
        <ActionButton action={newSession} argument={undefined} />
        <ActionButton action={searchSessions} argument={undefined} />
      </PageProvider>
    </IntlProvider>,
  );
  expect(screen.getAllByRole('button').map((button) => button.firstChild?.textContent)).toEqual(['Ñéŵ', searchSessions.label]);
});

test('the keys of an action are said to assistive programs as they are', () => {
  bench.page.set({ bindings: { 'session.search': [] } });
  bench.draw(
    <>
      <ActionButton action={newSession} argument={undefined} />
      <ActionButton action={searchSessions} argument={undefined} />
    </>,
  );
  expect(screen.getAllByRole('button').map((button) => button.getAttribute('aria-keyshortcuts'))).toEqual(['Control+N Alt+N', null]);
});
