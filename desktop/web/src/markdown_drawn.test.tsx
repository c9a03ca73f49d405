// @vitest-environment jsdom
// Markdown as it is drawn: what GitHub's form of it says, and nothing of it run.

import { screen } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { Markdown } from './markdown';
import { testBench } from './testing/page';

const bench = testBench();

function html(text: string): string {
  bench.draw(<Markdown text={text} />);
  return document.querySelector('.markdown')?.innerHTML ?? '';
}

test('a table keeps its alignment, and a pipe that is escaped', () => {
  const drawn = html('| a | b | c |\n|:--|:-:|--:|\n| x \\| y | `p\\|q` | 3 |');
  expect(drawn).toContain('<td data-align="left" dir="auto">x | y</td><td data-align="center" dir="auto"><code dir="ltr">p|q</code></td><td data-align="right" dir="auto">3</td>');
});

test('a table that would hold the page for seconds is shown as its text', () => {
  const wide = `${'|a'.repeat(2000)}|\n${'|-'.repeat(2000)}|\n${`${'|b'.repeat(2000)}|\n`.repeat(2)}`;
  html(wide);
  expect(document.querySelector('table')).toBeNull();
  expect(document.querySelector('.markdown')?.textContent).toContain('|a|a|a');
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

test.each([
  ['[text](https://example.test/a)', 'https://example.test/a', 'text (example.test)'],
  ['<https://example.test/a>', 'https://example.test/a', 'https://example.test/a'],
  ['www.example.test', 'http://www.example.test', 'www.example.test'],
  ['me@example.test', 'mailto:me@example.test', 'me@example.test'],
  ['[write me](mailto:me@example.test)', 'mailto:me@example.test', 'write me (me@example.test)'],
  ['[https://bank.test](https://evil.test)', 'https://evil.test', 'https://bank.test (evil.test)'],
  ['[**bold** `code`](https://example.test)', 'https://example.test', 'bold code (example.test)'],
  ['![a cat](https://example.test/cat.png)', 'https://example.test/cat.png', 'image: a cat (example.test)'],
  ['[named][n]\n\ntext\n\nmore\n\n[n]: https://example.test', 'https://example.test', 'named (example.test)'],
])('%j is a link to %j that shows %j', (text, href, shown) => {
  html(text);
  const [link] = screen.getAllByRole<HTMLAnchorElement>('link');
  expect([link?.getAttribute('href'), link?.textContent, link?.target, link?.rel]).toEqual([href, shown, '_blank', 'noreferrer noopener']);
});

test.each(['[a](javascript:alert(1))', '[a](data:text/html,x)', '[a](src/main.ts)', '![x](file:///etc/passwd)', '[a](JaVaScRiPt:x)', '[a](vbscript:x)'])('%j leads nowhere, and says where it would', (text) => {
  html(text);
  expect(screen.queryByRole('link')).toBeNull();
  expect(document.querySelector('img, iframe, script')).toBeNull();
  expect(document.querySelector('.markdown')?.textContent).toContain(/\((.*)\)$/.exec(text)?.[1]);
});

test('a footnote is a number beside the text, and its words where they are defined; one without words stays as it is', () => {
  html('One[^1] and two[^no].\n\n[^1]: The *first*\nnote.\n\nEnd.');
  expect(document.querySelector('.markdown')?.textContent).toBe('One1footnote 1 and two[^no].1 The first\nnote.End.');
});

test('what hides or reorders text in code is drawn as its code', () => {
  html('`a\u202eb`\n\n```\nif\u200b (x\u2066) {}\n```');
  expect([...document.querySelectorAll('.escape')].map((each) => each.textContent)).toEqual(['\\u202e', '\\u200b', '\\u2066']);
});

test('rules, struck words, headings, line breaks and numbered lists are drawn', () => {
  const drawn = html('# One\n\nSetext\n---\n\n***\n\n~~gone~~ a<br>b\n\n7. seven\n8. eight');
  expect(drawn).toContain('<h3 dir="auto">One</h3><h4 dir="auto">Setext</h4><hr><p dir="auto"><del>gone</del> a<br>b</p><ol start="7">');
});
