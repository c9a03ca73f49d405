import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { loadModel, startBench, unloadModel, useModel } from '../../actions/models';
import { usePage, usePageState } from '../../hooks';
import type { LmxModelDetails } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { bytesText, number } from '../../strings/formats';
import { Section } from '../settings/section';
import styles from './models.module.css';

const TONES: Record<LmxModelDetails['state'], string> = { loaded: 'ok', loading: 'pulse', failed: 'err', quarantined: 'err', stopped: 'warn', 'on disk': 'dim' };

// Every model that LMX knows: those in memory first.
export function ModelRows({ models }: { models: readonly LmxModelDetails[] }): ReactNode {
  const words = useWords('models.list');
  const rank = ({ state }: LmxModelDetails) => (state === 'on disk' ? 1 : 0);
  const sorted = [...models].sort((a, b) => rank(a) - rank(b));
  return (
    <Section title={words('title')} command="opta models list">
      {sorted.length ? (
        <ul className={styles.list}>
          {sorted.map((model) => (
            <Row key={model.id} model={model} />
          ))}
        </ul>
      ) : (
        <p className="dim">{words('none')}</p>
      )}
    </Section>
  );
}

function Row({ model }: { model: LmxModelDetails }): ReactNode {
  const words = useWords('models.list');
  // A load of this page is one from its first moment, whatever LMX was last read to say.
  const isAsked = usePageState((state) => state.busyModel === `lmx/${model.id}`);
  const state = isAsked && model.state !== 'loaded' ? 'loading' : model.state;
  return (
    <li>
      <span className={styles.words}>
        <b>{line(model.id)}</b> <span className={TONES[state]}>{words('state', { state })}</span>
        <span className="dim num">{` · ${useAbout(model).join(' · ')}`}</span>
        {model.problem ? <span className={`${styles.problem} err`}>{line(model.problem)}</span> : null}
      </span>
      {state === 'loading' ? <LoadProgress model={model} /> : null}
      <Buttons model={model} state={state} />
    </li>
  );
}

// How far a load is, by the bytes that LMX has read; without them, for how long it has been under way.
export function LoadProgress({ model }: { model: LmxModelDetails }): ReactNode {
  const words = useWords('models.list');
  const { id, load_done: done = 0, load_total: total = 0, loading_s = 0 } = model;
  const seconds = Math.round(loading_s);
  return (
    <span className={styles.loading}>
      <progress aria-label={words('progressOf', { model: line(id) })} max={total || 1} value={total ? done : undefined} />
      <span className="dim num">{total ? words('weights', { done: bytesText(done), total: bytesText(total), seconds }) : words('starting', { seconds })}</span>
    </span>
  );
}

function useIsDefault(model: string): boolean {
  return usePageState((state) => state.models.some(({ id, default: answers }) => answers && id === `lmx/${model}`));
}

function useAbout(model: LmxModelDetails): string[] {
  const words = useWords('models.list');
  const isDefault = useIsDefault(model.id);
  return [
    isDefault ? words('default') : '',
    model.pinned ? words('pinned') : '',
    model.memory ? words('memory', { size: bytesText(model.memory) }) : model.needed ? words('needs', { size: bytesText(model.needed) }) : '',
    model.context_length ? words('context', { tokens: model.context_length }) : '',
    model.quantisation ?? '',
    model.vision ? words('vision') : '',
    model.speed?.now_tokens_per_s ? words('now', { rate: number(model.speed.now_tokens_per_s, 1) }) : '',
    model.speed?.tokens_per_s ? words('speed', { rate: number(model.speed.tokens_per_s, 1), count: model.speed.requests }) : '',
    model.capability ?? '',
    model.licence ?? '',
    model.running ? words('running', { count: model.running }) : '',
    model.restarts ? words('restarts', { count: model.restarts }) : '',
  ]
    .map(line)
    .filter(Boolean);
}

function Buttons({ model, state }: { model: LmxModelDetails; state: LmxModelDetails['state'] }): ReactNode {
  const page = usePage();
  const words = useWords('models.list');
  const [isAsked, setAsked] = useState(false);
  const { id } = model;
  const running = model.running ?? 0;
  const isDefault = useIsDefault(id);
  const unload = () => {
    setAsked(false);
    void perform(page, unloadModel, id);
  };
  if (state === 'loading') return null;
  if (isAsked && running)
    return (
      <span className={styles.buttons} role="alertdialog" aria-label={words('unloadOf', { model: line(id) })}>
        {words('sure', { count: running })}
        <Button size="small" autoFocus onClick={() => setAsked(false)}>
          {words('keep')}
        </Button>
        <Button size="small" look="danger" onClick={unload}>
          {words('unload')}
        </Button>
      </span>
    );
  const name = line(id);
  const load = (pin: boolean, label: string, text: string) => (
    <ActionButton action={loadModel} argument={{ model: id, pin }} label={label} title={`opta models load ${name}${pin ? ' --pin' : ''}`}>
      {text}
    </ActionButton>
  );
  return (
    <span className={styles.buttons}>
      {state === 'loaded' ? null : load(false, words(state === 'on disk' ? 'loadOf' : 'againOf', { model: name }), words(state === 'on disk' ? 'load' : 'again'))}
      {model.pinned || state === 'failed' || state === 'quarantined' ? null : load(true, words('pinOf', { model: name }), words('pin'))}
      {state === 'failed' || state === 'quarantined' || model.capability === 'embedding' ? null : (
        <ActionButton action={startBench} argument={id} label={words('measureOf', { model: name })} title={`opta models bench ${name}`}>
          {words('measure')}
        </ActionButton>
      )}
      {state === 'loaded' ? (
        <>
          {isDefault ? null : (
            <ActionButton action={useModel} argument={`lmx/${id}`} label={words('useOf', { model: name })}>
              {words('use')}
            </ActionButton>
          )}
          <Button size="small" aria-label={words('unloadOf', { model: name })} title={`opta models unload ${name}`} onClick={() => (running ? setAsked(true) : unload())}>
            {words('unload')}
          </Button>
        </>
      ) : null}
    </span>
  );
}
