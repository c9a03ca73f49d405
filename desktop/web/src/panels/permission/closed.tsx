// Questions that were closed from elsewhere, each with what became of it, until the person dismisses them.

import { type ReactNode, useEffect, useRef, useState } from 'react';
import { usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Transcript } from '../../transcript';
import { type Ending, answeredCall, endingOf } from './endings';
import { labelOf, type OpenQuestion } from './open_questions';
import styles from './questions.module.css';

// Only the newest are shown.
const SHOWN_MAX = 3;
// What every message may name; each names some of it.
const NO_VALUES = { client: '', answer: '', decision: '' };

export interface Closed {
  key: string;
  label: string;
  ending: Ending;
}

export function useEndings(transcript: Transcript, version: number, open: readonly OpenQuestion[]) {
  const page = usePage();
  const [endings, setEndings] = useState<Closed[]>([]);
  const shown = useRef<readonly OpenQuestion[]>([]);
  const answeredHere = useRef(new Set<string>());

  useEffect(() => {
    // Another session: its questions are not those that were shown.
    shown.current = [];
    setEndings([]);
  }, [transcript]);
  useEffect(() => {
    const gone = shown.current.filter(({ key }) => !open.some((each) => each.key === key) && !answeredHere.current.has(key));
    shown.current = open;
    for (const question of gone) void close(question);
  }, [version, open]);

  const close = async (question: OpenQuestion) => {
    const hasEnded = transcript.running() === undefined;
    // The answer to a sub-agent is in its session. What cannot be read is said to be unknown.
    const call = question.sid ? await answeredCall(page.daemon, { sid: question.sid, seq: question.seq, call: question.call }).catch(() => question.call) : question.call;
    if (page.state.transcript !== transcript) return;
    const ending = endingOf({ call, asked: question.asked ? call.asked : null }, hasEnded);
    setEndings((before) => [...before.filter(({ key }) => key !== question.key), { key: question.key, label: labelOf(question), ending }].slice(-SHOWN_MAX));
  };
  return { endings, answeredHere: answeredHere.current, dismiss: () => setEndings([]) };
}

export function Endings({ endings, onDismiss }: { endings: readonly Closed[]; onDismiss: () => void }): ReactNode {
  const words = useWords('permission');
  if (!endings.length) return null;
  return (
    <div className={styles.closed} role="status">
      <div>
        {endings.map(({ key, label, ending }) => (
          <p key={key}>{words('ended', { question: label, ending: words(`endings.${ending.key}`, { ...NO_VALUES, ...('values' in ending ? ending.values : {}) }) })}</p>
        ))}
      </div>
      <button type="button" className="quiet" onClick={onDismiss}>
        {words('dismiss')}
      </button>
    </div>
  );
}
