// One question of permission: the whole call, who may answer it how, and until when.
//
// Nothing outside the card decides, nor does a held key, nor anything in its first half second or that of its second step.

import { type KeyboardEvent, memo, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import type { Offer } from '../../protocol';
import { useWords } from '../../strings/strings';
import { toolWords } from '../../strings/tool_words';
import type { Call } from '../../transcript';
import { Diff } from '../../ui/diff';
import { Exact } from '../../ui/exact';
import { Keys } from '../../ui/keys';
import { Button } from '../../ui/kit/button';
import { ignoreHeld, useSettled } from '../../ui/settled';
import { line } from '../../visible';
import styles from './card.module.css';
import { Clock, useTimeLeft } from './clock';
import { Leaves } from './leaves';
import { NoteForm } from './note_form';
import { cardOf, decisionOf, isLasting, unshown } from './question';
import { Scope } from './scope';

export interface Decision {
  decision: string;
  offer: string;
  note: string;
}

interface Props {
  call: Call;
  cwd: string;
  // Which of how many.
  at?: number;
  count?: number;
  // The question before was answered with the keyboard.
  takesFocus?: boolean;
  // False when the answer did not arrive.
  onAnswer: (decision: Decision, hadFocus: boolean) => Promise<boolean>;
}

type Step = { kind: 'call' } | { kind: 'scope'; offer: Offer } | { kind: 'note' };
const CALL: Step = { kind: 'call' };

export function Card({ call, cwd, at = 1, count = 1, takesFocus = false, onAnswer }: Props): ReactNode {
  const words = useWords('permission');
  const [step, setStep] = useState<Step>(CALL);
  const [isSent, setSent] = useState(false);
  const card = useRef<HTMLElement>(null);
  const isSettled = useSettled(`${call.requestId} ${step.kind} ${step.kind === 'scope' ? step.offer.id : ''}`);
  const left = useTimeLeft(call.expiresAt);
  const hidden = useMemo(() => unshown(call), [call.requestId]);
  const problem = hidden || (left <= 0 ? words('expiredHere') : '');
  const isReady = isSettled && !isSent && left > 0;
  const lasting = call.offers.filter((offer) => isLasting(offer) && offer.words?.length);
  const [widest] = lasting;

  useEffect(() => {
    if (takesFocus) card.current?.focus();
  }, []);

  const give = (decision: string, offer = '') => {
    if (isReady && (decision === 'deny' || !problem)) send({ decision, offer, note: '' });
  };
  const send = (decision: Decision) => {
    setSent(true);
    const hadFocus = card.current?.contains(document.activeElement) ?? false;
    void onAnswer(decision, hadFocus).then((hasArrived) => setSent(hasArrived));
  };
  const go = (next: Step) => {
    setStep(next);
    if (next.kind !== 'note') card.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    ignoreHeld(event);
    const isField = event.target instanceof HTMLInputElement && event.target.type === 'text';
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.nativeEvent.isComposing;
    if (event.repeat || event.defaultPrevented || !isReady || !isPlain) return;
    const key = event.key.toLowerCase();
    if (key === 'escape') {
      event.preventDefault();
      if (step.kind === 'call') give('deny');
      else go(CALL);
    } else if (step.kind === 'call' && !isField && (key === 'n' || (key === 'a' && widest && !problem))) {
      // These two decide nothing: they show what could be decided.
      event.preventDefault();
      go(key === 'n' || !widest ? { kind: 'note' } : { kind: 'scope', offer: widest });
    }
  };
  return (
    <section ref={card} className={styles.card} aria-label={words('card')} tabIndex={-1} data-focus="question" data-scope="card" onKeyDown={onKeyDown}>
      <header>
        <h2 className="warn">
          <span aria-hidden="true">◆</span> {line(toolWords(call.name, call.server).question)}
        </h2>
        <span className="dim num">
          {count > 1 ? `${words('of', { at, count })} · ` : ''}
          <Clock left={left} />
        </span>
      </header>
      {step.kind === 'scope' ? <Scope offers={lasting} chosen={step.offer} onChoose={(offer) => setStep({ kind: 'scope', offer })} /> : <Content call={call} cwd={cwd} />}
      {problem ? (
        <p className="err" role="alert">
          {words('cannot', { problem })}
        </p>
      ) : null}
      {step.kind === 'call' ? (
        <div className={styles.buttons}>
          <Button look="primary" disabled={!isReady || problem !== ''} onClick={() => give('allow')}>
            {words('allowOnce')}
          </Button>
          {call.offers
            .filter((offer) => !isLasting(offer))
            .map((offer) => (
              <Button key={offer.id} title={offer.id === 'network' ? words('withNetworkHint') : line(offer.preview ?? '')} disabled={!isReady || problem !== ''} onClick={() => give(decisionOf(offer), offer.id)}>
                {offer.id === 'network' ? words('withNetwork') : <span lang="en">{line(offer.label)}</span>}
              </Button>
            ))}
          {widest ? (
            <Button title={words('widerTitle', { others: lasting.length - 1 })} aria-keyshortcuts="a" disabled={!isReady || problem !== ''} onClick={() => go({ kind: 'scope', offer: widest })}>
              <span className={styles.wider}>
                <span lang="en">{line(widest.label)}</span> … <Keys shortcut="A" />
              </span>
            </Button>
          ) : null}
          <Button aria-keyshortcuts="Escape" disabled={!isReady} onClick={() => give('deny')}>
            {words('deny')} <Keys shortcut="Escape" />
          </Button>
          <Button aria-keyshortcuts="n" disabled={!isReady} onClick={() => go({ kind: 'note' })}>
            {words('denyWithNote')} <Keys shortcut="N" />
          </Button>
        </div>
      ) : step.kind === 'scope' ? (
        <div className={styles.buttons}>
          <Button disabled={!isReady || problem !== ''} onClick={() => give(decisionOf(step.offer), step.offer.id)}>
            {decisionOf(step.offer) === 'always' ? words('write') : words('forSession')}
          </Button>
          <Button look="primary" disabled={!isReady} onClick={() => go(CALL)}>
            {words('back')}
          </Button>
        </div>
      ) : (
        <NoteForm isSettled={isSettled} isOpen={!isSent && left > 0} onDeny={(note) => send({ decision: 'deny', offer: '', note })} onBack={() => go(CALL)} />
      )}
      <p className="dim exact">
        {words('why')}{' '}
        <span lang="en">
          <Exact text={call.reason} />
        </span>
      </p>
    </section>
  );
}

// The call itself, all of it; drawn once, however often the clock is.
const Content = memo(function Content({ call, cwd }: { call: Call; cwd: string }): ReactNode {
  const words = useWords('permission');
  const card = cardOf(call, cwd);
  return (
    // Scrolled with the keyboard too.
    <>
      <div className={styles.what} role="group" aria-label={words('call')} tabIndex={0}>
        {call.diff ? <Diff text={call.diff} /> : null}
        <Leaves leaves={call.diff ? [...card.arguments, ...card.outcome] : [...card.outcome, ...card.arguments]} />
      </div>
      <Leaves leaves={card.facts} isShort />
    </>
  );
});
