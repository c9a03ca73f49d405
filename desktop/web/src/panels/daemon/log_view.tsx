import { type ReactNode, useDeferredValue, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { LOG_LEVELS, type LogLevel } from '../../bridge';
import { usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import { CopyButton } from '../../ui/copy_button';
import { Revealed } from '../../ui/exact';
import { Button } from '../../ui/kit/button';
import { classes } from '../../ui/kit/classes';
import { Select } from '../../ui/kit/select';
import styles from './daemon.module.css';
import { LogTail } from './log_tail';

const LOOK_MS = 1_000;
const SHOWN_MAX = 500;
const SERVICES = ['gateway', 'sessions', 'agent', 'tools', 'lmx', 'desktop'] as const;
const TONES = { DEBUG: 'dim', INFO: '', WARNING: 'warn', ERROR: 'err' } as const;

// The logs of all processes in order of time, live, as far as the filters let them through.
export function LogView(): ReactNode {
  const page = usePage();
  const words = useWords('daemonPanel');
  const [service, setService] = useState('');
  const [level, setLevel] = useState<LogLevel>('INFO');
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text).toLowerCase();
  const [isPaused, setPaused] = useState(false);
  const [isFollowed, setFollowed] = useState(true);
  const [tail, setTail] = useState(() => new LogTail());
  const [shownTo, setShownTo] = useState(Infinity);
  const scroller = useRef<HTMLDivElement>(null);

  useEffect(() => {
    let known = new LogTail();
    let timer: ReturnType<typeof setTimeout>;
    let isGone = false;
    const look = async () => {
      try {
        const found = await page.bridge.logs(known.ends);
        if (isGone) return;
        known = known.with(found);
        if (found.entries.length || found.leftOut) setTail(known);
      } catch {
        // The panel says that the desktop process does not answer.
      }
      if (!isGone) timer = setTimeout(() => void look(), LOOK_MS);
    };
    void look();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [page]);

  // While it is paused, what came until then stays; what comes is counted.
  const entries = tail.entries.filter((entry) => entry.number <= shownTo);
  const fitting = entries.filter((entry) => (!service || entry.service === service) && LOG_LEVELS.indexOf(entry.level) >= LOG_LEVELS.indexOf(level) && (!wanted || entry.text.toLowerCase().includes(wanted)));
  const shown = fitting.slice(-SHOWN_MAX);
  const last = shown.at(-1)?.number ?? 0;

  useLayoutEffect(() => {
    if (isFollowed && scroller.current && last) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [isFollowed, last]);

  const pause = () => {
    setPaused(!isPaused);
    setShownTo(isPaused ? Infinity : tail.count);
  };
  return (
    <section className={styles.logs} aria-labelledby="daemon-logs">
      <h3 id="daemon-logs">{words('logs.title')}</h3>
      <p className={styles.buttons}>
        <Select label={words('logs.service')} value={service} onChoose={setService} options={[{ value: '', label: words('logs.every') }, ...SERVICES.map((name) => ({ value: name as string, label: name }))]} />
        <Select label={words('logs.level')} value={level} onChoose={setLevel} options={LOG_LEVELS.map((each) => ({ value: each, label: words('logs.levels', { level: each }) }))} />
        <input type="search" className={styles.search} aria-label={words('logs.search')} placeholder={words('logs.search')} value={text} onChange={(event) => setText(event.target.value)} />
        <label className={styles.follow}>
          <input type="checkbox" checked={isFollowed} onChange={(event) => setFollowed(event.target.checked)} /> {words('logs.follow')}
        </label>
        <Button size="small" aria-pressed={isPaused} onClick={pause}>
          {words(isPaused ? 'logs.goOn' : 'logs.pause')}
        </Button>
        <CopyButton className="quiet" what={words('logs.copy')} text={() => fitting.map((entry) => entry.text).join('\n')} />
      </p>
      {isPaused ? (
        <p className="dim" role="status">
          {words('logs.paused', { count: tail.count - shownTo })}
        </p>
      ) : null}
      {tail.leftOut ? <p className="warn">{words('logs.leftOut', { count: tail.leftOut })}</p> : null}
      {fitting.length > shown.length ? <p className="dim">{words('logs.earlier', { count: fitting.length - shown.length })}</p> : null}
      <div ref={scroller} className={styles.lines} role="log" aria-live="off" aria-label={words('logs.label')} tabIndex={0} onWheel={(event) => (event.deltaY < 0 ? setFollowed(false) : undefined)}>
        {shown.length ? null : <p className="dim">{words('logs.empty')}</p>}
        {shown.map((entry) => (
          <pre key={entry.number} className={classes(styles.entry, TONES[entry.level])}>
            <Revealed text={entry.text} />
          </pre>
        ))}
      </div>
    </section>
  );
}
