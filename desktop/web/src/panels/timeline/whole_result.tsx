import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { usePage, usePageState } from '../../hooks';
import { artifactQuery, textOfQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import type { Call } from '../../transcript';
import { Button } from '../../ui/kit/button';
import { TerminalOutput } from '../../ui/terminal_output';
import styles from './toolcard.module.css';

// Of a result that was shortened for the model: that it was, and the whole of it where it is kept. `isShown`: the card shows all of it.
export function WholeResult({ call, isShown }: { call: Call; isShown: boolean }): ReactNode {
  const page = usePage();
  const words = useWords('cards');
  const sid = usePageState((state) => state.selected);
  const [isOpen, setOpen] = useState(false);
  const { data, error } = useQuery({ ...textOfQuery(page.daemon, sid, call.spill), enabled: isOpen });
  if (!call.spill) return <p className={styles.facts}>{words('shortened')}</p>;
  const save = async () => page.save(call.spill, await page.queries.fetchQuery(artifactQuery(page.daemon, sid, call.spill)));
  return (
    <>
      <p className={styles.facts}>
        {words('shortened')}{' '}
        {isShown ? null : (
          <Button look="quiet" size="small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            {isOpen ? words('hideWhole') : words('showWhole')}
          </Button>
        )}
        <Button look="quiet" size="small" onClick={() => void save().catch((problem: unknown) => page.report(problem))}>
          {words('save')}
        </Button>
      </p>
      {isOpen && error ? <p className={`${styles.failure} err`} lang="en">{error.message}</p> : null}
      {isOpen && data !== undefined ? <TerminalOutput text={data} /> : null}
    </>
  );
}
