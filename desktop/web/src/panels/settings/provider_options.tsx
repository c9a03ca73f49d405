import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { setSetting, unsetSetting } from '../../actions/setting_changes';
import { usePage } from '../../hooks';
import { valuesQuery } from '../../setting_queries';
import { useWords } from '../../strings/strings';
import { Select } from '../../ui/kit/select';
import { line } from '../../visible';
import { findSetting, SettingField } from './setting_field';
import styles from './settings.module.css';
import { Waiting } from './section';

const OPTIONS = ['temperature', 'top-p', 'top-k', 'min-p', 'presence-penalty', 'frequency-penalty', 'repetition-penalty', 'seed', 'max-tokens'] as const;
const FALLBACKS = ['unset', 'true', 'false'] as const;
type Fallback = (typeof FALLBACKS)[number];

// How the models of a server sample, and whether other servers' turns may come to it.
export function ProviderOptions({ name }: { name: string }): ReactNode {
  const words = useWords('settings.providers');
  const [isOpen, setOpen] = useState(false);
  return (
    <details className={`${styles.details} ${styles.whole}`} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words('options', { name: line(name) })}</summary>
      {isOpen ? <Options name={name} /> : null}
    </details>
  );
}

function Options({ name }: { name: string }): ReactNode {
  const page = usePage();
  const words = useWords('settings.providers');
  const { data, error } = useQuery(valuesQuery(page.daemon));
  if (!data) return <Waiting error={error} isRead={false} />;
  const fallbackKey = `providers.${name}.fallback`;
  const known = findSetting(data, fallbackKey)?.value;
  const fallback: Fallback = known === 'true' || known === 'false' ? known : 'unset';
  const choose = (value: Fallback) => void (value === 'unset' ? perform(page, unsetSetting, fallbackKey) : perform(page, setSetting, { key: fallbackKey, value }));
  return (
    <div>
      <div className={styles.row}>
        {words('fallback')}
        <Select label={words('fallback')} value={fallback} onChoose={choose} options={FALLBACKS.map((value) => ({ value, label: words(`fallbacks.${value}`) }))} />
      </div>
      <p className="dim">{words('optionsHint', { name: line(name) })}</p>
      {OPTIONS.map((option) => {
        const key = `providers.${name}.options.${option}`;
        return <SettingField key={key} label={words(`sampling.${option}`)} settingKey={key} setting={findSetting(data, key)} />;
      })}
    </div>
  );
}
