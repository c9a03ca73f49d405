import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { showModels } from '../../actions/models';
import { applyFix, canFix, chooseOther, diagnose, setKey } from '../../actions/triage';
import { usePage, usePageState } from '../../hooks';
import type { Fix } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Select } from '../../ui/kit/select';
import { line } from '../../visible';
import styles from './triage.module.css';

// How a fix is made: by a button, by a key or a model that a person gives here, or by a person elsewhere. `isFirst`: the one that the diagnosis names.
export function FixOffer({ fix, isFirst = false }: { fix: Fix; isFirst?: boolean }): ReactNode {
  const words = useWords('triage');
  const command = () => <code>{line(fix.command)}</code>;
  if (fix.kind === 'set_key' && isFirst)
    return (
      <>
        <KeyField name={fix.target ?? ''} />
        <p className="dim">{words.rich('same', { command })}</p>
      </>
    );
  if (fix.kind === 'choose_model' && isFirst)
    return (
      <>
        <OtherModel />
        <p className="dim">{words.rich('same', { command })}</p>
      </>
    );
  if (!canFix(fix))
    return (
      <>
        <p>
          <strong>{line(fix.label)}.</strong> {words.rich('words', { command })}
        </p>
        {isFirst ? (
          <p className={styles.buttons}>
            <ActionButton action={diagnose} argument={undefined} className="primary">
              {words('lookAgain')}
            </ActionButton>
          </p>
        ) : null}
      </>
    );
  return (
    <>
      <p className={styles.buttons}>
        <ActionButton action={applyFix} argument={fix} className={isFirst ? 'primary' : undefined} title={fix.command}>
          {line(fix.label)}
        </ActionButton>
      </p>
      <p className="dim">{words.rich('same', { command })}</p>
    </>
  );
}

// The key is in the field only until it is stored.
function KeyField({ name }: { name: string }): ReactNode {
  const page = usePage();
  const words = useWords('triage.key');
  const [key, setTyped] = useState('');
  const id = useId();
  const store = (event: FormEvent) => {
    event.preventDefault();
    void perform(page, setKey, { name, key });
    setTyped('');
  };
  return (
    <form className={styles.form} onSubmit={store}>
      <label htmlFor={id}>{words('label', { name: line(name) })}</label>
      <input id={id} type="password" value={key} maxLength={4_096} autoComplete="off" aria-describedby={`${id}-hint`} onChange={(event) => setTyped(event.target.value)} />
      <Button type="submit" look="primary" disabled={!key.trim()}>
        {words('store')}
      </Button>
      <span id={`${id}-hint`} className="dim">
        {words('hint')}
      </span>
    </form>
  );
}

function OtherModel(): ReactNode {
  const page = usePage();
  const words = useWords('triage.model');
  const models = usePageState((state) => state.models).filter(({ healthy, capability }) => healthy && capability !== 'embedding');
  const hasSession = usePageState((state) => state.selected !== '');
  const [chosen, setChosen] = useState('');
  const [isForSession, setForSession] = useState(hasSession);
  const model = models.some(({ id }) => id === chosen) ? chosen : (models[0]?.id ?? '');
  if (!model)
    return (
      <p className={styles.buttons}>
        {words('none')}{' '}
        <ActionButton action={showModels} argument={undefined} className="primary">
          {words('models')}
        </ActionButton>
      </p>
    );
  return (
    <div className={styles.form}>
      <Select label={words('label')} value={model} onChoose={setChosen} options={models.map(({ id, state }) => ({ value: id, label: line(id), hint: state || undefined }))} className={styles.models} />
      <fieldset className={styles.scopes}>
        <legend className="sr-only">{words('scope')}</legend>
        {hasSession ? (
          <label title={words('sessionHint')}>
            <input type="radio" name="triage-scope" checked={isForSession} onChange={() => setForSession(true)} /> {words('session')}
          </label>
        ) : null}
        <label title={words('defaultHint')}>
          <input type="radio" name="triage-scope" checked={!isForSession} onChange={() => setForSession(false)} /> {words('default')}
        </label>
      </fieldset>
      <Button look="primary" onClick={() => void perform(page, chooseOther, { model, isForSession })}>
        {words('use', { model: line(model) })}
      </Button>
      <span className="dim">{words(isForSession ? 'sessionHint' : 'defaultHint')}</span>
    </div>
  );
}
