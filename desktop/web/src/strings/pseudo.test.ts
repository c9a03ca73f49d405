import { parse } from '@formatjs/icu-messageformat-parser';
import { expect, test } from 'vitest';
import { en } from './en';
import { declaredActions, pseudo, pseudoCatalogue } from './pseudo';

test('a text becomes accented, longer and bracketed, and its values, tags and branches stay', () => {
  expect(pseudo('Read')).toBe('⟦Ŕéàð~~⟧');
  expect(pseudo('{count, plural, one {# file} other {# files}} of <b>{path}</b>')).toBe('⟦{count, plural, one {# ƒîļé} other {# ƒîļéš}} öƒ <b>{path}</b>~~~~~⟧');
  expect(pseudo(' · reads only')).toBe(' ⟦· ŕéàðš öñļý~~~~⟧');
});

test('a text that shows only values stays as it is', () => {
  expect(pseudo('{names}')).toBe('{names}');
  expect(pseudo('–')).toBe('–');
});

test('every English text is still a message after it was changed', () => {
  const texts = textsOf(pseudoCatalogue());
  expect(texts.length).toBeGreaterThan(textsOf(en).length);
  expect(texts.filter((text) => !isMessage(text))).toEqual([]);
});

test('every action of the page is found', () => {
  const ids = declaredActions().map(({ id }) => id);
  expect(ids).toContain('view.look');
  expect(ids).toContain('session.open-9');
  expect(ids).toContain('worktree.drop');
});

function textsOf(texts: object): string[] {
  return Object.values(texts).flatMap((each) => (typeof each === 'string' ? [each] : textsOf(each)));
}

function isMessage(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
