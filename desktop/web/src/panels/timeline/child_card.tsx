import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { openSession } from '../../actions/sessions';
import { useKeptOpen, usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Call, Child } from '../../transcript_parts';
import { TerminalOutput } from '../../ui/terminal_output';
import { line } from '../../visible';
import { CallArguments } from './call_arguments';
import styles from './toolcard.module.css';

const GLYPHS: Record<Child['state'], [glyph: string, tone: string]> = {
  queued: ['○', 'dim'],
  running: ['●', 'live pulse'],
  waiting: ['◆', 'warn'],
  paused: ['‖', 'dim'],
  done: ['✓', 'ok'],
  limit: ['‖', 'warn'],
  failed: ['✕', 'err'],
  stopped: ['‖', 'dim'],
};

// A sub-agent in the session that started it: how far it is, what it asks, its task and report, and the way to its session.
export function ChildCard({ call, child, isOver }: { call: Call; child: Child; isOver: boolean }): ReactNode {
  const page = usePage();
  const words = useWords('child');
  const [isOpen = false, setOpen] = useKeptOpen(call.id);
  // A turn that was stopped ends before its sub-agents have said so.
  const state = isOver && !call.content && child.state !== 'done' ? 'stopped' : child.state;
  const [glyph, tone] = GLYPHS[state];
  const counted = [child.step ? words('step', { step: String(child.step) }) : '', child.calls ? words('calls', { count: child.calls }) : '', child.tokens ? words('tokens', { count: child.tokens }) : ''];
  const title = line(child.title);
  return (
    <section className={styles.tool} aria-label={words('label', { title, state: words(`states.${state}`) })}>
      <div className={`${styles.head} ${styles.childHead}`}>
        <span className={tone} aria-hidden="true">
          {glyph}
        </span>
        <strong>{words('name')}</strong>
        <span className={styles.subject}>
          {title}
          {child.readOnly ? words('readsOnly') : ''}
        </span>
        <span className={`dim num ${styles.figures}`}>{[words(`states.${state}`), ...counted].filter(Boolean).join(' · ')}</span>
        <button type="button" className="quiet" disabled={!child.turn} title={words('session', { sid: child.sid })} onClick={() => void perform(page, openSession, child.sid)}>
          {words('open')}
        </button>
        <button type="button" className="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {words(call.content ? 'report' : 'task')}
        </button>
      </div>
      {child.state === 'waiting' && child.asks && !isOver ? <p className={`${styles.failure} warn`}>{line(child.asks)}</p> : null}
      {isOpen ? (
        <div className={styles.body}>
          <CallArguments call={call} isFolded={Boolean(call.content)} />
          {call.content ? <TerminalOutput text={call.content} /> : null}
        </div>
      ) : null}
    </section>
  );
}
