// All open questions of the open session as a list, of which one is shown: docked over the composer, which stays usable under it.

import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { perform } from '../../actions/action';
import { answerPermission } from '../../actions/consent';
import { answerQuestion } from '../../actions/questions';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { AskCard } from './ask_card';
import { Card } from './card';
import { Endings, useEndings } from './closed';
import { labelOf, type OpenQuestion, openQuestions } from './open_questions';
import styles from './questions.module.css';

export function Questions(): ReactNode {
  const page = usePage();
  const words = useWords('permission');
  const transcript = usePageState((state) => state.transcript);
  const version = usePageState((state) => state.version);
  const childAsks = usePageState((state) => state.childAsks);
  const wantsQuestion = usePageState((state) => state.wantsQuestion);
  const open = useMemo(() => openQuestions(transcript, childAsks), [transcript, version, childAsks]);
  const [chosen, setChosen] = useState('');
  const lastAt = useRef(0);
  const takesFocus = useRef(false);
  const { endings, answeredHere, dismiss } = useEndings(transcript, version, open);

  // What was chosen; once it is closed, what came to its place in the list.
  const found = open.findIndex(({ key }) => key === chosen);
  const at = found >= 0 ? found : Math.min(lastAt.current, Math.max(0, open.length - 1));
  const shown = open[at];
  useEffect(() => {
    lastAt.current = at;
    setChosen(shown?.key ?? '');
  }, [shown?.key, at]);
  // The last question was answered in its card: the focus goes on to the message instead of being lost.
  useEffect(() => {
    if (shown || !takesFocus.current) return;
    takesFocus.current = false;
    page.focus('composer');
  }, [shown === undefined, page]);
  useEffect(() => {
    if (!wantsQuestion || !shown) return;
    page.set({ wantsQuestion: false });
    page.focus('question');
  }, [wantsQuestion, shown, page]);

  const answered = async (question: OpenQuestion, hadFocus: boolean, giveIt: () => Promise<boolean>) => {
    answeredHere.add(question.key);
    takesFocus.current = hadFocus;
    dismiss();
    const hasArrived = await giveIt();
    if (!hasArrived) answeredHere.delete(question.key);
    return hasArrived;
  };
  return (
    <>
      <Endings endings={endings} onDismiss={dismiss} />
      {shown ? (
        <section className={styles.questions} aria-label={shown.sid ? words('ofChildLabel', { title: shown.from }) : words('questions', { count: open.length })}>
          {open.length > 1 ? (
            <ol className={styles.list}>
              {open.map((question) => (
                <li key={question.key}>
                  <button type="button" className={styles.entry} aria-current={question.key === shown.key} onClick={() => setChosen(question.key)}>
                    <span aria-hidden="true">{question.asked ? '?' : '◆'}</span> {question.from ? `${question.from}: ` : ''}
                    {labelOf(question)}
                  </button>
                </li>
              ))}
            </ol>
          ) : null}
          {shown.sid ? <p className="dim">{words('ofChild', { title: shown.from, sid: shown.sid })}</p> : null}
          {shown.asked ? (
            <AskCard
              key={shown.key}
              asked={shown.asked}
              at={at + 1}
              count={open.length}
              takesFocus={takesFocus.current}
              onAnswer={(text, hadFocus) => answered(shown, hadFocus, () => perform(page, answerQuestion, { id: shown.asked?.id ?? '', text, ...(shown.sid ? { sid: shown.sid } : {}) }))}
            />
          ) : (
            <Card
              key={shown.key}
              call={shown.call}
              cwd={transcript.cwd}
              at={at + 1}
              count={open.length}
              takesFocus={takesFocus.current}
              onAnswer={(decision, hadFocus) =>
                answered(shown, hadFocus, () => perform(page, answerPermission, { requestId: shown.call.requestId, ...decision, ...(shown.sid ? { sid: shown.sid } : {}) }))
              }
            />
          )}
        </section>
      ) : null}
    </>
  );
}
