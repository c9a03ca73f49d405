// @vitest-environment jsdom

import { Profiler } from 'react';
import { expect, test } from 'vitest';
import { screen } from '@testing-library/react';
import { usePageState } from '../../hooks';
import { testBench } from '../../testing/page';
import { Composer } from '../composer/composer';
import { Questions } from '../permission/questions';
import { Sessions } from '../sessions/sessions';
import { Todo } from '../todo/todo';
import { TurnView } from './turn';

const bench = testBench();
const turn = (number: number) => ({ event: 'turn.start', turn: `t${number}`, role: 'user', text: `prompt ${number}`, mode: 'chat', level: 'L1' });

// What is drawn again, by its name.
let drawn: string[] = [];
const onRender = (name: string) => void drawn.push(name);

function Session() {
  const turns = usePageState((state) => state.transcript.turns);
  return (
    <>
      {turns.map((each, at) => (
        <Profiler key={each.id} id={each.id} onRender={onRender}>
          <TurnView turn={each} at={at + 1} of={turns.length} />
        </Profiler>
      ))}
      {[Sessions, Todo, Questions, Composer].map((Panel) => (
        <Profiler key={Panel.name} id={Panel.name} onRender={onRender}>
          <Panel />
        </Profiler>
      ))}
    </>
  );
}

test('a piece of text draws its turn again, and neither another turn nor a panel', async () => {
  const { id } = bench.gateway.addSession();
  bench.gateway.append(id, turn(1));
  bench.gateway.append(id, { event: 'session.cancelled', turn: 't1', reason: 'x', by: 'client' });
  bench.gateway.append(id, turn(2));
  bench.gateway.append(id, { event: 'step.start', turn: 't2', step: 1, provider: 'lmx', model: 'qwen', attempt: 1 });
  await bench.start();
  bench.draw(<Session />);
  await bench.pass();
  const { version } = bench.page.state;
  drawn = [];
  for (let at = 0; at < 3; at += 1) {
    bench.gateway.append(id, { event: 'turn.token', turn: 't2', delta: `word${at} ` });
    await bench.pass(20);
  }
  expect(screen.getByText('word0 word1 word2')).toBeTruthy();
  expect(new Set(drawn)).toEqual(new Set(['t2']));
  // Once a frame, and once when it has stopped waiting.
  expect(drawn.length).toBeLessThanOrEqual(4);
  expect(bench.page.state.version).toBe(version);
});
