import { type ReactNode, useEffect, useState } from 'react';
import { ActionButton } from '../../actions/button';
import { detachFile, pasteAsText, retryFile } from '../../actions/attachments';
import { type AttachedFile, FILE_BYTES_MAX } from '../../attached';
import { usePageState } from '../../hooks';
import { attached } from '../../state';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { line } from '../../visible';
import styles from './composer.module.css';

// The files of the next message: what each shows, how far it is, and what can be done about it.
export function Attachments(): ReactNode {
  const words = useWords('composer.files');
  const files = usePageState(attached);
  if (!files.length) return null;
  return (
    <ul className={styles.files} aria-label={words('label')}>
      {files.map((file) => (
        <Chip key={file.key} file={file} />
      ))}
    </ul>
  );
}

function Chip({ file }: { file: AttachedFile }): ReactNode {
  const words = useWords('composer.files');
  const preview = usePreview(file.file);
  const name = line(file.name);
  const isRefused = file.state === 'failed';
  return (
    <li className={classes(styles.file, isRefused && styles.refused)}>
      {preview ? <img className={styles.preview} src={preview} alt="" /> : <span aria-hidden="true">{isRefused ? '✕' : '▤'}</span>}
      <span className={styles.fileName}>{name}</span>
      {isRefused ? (
        <span role="alert" className="err">
          <span className="sr-only">{words('refused', { name, problem: '' })}</span>
          {file.problem}
        </span>
      ) : (
        <span className="dim num">{words('kilobytes', { size: Math.max(1, Math.round(file.bytes / 1024)) })}</span>
      )}
      {file.state === 'uploading' ? <progress aria-label={words('uploading', { name })} /> : null}
      {isRefused && file.file && file.bytes <= FILE_BYTES_MAX ? (
        <ActionButton action={retryFile} argument={file.key} className={styles.small} label={words('retryName', { name })} />
      ) : null}
      {file.pasted !== null ? (
        <ActionButton action={pasteAsText} argument={file.key} className={styles.small} label={words('pasteName', { name })} />
      ) : null}
      <ActionButton action={detachFile} argument={file.key} className={styles.small} title={words('remove', { name })} label={words('remove', { name })}>
        <span aria-hidden="true">✕</span>
      </ActionButton>
    </li>
  );
}

// The address of a picture that was chosen, for as long as it is shown.
function usePreview(file: File | null): string {
  const [address, setAddress] = useState('');
  useEffect(() => {
    if (!file?.type.startsWith('image/')) return;
    const made = URL.createObjectURL(file);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return address;
}
