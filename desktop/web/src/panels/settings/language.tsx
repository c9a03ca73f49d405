import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { chooseLanguage } from '../../actions/view';
import { usePage, usePageState } from '../../hooks';
import { dateTime, number } from '../../strings/formats';
import { choiceOf, LANGUAGE_CHOICES, type LanguageChoice } from '../../strings/languages';
import { useWords } from '../../strings/strings';
import { Select } from '../../ui/kit/select';
import { Section } from './section';
import styles from './settings.module.css';

const EXAMPLE = new Date(2026, 10, 30, 18, 5).toISOString();

// The language of the page, with an example of how it writes dates and numbers.
export function Language(): ReactNode {
  const page = usePage();
  const words = useWords('settings');
  const choice = usePageState((state) => choiceOf(state.choices.language));
  return (
    <Section title={words('language.title')}>
      <div className={styles.row}>
        {words('language.choose')}
        <Select label={words('language.choose')} value={choice} onChoose={(language: LanguageChoice) => void perform(page, chooseLanguage, language)} options={LANGUAGE_CHOICES.map((value) => ({ value, label: words(`view.languages.${value}`) }))} />
      </div>
      <p className="dim">{words('language.now', { example: `${dateTime(EXAMPLE)}, ${number(1234.5)}` })}</p>
    </Section>
  );
}
