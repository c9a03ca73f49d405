import { Fragment, type ReactNode } from 'react';
import { useKeptOpen } from '../../hooks';
import { useWords } from '../../strings/strings';
import { toolOf } from '../../tools';
import type { Call } from '../../transcript';
import { failureLines, outputLines, plainText } from '../../ui/terminal_text';
import { line } from '../../visible';
import { leaves, summary } from '../permission/question';
import { CallBody } from './call_body';
import { CallFigures } from './call_figures';
import { picturesOf } from './call_pictures';
import { type CardState, GLYPHS, stateOf } from './call_state';
import { pathChanges } from './changed_paths';
import styles from './toolcard.module.css';
import { toolWords } from '../../strings/tool_words';

// What a running command wrote last, while its card is closed.
const TAIL_LINES = 3;
const TAIL_CHARS = 4_000;
const ABOUT_CHARS = 300;

// One tool call: what it is about, how it stands, and inside what it was asked for and what came of it.
export function ToolCard({ call }: { call: Call }): ReactNode {
  const words = useWords('cards');
  const [isOpen, setOpen] = useKeptOpen(call.id);
  const { label } = toolWords(call.name, call.server);
  const state = stateOf(call);
  const [glyph, tone] = GLYPHS[state];
  const about = aboutOf(call);
  const changes = pathChanges(call.changes);
  const diff = changes
    .map((change) => change.diff)
    .filter(Boolean)
    .join('\n');
  const open = isOpen ?? Boolean(diff || picturesOf(call).length);
  return (
    <section className={styles.tool} aria-label={`${label} ${about}, ${words(`states.${state}`)}`}>
      <button type="button" className={styles.head} aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className={tone} aria-hidden="true">
          {glyph}
        </span>
        <strong>{label}</strong>
        <code className={styles.subject}>{about}</code>
        <span className={`dim num ${styles.figures}`}>
          <CallFigures call={call} state={state} diff={diff} />
        </span>
      </button>
      {open ? <CallBody call={call} state={state} changes={changes} /> : <Peek call={call} state={state} />}
    </section>
  );
}

// Of a closed card: the last lines of what runs, and why what failed did.
function Peek({ call, state }: { call: Call; state: CardState }): ReactNode {
  if (state === 'running' && call.output) {
    const tail = outputLines(call.output.slice(-TAIL_CHARS)).map(plainText).filter(Boolean).slice(-TAIL_LINES);
    return tail.length ? <pre className={styles.tail}>{tail.map(line).join('\n')}</pre> : null;
  }
  if (!['failed', 'interrupted', 'denied', 'notRun'].includes(state) || !call.content) return null;
  return (
    <p className={`${styles.failure} ${state === 'failed' ? 'err' : 'dim'}`}>
      {failureLines(call.content).map((each, at) => (
        <Fragment key={at}>
          {at ? <br /> : null}
          {line(each)}
        </Fragment>
      ))}
    </p>
  );
}

// A call on one line, with nothing in it that hides or reorders: its subject, or its arguments by name.
function aboutOf(call: Call): string {
  const { subject, progress } = toolOf(call.name, call.server);
  const isNamed = (subject && call.args[subject]) || (progress && Array.isArray(call.args[progress]));
  const text = isNamed ? summary(call) : leaves(call.args)
        .filter((leaf) => leaf.text !== '')
        .map((leaf) => `${leaf.name} ${leaf.text}`)
        .join(', ');
  return line(text.length > ABOUT_CHARS ? `${text.slice(0, ABOUT_CHARS)}…` : text);
}
