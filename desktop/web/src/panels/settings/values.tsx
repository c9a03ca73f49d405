import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useDeferredValue, useState } from 'react';
import { usePage } from '../../hooks';
import { valuesQuery } from '../../setting_queries';
import { useWords } from '../../strings/strings';
import { fits } from '../palette/fits';
import { FilePath, Section, Waiting } from './section';
import { SettingField } from './setting_field';
import styles from './settings.module.css';

// Everything that config.toml can say, as a terminal lists it.
export function Values(): ReactNode {
  const page = usePage();
  const words = useWords('settings.values');
  const { data, error } = useQuery(valuesQuery(page.daemon));
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text.trim());
  const found = (data?.settings ?? []).filter((setting) => !wanted || fits(wanted, `${setting.key.replaceAll(/[.-]/g, ' ')} ${setting.key}`));
  return (
    <Section title={words('title')} hint={words('hint')} command="opta config list --origin">
      {data ? <FilePath label="" path={data.file} /> : null}
      <input type="search" className={styles.find} aria-label={words('find')} placeholder={words('find')} value={text} onChange={(event) => setText(event.target.value)} />
      <Waiting error={error} isRead={data !== undefined} />
      <p className="dim" role="status">
        {data ? (found.length ? words('count', { count: found.length }) : words('none')) : ''}
      </p>
      <div>
        {found.map((setting) => (
          <SettingField key={setting.key} settingKey={setting.key} setting={setting} />
        ))}
      </div>
    </Section>
  );
}
