// @vitest-environment jsdom
import { fireEvent, screen, within } from '@testing-library/react';
import { beforeEach, expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { togglePlayback } from '../../actions/playback';
import { App } from '../../app';
import { testBench } from '../../testing/page';
import type { Playback } from '../../playback/playback';
import { clockTime, span } from './times';

const bench = testBench();
const AT = Date.UTC(2026, 10, 30, 8);

beforeEach(() => {
  // The virtualised list needs something that has a size.
  Element.prototype.scrollTo ??= () => undefined;
});

async function begun(): Promise<Playback> {
  const { id } = bench.gateway.addSession({ title: 'past' });
  const append = (event: Record<string, unknown>, s: number) => bench.gateway.append(id, { ...event, turn: 't1', ts: new Date(AT + s * 1_000).toISOString() } as Record<string, unknown>);
  append({ event: 'turn.start', role: 'user', text: 'Look at it', mode: 'do', level: 'L2' }, 0);
  append({ event: 'step.start', step: 1, provider: 'lmx', model: 'probe', attempt: 1 }, 1);
  append({ event: 'tool.call', callId: 'c1', name: 'run_command', args: { command: 'make' }, risk: 'execute', step: 1 }, 1);
  append({ event: 'permission.request', callId: 'c1', requestId: 'r1', name: 'run_command', args: { command: 'make' }, reason: '', rule: '', layer: '', expiresAt: '' }, 2);
  append({ event: 'permission.decision', callId: 'c1', requestId: 'r1', decision: 'allow', by: 'client' }, 602);
  append({ event: 'tool.result', callId: 'c1', ok: true, content: 'made' }, 603);
  append({ event: 'turn.done', tokens: 1, elapsed: 3, tokensPerSec: 1, tools: 1, steps: 1, finish: 'stop' }, 604);
  await bench.start(id);
  await bench.pass();
  bench.draw(<App />);
  await perform(bench.page, togglePlayback, undefined);
  await bench.pass(50);
  const playback = bench.page.state.playback as Playback;
  await bench.act(() => playback.pause());
  return playback;
}

test('a replay is marked as one, and nothing can be answered, sent or undone in it', async () => {
  const playback = await begun();
  await bench.act(() => void playback.seek(5));
  await bench.pass(50);
  const bar = screen.getByRole('region', { name: 'Replay' });
  expect(within(bar).getByText('Turn 1 of 1')).toBeTruthy();
  expect(within(bar).getByText('permission.request')).toBeTruthy();
  expect(screen.queryByRole('textbox', { name: 'Message' })).toBeNull();
  expect(screen.queryByRole('button', { name: /Allow|Deny|Fork|Try again|Undo/ })).toBeNull();
  await bench.act(() => void playback.seek(8));
  await bench.pass(50);
  expect(screen.queryByRole('button', { name: /Fork|Ask again|Undo/ })).toBeNull();
});

test('the slider and the buttons move it, and its position is read aloud in words', async () => {
  const playback = await begun();
  const slider = screen.getByRole('slider', { name: 'Position in the replay' });
  fireEvent.change(slider, { target: { value: String(playback.timetable.duration) } });
  await bench.pass(50);
  expect(playback.state.at).toBe(8);
  expect(slider.getAttribute('aria-valuetext')).toContain('Turn 1 of 1');
  fireEvent.click(screen.getByRole('button', { name: 'One event back' }));
  await bench.pass(50);
  expect(playback.state.at).toBe(7);
  fireEvent.keyDown(slider, { key: 'Home' });
  await bench.pass(50);
  expect(playback.state.played).toBe(0);
  fireEvent.click(screen.getByRole('button', { name: 'Play' }));
  expect(playback.state.isPlaying).toBe(true);
  expect(screen.getByRole('button', { name: 'Pause' })).toBeTruthy();
});

test('a shortened pause is named while it is played, and counted afterwards', async () => {
  const playback = await begun();
  await bench.act(() => void playback.seek(5));
  await bench.act(() => playback.play());
  await bench.pass(200);
  expect(screen.getByText(/A pause of 10 min is shortened/)).toBeTruthy();
  await bench.act(() => playback.pause());
  expect(screen.getByText(/1 pause is shortened|pauses are shortened/)).toBeTruthy();
});

test('what the session does meanwhile is said, and leaving shows it', async () => {
  await begun();
  bench.gateway.append('sid1', { event: 'session.note', text: 'later', kind: 'note' });
  await bench.pass();
  expect(screen.getByText('The session has gone on: 1 event')).toBeTruthy();
  fireEvent.click(screen.getByRole('button', { name: 'Back to the session' }));
  await bench.pass(50);
  expect(screen.queryByRole('region', { name: 'Replay' })).toBeNull();
  expect(screen.getByRole('textbox', { name: 'Message' })).toBeTruthy();
  expect(bench.focused.at(-1)).toBe('composer');
});

test('times are said by their two largest units', () => {
  expect([0, 999, 61_000, 3_600_000, 90_000_000].map(span)).toEqual(['0 s', '1 s', '1 min 1 s', '1 h', '1 d 1 h']);
  expect(clockTime(AT)).toContain('2026');
});
