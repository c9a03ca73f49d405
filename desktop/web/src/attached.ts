// Files of the next message: each is on its way to the daemon, there, or refused with the reason.

import type { Attachment } from './protocol';

export interface AttachedFile {
  // Names it within this window.
  key: string;
  name: string;
  bytes: number;
  state: 'uploading' | 'ready' | 'failed';
  // As the daemon keeps it, once it does.
  stored: Attachment | null;
  problem: string;
  // What was chosen; null after a reload of the window.
  file: File | null;
  // The text that became a file because it is long, so that it can go back into the message.
  pasted: string | null;
}

// What the daemon takes: bytes of one file, and of all files of a turn; files of a turn.
export const FILE_BYTES_MAX = 16 * 1024 ** 2;
export const TURN_BYTES_MAX = 20 * 1024 ** 2;
export const FILES_MAX = 16;
// A longer text that is pasted becomes a file.
export const PASTED_CHARS_MAX = 20_000;

// A file that the daemon already has.
export function restored(stored: Attachment): AttachedFile {
  return { key: stored.id, name: stored.name, bytes: stored.bytes, state: 'ready', stored, problem: '', file: null, pasted: null };
}

export function storedFiles(files: AttachedFile[]): Attachment[] {
  return files.flatMap((file) => (file.stored ? [file.stored] : []));
}
