// The open session is not there: it was moved to the trash, here or elsewhere, or never was.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { newSession, restoreSession, showTrash } from '../../actions/sessions';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import styles from './gone.module.css';
import { ActionLabel } from '../../actions/action_words';

// Above what was read of it, which stays readable.
export function GoneBanner(): ReactNode {
  const words = useWords('gone');
  return (
    <div className={styles.banner} role="alert">
      <span>{words('moved')}</span>
      <Ways />
    </div>
  );
}

// In place of a timeline, when nothing was read of it.
export function GonePanel(): ReactNode {
  const words = useWords('gone');
  const sid = usePageState((state) => state.gone);
  return (
    <section className={styles.panel} role="alert" aria-labelledby="gone-title">
      <h2 id="gone-title">{words('title')}</h2>
      <p>{words('none', { sid })}</p>
      <div className={styles.buttons}>
        <Ways />
      </div>
    </section>
  );
}

function Ways(): ReactNode {
  const page = usePage();
  const sid = usePageState((state) => state.gone);
  return (
    <>
      <Button size="small" onClick={() => void perform(page, restoreSession, sid)}>
        <ActionLabel action={restoreSession} />
      </Button>
      <Button size="small" look="quiet" onClick={() => void perform(page, showTrash, undefined)}>
        <ActionLabel action={showTrash} />
      </Button>
      <Button size="small" look="quiet" onClick={() => void perform(page, newSession, undefined)}>
        <ActionLabel action={newSession} />
      </Button>
    </>
  );
}
