import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { allowNotifications, chooseNotifications } from '../../actions/view';
import { usePage, usePageState } from '../../hooks';
import { valuesQuery } from '../../setting_queries';
import { useWords } from '../../strings/strings';
import { Exact } from '../../ui/exact';
import { Button } from '../../ui/kit/button';
import { Section, Waiting } from './section';
import { findSetting, SettingField } from './setting_field';
import styles from './settings.module.css';

export function Notifications(): ReactNode {
  return (
    <>
      <OfPage />
      <OfDaemon />
    </>
  );
}

// What the browser says is asked whenever this is drawn: a person may have changed it beside the address.
function OfPage(): ReactNode {
  const page = usePage();
  const words = useWords('settings.notify');
  const isOn = usePageState((state) => state.choices.notify !== 'off');
  const [asked, setAsked] = useState(0);
  const state = page.mayNotify();
  return (
    <Section title={words('title')}>
      <p key={asked} className={state === 'granted' ? (isOn ? 'ok' : undefined) : 'warn'}>
        {words('state', { state })}
      </p>
      {state === 'default' ? (
        <div className={styles.row}>
          <Button size="small" onClick={() => void perform(page, allowNotifications, undefined).then(() => setAsked(asked + 1))}>
            {words('ask')}
          </Button>
        </div>
      ) : null}
      <label className={styles.row}>
        <input type="checkbox" checked={isOn} onChange={(event) => void perform(page, chooseNotifications, event.target.checked)} />
        <span>
          {words('show')} <span className="dim">{words('hint')}</span>
        </span>
      </label>
      {isOn ? null : <p className="dim">{words('off')}</p>}
    </Section>
  );
}

function OfDaemon(): ReactNode {
  const page = usePage();
  const words = useWords('settings.notify');
  const { data, error } = useQuery(valuesQuery(page.daemon));
  const command = wordsOf(findSetting(data, 'notify.command')?.value);
  return (
    <Section title={words('commandTitle')} hint={words('commandHint')} command={words('howTo')}>
      <Waiting error={error} isRead={data !== undefined} />
      {data ? (
        <>
          <div className={styles.row}>
            <code>{words('command')}</code>
            {command.length ? <Argv words={command} /> : <span className="dim">{words('none')}</span>}
          </div>
          <SettingField label={words('minS')} settingKey="notify.min-s" setting={findSetting(data, 'notify.min-s')} />
          <SettingField label={words('bell')} settingKey="notify.bell" setting={findSetting(data, 'notify.bell')} />
        </>
      ) : null}
    </Section>
  );
}

// A program and its arguments, each as it is.
export function Argv({ words }: { words: readonly string[] }): ReactNode {
  return (
    <span className={styles.argv}>
      {words.map((word, at) => (
        <code key={at} className="exact">
          <Exact text={word} />
        </code>
      ))}
    </span>
  );
}

function wordsOf(value: string | undefined): string[] {
  try {
    const found: unknown = JSON.parse(value ?? '[]');
    return Array.isArray(found) ? found.map(String) : [];
  } catch {
    return [];
  }
}
