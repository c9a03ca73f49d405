// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { newSession } from '../actions/sessions';
import { chooseLanguage } from '../actions/view';
import { ActionButton } from '../actions/button';
import { App } from '../app';
import { Language } from '../panels/settings/language';
import { testBench } from '../testing/page';
import { de } from './de';
import { PSEUDO_LETTER } from './pseudo';
import { speak } from './spoken';
import { useSpoken } from './strings';

const bench = testBench();
afterEach(() => speak('en'));

test('a language that is chosen shows at once, without losing what was typed', async () => {
  const user = bench.draw(
    <>
      <input aria-label="typed" />
      <ActionButton action={newSession} argument={undefined} />
    </>,
  );
  await user.type(screen.getByLabelText('typed'), 'kept');
  await bench.act(() => void speak('de'));
  await bench.pass();
  expect(screen.getByRole('button').firstChild?.textContent).toBe('Neue Sitzung');
  expect((screen.getByLabelText('typed') as HTMLInputElement).value).toBe('kept');
});

test('the settings offer each language by its name in itself, and the choice is kept in this browser', async () => {
  const user = bench.draw(<Language />);
  await user.click(screen.getByRole('combobox', { name: 'Language of the page' }));
  expect((await screen.findAllByRole('option')).map((option) => option.textContent)).toEqual(expect.arrayContaining(['English', 'Deutsch']));
  await user.click(screen.getByRole('option', { name: 'Deutsch' }));
  await bench.pass();
  expect(bench.stored.choices).toEqual({ language: 'de' });
});

test('the choice of a language is an action', async () => {
  await bench.act(() => void chooseLanguage.run(bench.page, 'system'));
  expect(bench.page.state.choices.language).toBe('system');
});

function Direction() {
  return <p>{useSpoken().direction}</p>;
}

test('texts from right to left turn the whole page', async () => {
  bench.draw(<Direction />);
  await bench.act(() => void speak('pseudo-rtl'));
  await bench.pass();
  expect(screen.getByText('rtl')).toBeTruthy();
});

test('the main window has no text outside the catalogue', async () => {
  await speak('pseudo');
  const { id } = bench.gateway.addSession({ title: 'Titel' });
  await bench.start(`#/s/${id}`);
  bench.draw(<App />);
  await bench.pass();
  expect(foreign(document.body)).toEqual([]);
});

test('the main window is German where German is chosen', async () => {
  await speak('de');
  await bench.start();
  bench.draw(<App />);
  await bench.pass();
  expect(within(screen.getByRole('banner')).getByText(de.header.search, { exact: false })).toBeTruthy();
  expect(screen.getByRole('textbox', { name: de.composer.message })).toBeTruthy();
});

// What is shown or read aloud and is neither from the catalogue nor a person's, a program's or a unit's own.
const SAME_EVERYWHERE = /^(Opta|LMX|LMX · probe|Titel( ·)?|◆ Opta|\/?work|gateway|sessions|agent|tools|lmx|desktop|[^\p{L}]*|[\d.,]+ ?(ms|s|min|h|B|kB|MB|GB|MiB|GiB|k))$/u;

function foreign(root: Element): string[] {
  const found: string[] = [];
  for (const element of root.querySelectorAll('*')) {
    if (element.closest('code, pre, kbd, [lang="en"], script, style')) continue;
    const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent ?? '');
    texts.push(...['aria-label', 'title', 'placeholder', 'alt', 'aria-valuetext'].map((name) => element.getAttribute(name) ?? ''));
    found.push(...texts.map((text) => text.trim()).filter((text) => /\p{L}{2}/u.test(text) && !PSEUDO_LETTER.test(text) && !SAME_EVERYWHERE.test(text)));
  }
  return found;
}
