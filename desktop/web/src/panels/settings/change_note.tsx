// What was changed last, and what did not work: over every section, because the page behind is covered.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { showDaemon } from '../../actions/daemon';
import { forgetChange, showSettings } from '../../actions/settings';
import { dismissProblem } from '../../actions/view';
import { usePage, usePageState } from '../../hooks';
import type { SettingChange } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import styles from './settings.module.css';

export function ChangeNote(): ReactNode {
  const words = useWords('settings.changed');
  const problem = usePageState((state) => state.problem);
  const change = usePageState((state) => state.settingChange);
  return (
    <>
      {problem ? (
        <p className={styles.problem} role="alert">
          <span className="err">
            {words('problem')}: {line(problem)}
          </span>{' '}
          <ActionButton action={dismissProblem} argument={undefined} className="quiet" />
        </p>
      ) : null}
      <div role="status" className={styles.status}>
        {change ? <Changed change={change} /> : null}
      </div>
    </>
  );
}

function Changed({ change }: { change: SettingChange }): ReactNode {
  const page = usePage();
  const words = useWords('settings.changed');
  const code = (text: string | undefined) => () => <code>{line(text ?? '')}</code>;
  const form = change.old && change.new ? 'set' : change.new ? 'added' : change.old ? 'removed' : 'nothing';
  const services = change.services ?? [];
  return (
    <div className={styles.changed}>
      <p>
        <strong className="ok">✓ {words('title')}</strong> {words.rich(form, { key: code(change.key), file: code(change.file), old: code(change.old), new: code(change.new) })}
      </p>
      <p className="dim">{words('applies', { applies: change.applies ?? 'now', services: services.join(', ') })}</p>
      {change.note ? <p className="warn">{line(change.note)}</p> : null}
      <div className={styles.row}>
        {services.length ? (
          <Button size="small" onClick={() => void perform(page, showSettings, undefined).then(() => perform(page, showDaemon, undefined))}>
            {words('restart')}
          </Button>
        ) : null}
        <ActionButton action={forgetChange} argument={undefined} className="quiet" />
      </div>
    </div>
  );
}
