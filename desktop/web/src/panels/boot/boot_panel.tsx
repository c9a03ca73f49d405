// What is missing while the page cannot work, and what a person can do about it. It stands where the timeline would.

import { type ReactNode, useEffect, useState } from 'react';
import { ActionButton } from '../../actions/button';
import { startDaemon, tryNow } from '../../actions/daemon';
import { boot, CONTRACT } from '../../boot';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Connect } from '../connect/connect';
import styles from './boot.module.css';

export function BootPanel(): ReactNode {
  const state = usePageState(boot);
  const words = useWords('boot');
  switch (state) {
    case 'ready':
      return null;
    case 'starting':
    case 'loading':
      return (
        <section className={styles.waiting} role="status">
          <p className="dim pulse">{words(state)}</p>
        </section>
      );
    case 'no-key':
      return <Connect />;
    case 'no-server':
      return (
        <Missing title={words('noServer.title')} words={words('noServer.words')} command="opta up">
          <ActionButton action={tryNow} argument={undefined} />
        </Missing>
      );
    case 'no-daemon':
      return (
        <Missing title={words('noDaemon.title')} words={words('noDaemon.words')} command="opta up">
          <ActionButton action={startDaemon} argument={undefined} className="primary" />
          <ActionButton action={tryNow} argument={undefined} />
        </Missing>
      );
    case 'wrong-version':
      return <WrongVersion />;
  }
}

function Missing({ title, words, command, children }: { title: string; words: string; command: string; children: ReactNode }): ReactNode {
  const common = useWords('boot');
  return (
    <section className={styles.panel} aria-labelledby="boot-title">
      <h2 id="boot-title">{title}</h2>
      <p>{words}</p>
      <p>{common.rich('command', { command: () => <code>{command}</code> })}</p>
      <NextTry />
      <Problem />
      <div className={styles.buttons}>{children}</div>
    </section>
  );
}

// Why the last thing that a person tried did not work.
function Problem(): ReactNode {
  const problem = usePageState((state) => state.problem);
  return problem ? (
    <p className={`${styles.problem} err`} role="alert">
      {problem}
    </p>
  ) : null;
}

// When the next attempt is due, counted down.
export function NextTry(): ReactNode {
  const words = useWords('boot');
  const retryInMs = usePageState((state) => state.retryInMs);
  const attempts = usePageState((state) => state.attempts);
  const [due, setDue] = useState(0);
  const [now, setNow] = useState(0);
  // Counted anew for each attempt, also when the wait is as long as the one before.
  useEffect(() => {
    setNow(Date.now());
    setDue(Date.now() + retryInMs);
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [retryInMs, attempts]);
  const seconds = Math.ceil((due - now) / 1_000);
  return <p className="dim num">{retryInMs > 0 && seconds > 0 ? words('nextTry', { seconds }) : words('trying')}</p>;
}

function WrongVersion(): ReactNode {
  const words = useWords('boot');
  const contract = usePageState((state) => state.health?.contract);
  const named = ({ name, version }: { name: string; version: number }) => `${name} ${version}`;
  return (
    <section className={styles.panel} aria-labelledby="boot-title">
      <h2 id="boot-title">{words('wrongVersion.title')}</h2>
      <p>{words('wrongVersion.words', { daemon: contract ? named(contract) : '?', page: named(CONTRACT) })}</p>
      <div className={styles.buttons}>
        <Button look="primary" onClick={() => location.reload()}>
          {words('wrongVersion.reload')}
        </Button>
      </div>
    </section>
  );
}
