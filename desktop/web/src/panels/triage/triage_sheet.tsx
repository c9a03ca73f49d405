// The triage: what is wrong and what repairs it, then the five steps with their evidence, then what else can be done after a failure.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { showTriage } from '../../actions/triage';
import { dismissProblem } from '../../actions/view';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Sheet } from '../../ui/kit/dialog';
import { line } from '../../visible';
import { Runbook } from './runbook';
import { Steps } from './steps';
import styles from './triage.module.css';
import { Verdict } from './verdict';

export function TriageSheet(): ReactNode {
  const page = usePage();
  const words = useWords('triage');
  const isOpen = usePageState((state) => state.route.sheet === 'triage');
  const close = () => void perform(page, showTriage, undefined);
  return (
    <Sheet isOpen={isOpen} onClose={close} title={words('title')} isWide isText>
      <Button size="small" className={styles.close} onClick={close}>
        {words('close')}
      </Button>
      {isOpen ? <TriagePanel /> : null}
    </Sheet>
  );
}

function TriagePanel(): ReactNode {
  const problem = usePageState((state) => state.problem);
  const diagnosis = usePageState((state) => state.diagnosis);
  return (
    <div className={styles.panel}>
      {problem ? (
        <p className="err" role="alert">
          {line(problem)} <ActionButton action={dismissProblem} argument={undefined} className="quiet" />
        </p>
      ) : null}
      <Verdict />
      {diagnosis ? <Steps diagnosis={diagnosis} /> : null}
      <Runbook />
    </div>
  );
}
