// @vitest-environment jsdom

import { afterEach, expect, test } from 'vitest';
import { lookOf, wear } from './look';

const SHEET = `
  :root { --canvas: black; }
  @media (prefers-color-scheme: light) { :root { --canvas: white; } }
  @media (prefers-reduced-motion: reduce) { * { animation: none; } }
  @media (prefers-reduced-motion: no-preference) { a { transition: none; } }
  @media (max-width: 720px) { a { color: red; } }
`;

function media(): string[] {
  return [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).flatMap((rule) => ('media' in rule ? [(rule as CSSMediaRule).media.mediaText] : []));
}

afterEach(() => document.head.replaceChildren());

test('a choice decides the media rules, and taking it back gives them to the system again', () => {
  const style = document.createElement('style');
  style.textContent = SHEET;
  document.head.append(style);
  const before = media();
  wear({ theme: 'light', motion: 'less', textSize: '125', density: 'compact' }, document);
  expect(media()).toEqual(['all', 'all', 'not all', '(max-width: 720px)']);
  expect(document.documentElement.style.getPropertyValue('--zoom')).toBe('1.25');
  expect(document.documentElement.dataset.density).toBe('compact');
  wear({ theme: 'dark', motion: 'system', textSize: '100', density: 'comfortable' }, document);
  expect(media()[0]).toBe('not all');
  wear(lookOf({}), document);
  expect(media()).toEqual(before);
});

test('what was stored and is unknown is as the system has it', () => {
  expect(lookOf({ theme: 'pink', motion: '', textSize: '9', density: 'dense' })).toEqual({ theme: 'system', motion: 'system', textSize: '100', density: 'comfortable' });
});
