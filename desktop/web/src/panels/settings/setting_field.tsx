// One value of config.toml: what holds, where it comes from, and from when on a change holds. It is written when a person says so.

import { type FormEvent, type ReactNode, useEffect, useId, useState } from 'react';
import { perform } from '../../actions/action';
import { setSetting, unsetSetting } from '../../actions/setting_changes';
import { usePage } from '../../hooks';
import type { SettingInfo, SettingList } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import styles from './settings.module.css';

interface FieldProps {
  // What it is called here; without it, its key.
  label?: string;
  settingKey: string;
  // As the daemon lists it; undefined: it is not set, and has no default.
  setting: SettingInfo | undefined;
}

// A variable such as OPTA_LMX_HOST decides.
function variableOf(setting: SettingInfo | undefined): string {
  return setting && /^OPTA_[A-Z_]+$/.test(setting.origin) ? setting.origin : '';
}

export function findSetting(list: SettingList | undefined, key: string): SettingInfo | undefined {
  return list?.settings.find((each) => each.key === key);
}

export function SettingField({ label, settingKey: key, setting }: FieldProps): ReactNode {
  const page = usePage();
  const words = useWords('settings.value');
  const id = useId();
  const known = setting?.value ?? '';
  const [text, setText] = useState(known);
  // Another client, or this one, has changed it.
  useEffect(() => setText(known), [known]);
  const variable = variableOf(setting);
  if (known === 'true' || known === 'false') return <SettingSwitch label={label ?? key} settingKey={key} setting={setting} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void perform(page, setSetting, { key, value: text.trim() });
  };
  return (
    <form className={styles.value} onSubmit={submit}>
      <label className={styles.name} htmlFor={id}>
        {label ?? key}
      </label>
      <input id={id} value={text} placeholder={words('notSet')} disabled={variable !== ''} autoComplete="off" spellCheck={false} onChange={(event) => setText(event.target.value)} />
      <span className={styles.buttons}>
        <Button type="submit" size="small" disabled={text.trim() === known || !text.trim() || variable !== ''} aria-label={words('setOf', { key: label ?? key })}>
          {words('set')}
        </Button>
        <Unset settingKey={key} label={label ?? key} setting={setting} />
      </span>
      <About setting={setting} />
    </form>
  );
}

export function SettingSwitch({ label, settingKey: key, setting }: FieldProps & { label: string }): ReactNode {
  const page = usePage();
  const variable = variableOf(setting);
  const isOn = setting?.value === 'true';
  return (
    <div className={styles.value}>
      <label className={styles.whole}>
        <input type="checkbox" checked={isOn} disabled={!setting || variable !== ''} onChange={() => void perform(page, setSetting, { key, value: isOn ? 'false' : 'true' })} /> {label}
      </label>
      <About setting={setting} />
    </div>
  );
}

function Unset({ settingKey: key, label, setting }: { settingKey: string; label: string; setting: SettingInfo | undefined }): ReactNode {
  const page = usePage();
  const words = useWords('settings.value');
  if (!setting || setting.origin === 'default' || variableOf(setting)) return null;
  return (
    <Button size="small" look="quiet" aria-label={words('unsetOf', { key: label })} onClick={() => void perform(page, unsetSetting, key)}>
      {words('unset')}
    </Button>
  );
}

function About({ setting }: { setting: SettingInfo | undefined }): ReactNode {
  const words = useWords('settings.value');
  if (!setting) return null;
  const variable = variableOf(setting);
  const origin = setting.origin === 'default' ? words('default') : words('fromFile');
  const after = words('after', { applies: setting.applies, services: setting.services.join(', ') });
  return <span className={`${styles.about} ${variable ? 'warn' : 'dim'}`}>{variable ? words('variable', { name: line(variable) }) : `${origin} · ${after}`}</span>;
}
