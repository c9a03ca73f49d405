// @vitest-environment jsdom

import { fireEvent, screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { Composer } from './composer';

const bench = testBench();
const box = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message' });
const send = () => screen.getByRole<HTMLButtonElement>('button', { name: /Send/ });
const chips = () => screen.queryAllByRole('listitem').map((item) => item.textContent);
const picture = (name: string) => new File(['png'], name, { type: 'image/png' });
const pasted = (text: string) => ({ clipboardData: { files: [], getData: () => text } });

async function drawn() {
  bench.gateway.addSession();
  const user = bench.draw(<Composer />);
  await bench.start();
  return user;
}

test('files that are chosen, pasted or dropped go with the message, and can be taken off before', async () => {
  const user = await drawn();
  await user.upload(screen.getByLabelText('Attach files'), [picture('a.png'), picture('b.png')]);
  fireEvent.paste(box(), { clipboardData: { files: [picture('c.png')] } });
  await bench.pass();
  const dragged = { dataTransfer: { types: ['Files'], files: [picture('d.png')] } };
  fireEvent.dragOver(document.body, dragged);
  expect(screen.getByText('Drop the files to attach them.')).toBeTruthy();
  fireEvent.drop(document.body, dragged);
  await bench.pass();
  expect(screen.getAllByRole('listitem').map((item) => item.querySelector('img')?.getAttribute('src'))).toEqual(Array(4).fill('blob:preview'));
  await user.click(screen.getByRole('button', { name: 'Remove b.png' }));
  expect(send().disabled).toBe(true);
  expect(screen.getByText('Say what to do with the files.')).toBeTruthy();
  await user.type(box(), 'what is it?');
  await user.click(send());
  await bench.pass();
  const ids = ['a', 'c', 'd'].map((name) => `${name}.png-${'0'.repeat(20)}.png`);
  expect(bench.gateway.posted(/turns$/)).toEqual([{ text: 'what is it?', attachments: ids }]);
  expect(screen.queryByRole('list', { name: 'Attachments' })).toBeNull();
});

test('a file that is refused says why by its name, and keeps the message from being sent without it', async () => {
  const user = await drawn();
  await user.type(box(), 'look');
  bench.gateway.refusals['POST /v3/attachments'] = [415, 'unsupported_media_type', 'The file is a PDF document.'];
  await user.upload(screen.getByLabelText('Attach files'), picture('b.pdf'));
  await bench.pass();
  expect(within(screen.getByRole('listitem')).getByRole('alert').textContent).toContain('b.pdf was not attached: The file is a PDF document.');
  expect(send().disabled).toBe(true);
  delete bench.gateway.refusals['POST /v3/attachments'];
  await user.click(screen.getByRole('button', { name: /Try again/ }));
  await bench.pass();
  expect([screen.queryByRole('alert'), send().disabled]).toEqual([null, false]);
});

test('a file that is too large is not sent to the daemon, and the others stay', async () => {
  const user = await drawn();
  const large = Object.defineProperty(picture('large.png'), 'size', { value: 17 * 1024 ** 2 });
  await user.upload(screen.getByLabelText('Attach files'), [picture('a.png'), large]);
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('large.png was not attached: It has 17 MiB; the most is 16 MiB.');
  expect(bench.gateway.requests.filter(({ path }) => path === '/v3/attachments')).toHaveLength(1);
  expect(screen.queryByRole('button', { name: /Try again/ })).toBeNull();
});

test('the same file twice is one', async () => {
  const user = await drawn();
  await user.upload(screen.getByLabelText('Attach files'), [picture('a.png'), picture('a.png')]);
  await bench.pass();
  expect(chips()).toHaveLength(1);
});

test('a long text that is pasted becomes a file, and can go back into the message', async () => {
  const user = await drawn();
  const text = 'line\n'.repeat(100_000);
  expect(fireEvent.paste(box(), pasted('short'))).toBe(true);
  expect(fireEvent.paste(box(), pasted(text))).toBe(false);
  await bench.pass();
  expect([chips().length, box().value]).toEqual([1, '']);
  expect(screen.getByText('pasted-1.txt')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: /Paste as text/ }));
  expect([chips().length, box().value.length]).toEqual([0, text.length]);
  expect(screen.getByText(/at most 400,000 characters, and this one has 500,000/)).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Attach it as a file' }));
  await bench.pass();
  expect([chips().length, box().value]).toEqual([1, '']);
});

test('files that the daemon has outlive a reload of the window', async () => {
  const user = await drawn();
  await user.upload(screen.getByLabelText('Attach files'), picture('a.png'));
  await bench.pass();
  expect(bench.stored.files).toMatchObject({ sid1: [{ name: 'a.png' }] });
});
