// @vitest-environment jsdom
// Markdown as it is drawn: what GitHub's form of it says, and nothing of it run.

import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { Markdown } from './markdown';
import { useTestBench } from './testing/page';

const bench = useTestBench();

function html(text: string): string {
  bench.draw(<Markdown text={text} />);
  return document.querySelector('.markdown')?.innerHTML ?? '';
}

test('a table keeps its alignment, and a pipe that is escaped', () => {
  const drawn = html('| a | b | c |\n|:--|:-:|--:|\n| x \\| y | `p\\|q` | 3 |');
  expect(drawn).toContain('<td class="align-left" dir="auto">x | y</td><td class="align-center" dir="auto"><code>p|q</code></td><td class="align-right" dir="auto">3</td>');
});

test('tasks have boxes, done or not', () => {
  html('- [x] one\n- [ ] two\n- three');
  expect(screen.getAllByRole('checkbox').map((box) => [(box as HTMLInputElement).checked, (box as HTMLInputElement).disabled])).toEqual([[true, true], [false, true]]);
  expect(screen.getAllByRole('listitem').map((item) => item.textContent?.trim())).toEqual(['one', 'two', 'three']);
});

test.each([
  ['&copy; &amp; &#169; &#xA9; &nosuch; &lt;b&gt;', '© & © © &nosuch; <b>'],
  ['`&amp;` stays', '&amp; stays'],
  ['<b>raw</b> & <script>x()</script>', '<b>raw</b> & <script>x()</script>'],
  ['&#0; &#xD800; &#1114112;', '� � �'],
])('%j is shown as %j', (text, shown) => {
  html(text);
  expect(document.querySelector('.markdown')?.textContent?.trim()).toBe(shown);
});

test('text in another direction is drawn in its direction', () => {
  expect(html('שלום\n\n- مرحبا')).toContain('<p dir="auto">שלום</p><ul><li dir="auto">');
});

test('code has its language and is copied whole', async () => {
  const user = bench.draw(<Markdown text={'```ts\nconst a = "<&>";\n```'} />);
  expect(screen.getByText('ts')).toBeTruthy();
  const writeText = vi.fn(() => Promise.resolve());
  vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText } });
  await user.click(screen.getByRole('button', { name: 'Copy ts code' }));
  await bench.pass();
  expect(writeText).toHaveBeenCalledWith('const a = "<&>";');
});
