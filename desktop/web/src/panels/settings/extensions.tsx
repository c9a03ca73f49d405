// Hooks and skills: what there is, where it is written, and what of it cannot be used. Both are edited in files.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { folderFor } from '../../folder_names';
import { usePage, usePageState } from '../../hooks';
import type { HookInfo, SkillInfo } from '../../protocol';
import { skillsQuery } from '../../queries';
import { hooksQuery } from '../../setting_queries';
import { useWords } from '../../strings/strings';
import { Revealed } from '../../ui/exact';
import { line } from '../../visible';
import { Argv } from './notifications';
import { FilePath, Section, Waiting } from './section';
import styles from './settings.module.css';

const MOMENTS: Readonly<Record<HookInfo['on'], 'beforeTool' | 'afterTool' | 'turnEnd'>> = { 'before-tool': 'beforeTool', 'after-tool': 'afterTool', 'turn-end': 'turnEnd' };

export function Extensions(): ReactNode {
  return (
    <>
      <Hooks />
      <Skills />
    </>
  );
}

function Hooks(): ReactNode {
  const page = usePage();
  const words = useWords('settings.extensions');
  const { data, error } = useQuery(hooksQuery(page.daemon));
  return (
    <Section title={words('hooksTitle')} hint={words('hooksHint')} command="opta hooks list">
      <Waiting error={error} isRead={data !== undefined} />
      {data?.file ? <FilePath label={words('file')} path={data.file} /> : null}
      {data?.folder ? <FilePath label={words('folder')} path={data.folder} /> : null}
      {data?.hooks.length === 0 ? <p className="dim">{words('noHooks')}</p> : null}
      <ol className={styles.rows}>
        {(data?.hooks ?? []).map((hook) => (
          <Hook key={`${hook.on} ${hook.name}`} hook={hook} />
        ))}
      </ol>
    </Section>
  );
}

function Hook({ hook }: { hook: HookInfo }): ReactNode {
  const words = useWords('settings.extensions');
  const about = [hook.tools.length ? words('tools', { tools: hook.tools.join(', ') }) : words('everyTool'), words('timeout', { seconds: String(hook.timeoutS) }), words(hook.isOpen ? 'open' : 'closed')];
  return (
    <li>
      <span className={styles.words}>
        <strong>{line(hook.name)}</strong> <span className="dim">{[words('on', { on: MOMENTS[hook.on] }), ...about].join(' · ')}</span>
      </span>
      <div className={styles.whole}>
        <Argv words={hook.command} />
        {hook.problem ? <p className="err">{line(hook.problem)}</p> : null}
      </div>
    </li>
  );
}

function Skills(): ReactNode {
  const page = usePage();
  const words = useWords('settings.extensions');
  const cwd = usePageState(folderFor);
  const { data, error } = useQuery(skillsQuery(page.daemon, cwd));
  return (
    <Section title={words('skillsTitle')} hint={words('skillsHint')} command="opta skills list">
      <Waiting error={error} isRead={data !== undefined} />
      {data?.folder ? <FilePath label={words('file')} path={data.folder} /> : null}
      {data?.skills.length === 0 ? <p className="dim">{words('noSkills')}</p> : null}
      <ul className={styles.rows}>
        {(data?.skills ?? []).map((skill) => (
          <Skill key={skill.path} skill={skill} />
        ))}
      </ul>
      {data?.problems.length ? (
        <div className={styles.note}>
          <h4>{words('problems')}</h4>
          <ul>
            {data.problems.map((problem) => (
              <li key={problem} className="err">
                <Revealed text={problem} />
              </li>
            ))}
          </ul>
        </div>
      ) : null}
    </Section>
  );
}

function Skill({ skill }: { skill: SkillInfo }): ReactNode {
  const words = useWords('settings.extensions');
  return (
    <li>
      <span className={styles.words}>
        <strong>{line(skill.name)}</strong> <span className="dim">{[words(`origins.${skill.origin}`), skill.isListed ? '' : words('unlisted')].filter(Boolean).join(' · ')}</span> <Revealed text={skill.description} />
      </span>
      <div className={styles.whole}>
        <FilePath label={words('path')} path={skill.path} />
      </div>
    </li>
  );
}
