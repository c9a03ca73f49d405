import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { usePage } from '../../hooks';
import { artifactQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Dialog } from '../../ui/kit/dialog';
import { line } from '../../visible';
import styles from './picture.module.css';

// A picture of a session, small; it opens larger. Its bytes come from the daemon, never from the web.
export function Picture({ sid, file, title }: { sid: string; file: string; title: string }): ReactNode {
  const page = usePage();
  const words = useWords('cards');
  const { data, error } = useQuery(artifactQuery(page.daemon, sid, file));
  const address = useAddress(data);
  const [isOpen, setOpen] = useState(false);
  const name = line(title);
  if (error) return <p className="dim">{words('noPicture', { name, reason: error.message })}</p>;
  if (!address) return <span className={styles.waiting} role="img" aria-label={words('loading', { name })} />;
  return (
    <>
      <button type="button" className={styles.thumbnail} aria-label={words('enlarge', { name })} onClick={() => setOpen(true)}>
        <img src={address} alt={name} />
      </button>
      <Dialog
        isOpen={isOpen}
        onClose={() => setOpen(false)}
        title={name}
        isWide
        buttons={
          <>
            <Button onClick={() => (data ? page.save(file, data) : undefined)}>{words('save')}</Button>
            <Button onClick={() => setOpen(false)}>{words('close')}</Button>
          </>
        }
      >
        <img className={styles.large} src={address} alt={name} />
      </Dialog>
    </>
  );
}

// An address of some bytes for this window, for as long as it is shown.
function useAddress(data: Blob | undefined): string {
  const [address, setAddress] = useState('');
  useEffect(() => {
    if (!data) return;
    const made = URL.createObjectURL(data);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  return address;
}
