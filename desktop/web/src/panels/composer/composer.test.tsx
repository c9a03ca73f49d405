// @vitest-environment jsdom

import { fireEvent, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { useTestBench } from '../../testing/page';
import { Composer } from './composer';

const bench = useTestBench();
const box = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message' });
const choice = (name: string) => screen.getByRole<HTMLSelectElement>('combobox', { name });

test('each session has a draft of its own', async () => {
  bench.gateway.addSession();
  bench.gateway.addSession();
  const user = bench.draw(<Composer />);
  await bench.start();
  await user.type(box(), 'for the second');
  bench.page.open('sid1');
  await bench.pass();
  expect(box().value).toBe('');
  bench.page.open('sid2');
  await bench.pass();
  expect(box().value).toBe('for the second');
});

test('the message is sent with its button, which a blank message does not enable', async () => {
  bench.gateway.addSession();
  const user = bench.draw(<Composer />);
  await bench.start();
  const send = screen.getByRole<HTMLButtonElement>('button', { name: /Send/ });
  expect(send.disabled).toBe(true);
  await user.type(box(), 'hello');
  await user.click(send);
  await bench.pass();
  expect(bench.gateway.posted(/turns$/)).toEqual([{ text: 'hello' }]);
  expect(box().value).toBe('');
});

test('while a turn runs it can be stopped, and the next message is queued', async () => {
  const { id } = bench.gateway.addSession();
  const user = bench.draw(<Composer />);
  await bench.start();
  expect(screen.queryByRole('button', { name: /Stop/ })).toBeNull();
  bench.gateway.append(id, { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  await bench.pass();
  expect(screen.getByRole('button', { name: /Queue/ })).toBeTruthy();
  await user.click(screen.getByRole('button', { name: /Stop/ }));
  await bench.pass();
  expect(bench.gateway.posted(/stop$/)).toHaveLength(1);
});

test('what the next message runs with is that of the session, until it is changed', async () => {
  bench.gateway.addSession({ mode: 'do', level: 'L3' });
  const user = bench.draw(<Composer />);
  await bench.start();
  const shown = () => ['Mode', 'Model', 'Permission level'].map((name) => choice(name).value);
  expect(shown()).toEqual(['do', 'lmx/probe', 'L3']);
  await user.selectOptions(choice('Mode'), 'chat');
  expect(shown()).toEqual(['chat', 'lmx/probe', 'L1']);
  expect([choice('Mode'), choice('Model')].map((each) => each.classList.contains('changed'))).toEqual([true, false]);
});

test('a model that the daemon does not list is shown all the same', async () => {
  bench.gateway.addSession({ model: '' });
  bench.draw(<Composer />);
  await bench.start();
  bench.gateway.append('sid1', { event: 'session.updated', changes: { model: 'lmx/gone' } });
  await bench.pass();
  expect(choice('Model').value).toBe('lmx/gone');
});

const picture = (name: string) => new File(['png'], name, { type: 'image/png' });

test('files that are chosen, pasted or dropped go with the message, and can be taken off before', async () => {
  bench.gateway.addSession();
  const user = bench.draw(<Composer />);
  await bench.start();
  await user.upload(screen.getByLabelText('Attach files'), [picture('a.png'), picture('b.png')]);
  fireEvent.paste(box(), { clipboardData: { files: [picture('c.png')] } });
  await bench.pass();
  fireEvent.drop(screen.getByRole('group', { name: 'Composer' }), { dataTransfer: { files: [picture('d.png')] } });
  await bench.pass();
  expect(screen.getAllByRole('listitem').map((item) => item.textContent?.split(' ')[0])).toEqual(['a.png', 'b.png', 'c.png', 'd.png']);
  await user.click(screen.getByTitle('Remove b.png'));
  await user.type(box(), 'what is it?');
  await user.click(screen.getByRole('button', { name: /Send/ }));
  await bench.pass();
  const ids = ['a', 'c', 'd'].map((name) => `${name}.png-${'0'.repeat(20)}.png`);
  expect(bench.gateway.posted(/turns$/)).toEqual([{ text: 'what is it?', attachments: ids }]);
  expect(screen.queryByRole('list', { name: 'Attachments' })).toBeNull();
});

test('a file that is refused is said, and the others stay', async () => {
  bench.gateway.addSession();
  const user = bench.draw(<Composer />);
  await bench.start();
  await user.upload(screen.getByLabelText('Attach files'), picture('a.png'));
  bench.gateway.refusals['POST /v3/attachments'] = [415, 'unsupported_media_type', 'The file is a PDF document.'];
  await user.upload(screen.getByLabelText('Attach files'), picture('b.png'));
  await bench.pass();
  expect(bench.page.state.problem).toBe('The file is a PDF document.');
  expect(screen.getAllByRole('listitem')).toHaveLength(1);
});
