// @vitest-environment jsdom
import { render } from '@testing-library/react';
import { expect, test } from 'vitest';
import { KeptSelection } from './kept_selection';

const selected = () => String(document.getSelection());

test('what is selected stays selected while the text grows and its elements are replaced', () => {
  const drawn = (text: string, key: string) => (
    <KeptSelection>
      <p key={key}>{text}</p>
    </KeptSelection>
  );
  const { container, rerender } = render(drawn('one two three', 'a'));
  const text = container.querySelector('p')?.firstChild as Text;
  document.getSelection()?.setBaseAndExtent(text, 4, text, 7);
  rerender(drawn('one two three four', 'a'));
  expect(selected()).toBe('two');
  rerender(drawn('one two three four five', 'b'));
  expect(selected()).toBe('two');
});

test('a selection elsewhere is left alone', () => {
  const drawn = (text: string) => (
    <>
      <b>beside</b>
      <KeptSelection>{text}</KeptSelection>
    </>
  );
  const { container, rerender } = render(drawn('one'));
  document.getSelection()?.selectAllChildren(container.querySelector('b') as Element);
  rerender(drawn('one two'));
  expect(selected()).toBe('beside');
});
