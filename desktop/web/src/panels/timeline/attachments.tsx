import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { line } from '../../visible';
import { Picture } from './picture';
import styles from './toolcard.module.css';

const IMAGE = /\.(?:png|jpe?g|gif|webp)$/;

// What was attached to a message: pictures as such, other files by name. `files`: ids as the daemon keeps them.
export function Attachments({ files }: { files: readonly string[] }): ReactNode {
  const words = useWords('cards');
  const sid = usePageState((state) => state.selected);
  if (!files.length) return null;
  const images = files.filter((file) => IMAGE.test(file));
  const others = files.filter((file) => !IMAGE.test(file));
  return (
    <div className={styles.attachments}>
      {images.length ? (
        <div className={styles.pictures}>
          {images.map((file) => (
            <Picture key={file} sid={sid} file={file} title={titleOf(file)} />
          ))}
        </div>
      ) : null}
      {others.length ? <p className="dim">{words('attached', { names: others.map((file) => line(titleOf(file))).join(', ') })}</p> : null}
    </div>
  );
}

// An attachment's name as its person knows it; its id ends with a hash.
function titleOf(id: string): string {
  return id.slice(0, id.lastIndexOf('-')) || id;
}
