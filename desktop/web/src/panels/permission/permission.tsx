import { type KeyboardEvent, memo, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { perform } from '../../actions/action';
import { answerPermission } from '../../actions/consent';
import { usePage, usePageState } from '../../hooks';
import type { Offer } from '../../protocol';
import { toolOf } from '../../tools';
import type { Call, Turn } from '../../transcript';
import { Diff } from '../../ui/diff';
import { Exact } from '../../ui/exact';
import { ignoreHeld, useSettled } from '../../ui/settled';
import { line } from '../../visible';
import { cardOf, clock, decisionOf, ending, isLasting, isWrittenDown, type Leaf, msLeft, unshown } from './question';

// Docked over the composer, which stays usable under it.
export function Permission(): ReactNode {
  const page = usePage();
  const transcript = usePageState((state) => state.transcript);
  const version = usePageState((state) => state.version);
  const [closed, setClosed] = useState('');
  const shown = useRef<{ turn: Turn; call: Call } | null>(null);
  const answeredHere = useRef(new Set<string>());
  const takesFocus = useRef(false);
  const asking = transcript.asking();
  const first = asking[0];
  const requestId = first?.call.requestId ?? '';

  useEffect(() => {
    shown.current = null;
    setClosed('');
  }, [transcript]);
  useEffect(() => {
    const last = shown.current;
    if (last && last.call.requestId !== requestId && !answeredHere.current.has(last.call.requestId)) setClosed(`${line(last.call.name)}: ${ending(last.call, last.turn.endedAt !== '')}`);
    shown.current = first ?? null;
  }, [version, requestId]);

  const answer = async (call: Call, decision: string, offer: string, hadFocus: boolean) => {
    answeredHere.current.add(call.requestId);
    takesFocus.current = hadFocus;
    setClosed('');
    const hasArrived = await perform(page, answerPermission, { requestId: call.requestId, decision, offer });
    if (!hasArrived) answeredHere.current.delete(call.requestId);
    return hasArrived;
  };
  return (
    <>
      {closed ? (
        <p className="closed" role="status">
          <span>{closed}</span>
          <button type="button" className="quiet" onClick={() => setClosed('')}>
            Dismiss
          </button>
        </p>
      ) : null}
      {first ? (
        <Card
          key={requestId}
          call={first.call}
          cwd={transcript.cwd}
          count={asking.length}
          takesFocus={takesFocus.current}
          onAnswer={(decision, offer, hadFocus) => answer(first.call, decision, offer, hadFocus)}
        />
      ) : null}
    </>
  );
}

interface CardProps {
  call: Call;
  cwd: string;
  count: number;
  takesFocus: boolean;
  // False when the answer did not arrive.
  onAnswer: (decision: string, offer: string, hadFocus: boolean) => Promise<boolean>;
}

// One question. Nothing outside it decides, nor does a held key, nor anything in its first half second or that of its second step.
export function Card({ call, cwd, count, takesFocus, onAnswer }: CardProps): ReactNode {
  const [chosen, setChosen] = useState<Offer | null>(null);
  const [isSent, setSent] = useState(false);
  const [now, setNow] = useState(Date.now());
  const card = useRef<HTMLElement>(null);
  const isSettled = useSettled(`${call.requestId} ${chosen?.id ?? ''}`);
  const left = msLeft(call, now);
  const hidden = useMemo(() => unshown(call), [call.requestId]);
  const problem = hidden || (left <= 0 ? 'This question has expired; nobody answered it in time.' : '');
  const isReady = isSettled && !isSent && left > 0;

  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 500);
    return () => window.clearInterval(timer);
  }, []);
  useEffect(() => {
    if (takesFocus) card.current?.focus();
  }, []);

  const give = (decision: string, offer = '') => {
    if (!isReady || (decision !== 'deny' && problem)) return;
    setSent(true);
    const hadFocus = card.current?.contains(document.activeElement) ?? false;
    void onAnswer(decision, offer, hadFocus).then((hasArrived) => setSent(hasArrived));
  };
  const choose = (offer: Offer | null) => {
    setChosen(offer);
    card.current?.focus();
  };
  const take = (offer: Offer) => (isLasting(offer) ? choose(offer) : give(decisionOf(offer), offer.id));
  const onKeyDown = (event: KeyboardEvent) => {
    ignoreHeld(event);
    if (event.key !== 'Escape' || event.repeat || !isReady) return;
    event.preventDefault();
    if (chosen) choose(null);
    else give('deny');
  };
  return (
    <section ref={card} className="permission" aria-label="Permission" tabIndex={-1} onKeyDown={onKeyDown}>
      <header>
        <span className="warn">◆ {line(toolOf(call.name, call.server).question)}</span>
        <span className="dim num">
          {count > 1 ? `1 of ${count} · ` : ''}
          {left > 0 ? `${clock(left)} left` : 'expired'}
        </span>
      </header>
      {chosen ? <Scope offer={chosen} /> : <Content call={call} cwd={cwd} />}
      {problem ? (
        <p className="err" role="alert">
          {problem} It cannot be allowed.
        </p>
      ) : null}
      {chosen ? (
        <div className="buttons">
          <button type="button" disabled={!isReady || problem !== ''} onClick={() => give(decisionOf(chosen), chosen.id)}>
            {isWrittenDown(chosen) ? 'Write this rule and allow' : 'Allow this in the session'}
          </button>
          <button type="button" className="primary" disabled={!isReady} onClick={() => choose(null)}>
            Back
          </button>
        </div>
      ) : (
        <div className="buttons">
          <button type="button" className="primary" disabled={!isReady || problem !== ''} onClick={() => give('allow')}>
            Allow once
          </button>
          {call.offers.map((offer) => (
            <button
              key={offer.id}
              type="button"
              title={line(offer.preview ?? '')}
              disabled={!isReady || problem !== '' || (isLasting(offer) && !offer.words?.length)}
              onClick={() => take(offer)}
            >
              {line(offer.label)}
              {isLasting(offer) ? ' …' : ''}
            </button>
          ))}
          <button type="button" disabled={!isReady} onClick={() => give('deny')}>
            Deny
          </button>
        </div>
      )}
      <p className="dim exact">
        why: <Exact text={call.reason} />
      </p>
    </section>
  );
}

// The call itself, all of it; drawn once, however often the clock is.
const Content = memo(function Content({ call, cwd }: { call: Call; cwd: string }): ReactNode {
  const card = cardOf(call, cwd);
  return (
    // Scrolled with the keyboard too.
    <>
      <div className="what" role="group" aria-label="The call" tabIndex={0}>
        {call.diff ? <Diff text={call.diff} /> : null}
        <Leaves leaves={call.diff ? [...card.arguments, ...card.outcome] : [...card.outcome, ...card.arguments]} />
      </div>
      <Leaves leaves={card.facts} isShort />
    </>
  );
});

// What a wider answer means from then on, in the words that are kept.
function Scope({ offer }: { offer: Offer }): ReactNode {
  const words = (offer.words ?? []).map((text): Leaf => ({ name: isWrittenDown(offer) ? 'rule' : 'allowed', text, kind: '' }));
  const until = isWrittenDown(offer) ? 'until it is revoked (opta policy list)' : 'until this session is over';
  return (
    <div className="what" role="group" aria-label="What is allowed from now on" tabIndex={0}>
      <Leaves leaves={[...words, { name: 'in the folder', text: offer.folder ?? '', kind: '' }, { name: 'how long', text: until, kind: '' }]} />
      {offer.preview ? (
        <p className="dim exact">
          <Exact text={offer.preview} />
        </p>
      ) : null}
    </div>
  );
}

export function Leaves({ leaves: all, isShort = false }: { leaves: Leaf[]; isShort?: boolean }): ReactNode {
  return (
    <dl className={isShort ? 'leaves short' : 'leaves'}>
      {all.map((leaf, at) => (
        <div key={at}>
          <dt>
            {line(leaf.name)}
            {leaf.kind ? ` (${leaf.kind})` : ''}
          </dt>
          <dd>
            <code className="exact">
              <Exact text={leaf.text} />
            </code>
          </dd>
        </div>
      ))}
    </dl>
  );
}
