import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { chooseSendKey } from '../../actions/composer';
import { changeLook, chooseLanguage, type DiffView, showDiffs, wrapOutput } from '../../actions/view';
import { usePage, usePageState } from '../../hooks';
import { lookOf, MOTIONS, type Motion, TEXT_SIZES, type TextSize, THEMES, type Theme } from '../../look';
import type { Grouping } from '../../remembered';
import { enterSends } from '../../state';
import { useWords } from '../../strings/strings';
import { Select } from '../../ui/kit/select';
import { Section } from './section';
import styles from './settings.module.css';
import { choiceOf, LANGUAGE_CHOICES, type LanguageChoice } from '../../strings/languages';

const DIFFS = ['auto', 'unified', 'split'] as const;
const GROUPINGS = ['folder', 'date'] as const;

export function Appearance(): ReactNode {
  const page = usePage();
  const words = useWords('settings');
  const isEnter = usePageState(enterSends);
  const isWrapped = usePageState((state) => state.choices.wrap !== 'off');
  const diff = usePageState((state) => (state.choices.diff ?? 'auto') as DiffView);
  const grouping = usePageState((state) => state.remembered.grouping);
  const choices = usePageState((state) => state.choices);
  const look = lookOf(choices);
  return (
    <Section title={words('view.title')} hint={words('view.kept')}>
      <div className={styles.row}>
        {words('view.theme')}
        <Select label={words('view.theme')} value={look.theme} onChoose={(theme: Theme) => void perform(page, changeLook, { theme })} options={THEMES.map((value) => ({ value, label: words(`view.themes.${value}`) }))} />
      </div>
      <div className={styles.row}>
        {words('view.language')}
        <Select label={words('view.language')} value={choiceOf(choices.language)} onChoose={(language: LanguageChoice) => void perform(page, chooseLanguage, language)} options={LANGUAGE_CHOICES.map((value) => ({ value, label: words(`view.languages.${value}`) }))} />
      </div>
      <div className={styles.row}>
        {words('view.textSize')}
        <Select label={words('view.textSize')} value={look.textSize} onChoose={(textSize: TextSize) => void perform(page, changeLook, { textSize })} options={TEXT_SIZES.map((value) => ({ value, label: words('view.percent', { value: Number(value) / 100 }) }))} />
      </div>
      <div className={styles.row}>
        {words('view.motion')}
        <Select label={words('view.motion')} value={look.motion} onChoose={(motion: Motion) => void perform(page, changeLook, { motion })} options={MOTIONS.map((value) => ({ value, label: words(`view.motions.${value}`) }))} />
      </div>
      <label className={styles.row}>
        <input type="checkbox" checked={isEnter} onChange={(event) => void perform(page, chooseSendKey, event.target.checked)} />
        <span>
          {words('view.sends')} <span className="dim">{words('view.sendsHint')}</span>
        </span>
      </label>
      <label className={styles.row}>
        <input type="checkbox" checked={isWrapped} onChange={(event) => void perform(page, wrapOutput, event.target.checked)} />
        {words('view.wrap')}
      </label>
      <div className={styles.row}>
        {words('view.diff')}
        <Select label={words('view.diff')} value={diff} onChoose={(value: DiffView) => void perform(page, showDiffs, value)} options={DIFFS.map((value) => ({ value, label: words(`view.diffs.${value}`) }))} />
      </div>
      <div className={styles.row}>
        {words('view.grouping')}
        <Select label={words('view.grouping')} value={grouping} onChoose={(value: Grouping) => page.remember({ grouping: value })} options={GROUPINGS.map((value) => ({ value, label: words(`view.groupings.${value}`) }))} />
      </div>
    </Section>
  );
}
