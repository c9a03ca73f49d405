import { type ReactNode, useState } from 'react';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';

// A button whose deed needs a second word, which says what follows.
export function ConfirmButton({ label, sure, children, onSure }: { label: string; sure: string; children: ReactNode; onSure: () => Promise<unknown> }): ReactNode {
  const words = useWords('settings.confirm');
  const [isAsked, setAsked] = useState(false);
  if (!isAsked)
    return (
      <Button size="small" aria-label={label} onClick={() => setAsked(true)}>
        {children}
      </Button>
    );
  return (
    <>
      <Button size="small" onClick={() => setAsked(false)} autoFocus>
        {words('keep')}
      </Button>
      <Button size="small" look="danger" onClick={() => void onSure().then(() => setAsked(false))}>
        {sure}
      </Button>
    </>
  );
}
