import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { chooseSendKey } from '../../actions/composer';
import { changeLook, type DiffView, followEnd, showDiffs, wrapOutput } from '../../actions/view';
import { usePage, usePageState } from '../../hooks';
import { DENSITIES, type Density, lookOf, MOTIONS, type Motion, TEXT_SIZES, type TextSize, THEMES, type Theme } from '../../look';
import type { Grouping } from '../../remembered';
import { enterSends } from '../../state';
import { useWords } from '../../strings/strings';
import { Select } from '../../ui/kit/select';
import { Section } from './section';
import styles from './settings.module.css';

const DIFFS = ['auto', 'unified', 'split'] as const;
const GROUPINGS = ['folder', 'date'] as const;

export function Appearance(): ReactNode {
  const page = usePage();
  const words = useWords('settings.view');
  const isEnter = usePageState(enterSends);
  const isWrapped = usePageState((state) => state.choices.wrap !== 'off');
  const diff = usePageState((state) => (state.choices.diff ?? 'auto') as DiffView);
  const grouping = usePageState((state) => state.remembered.grouping);
  const choices = usePageState((state) => state.choices);
  const look = lookOf(choices);
  return (
    <Section title={words('title')}>
      <div className={styles.row}>
        {words('theme')}
        <Select label={words('theme')} value={look.theme} onChoose={(theme: Theme) => void perform(page, changeLook, { theme })} options={THEMES.map((value) => ({ value, label: words(`themes.${value}`) }))} />
      </div>
      <div className={styles.row}>
        {words('textSize')}
        <Select label={words('textSize')} value={look.textSize} onChoose={(textSize: TextSize) => void perform(page, changeLook, { textSize })} options={TEXT_SIZES.map((value) => ({ value, label: words('percent', { value: Number(value) / 100 }) }))} />
      </div>
      <div className={styles.row}>
        {words('density')}
        <Select label={words('density')} value={look.density} onChoose={(density: Density) => void perform(page, changeLook, { density })} options={DENSITIES.map((value) => ({ value, label: words(`densities.${value}`) }))} />
      </div>
      <div className={styles.row}>
        {words('motion')}
        <Select label={words('motion')} value={look.motion} onChoose={(motion: Motion) => void perform(page, changeLook, { motion })} options={MOTIONS.map((value) => ({ value, label: words(`motions.${value}`) }))} />
      </div>
      <label className={styles.row}>
        <input type="checkbox" checked={choices.autoscroll !== 'off'} onChange={(event) => void perform(page, followEnd, event.target.checked)} />
        <span>
          {words('autoscroll')} <span className="dim">{words('autoscrollHint')}</span>
        </span>
      </label>
      <label className={styles.row}>
        <input type="checkbox" checked={isEnter} onChange={(event) => void perform(page, chooseSendKey, event.target.checked)} />
        <span>
          {words('sends')} <span className="dim">{words('sendsHint')}</span>
        </span>
      </label>
      <label className={styles.row}>
        <input type="checkbox" checked={isWrapped} onChange={(event) => void perform(page, wrapOutput, event.target.checked)} />
        {words('wrap')}
      </label>
      <div className={styles.row}>
        {words('diff')}
        <Select label={words('diff')} value={diff} onChoose={(value: DiffView) => void perform(page, showDiffs, value)} options={DIFFS.map((value) => ({ value, label: words(`diffs.${value}`) }))} />
      </div>
      <div className={styles.row}>
        {words('grouping')}
        <Select label={words('grouping')} value={grouping} onChoose={(value: Grouping) => page.remember({ grouping: value })} options={GROUPINGS.map((value) => ({ value, label: words(`groupings.${value}`) }))} />
      </div>
    </Section>
  );
}
