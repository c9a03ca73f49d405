// Actions on the files of the message that is being written.

import { type AttachedFile, FILE_BYTES_MAX } from '../attached';
import type { Page } from '../page';
import { attached, draft, withAttached, withDraft } from '../state';
import type { Action } from './action';
import { number } from '../strings/formats';
import { say } from '../strings/spoken';

export const attachFiles: Action<File[]> = {
  id: 'composer.attach',
  name: 'Attach images and text files to the message',
  label: 'Attach',
  keys: [],
  when: (_, files) => files.length > 0,
  run: (page, files) => attach(page, files.map((file) => begun(file))),
};

// A long text goes as a file, so that the message stays quick to edit and the model is given it as one.
export const attachText: Action<string> = {
  id: 'composer.attach-text',
  name: 'Attach a long text to the message',
  label: 'Attach as a file',
  keys: [],
  when: (_, text) => text !== '',
  run: (page, text) => {
    const number = attached(page.state).filter((file) => file.pasted !== null).length + 1;
    return attach(page, [begun(new File([text], `pasted-${number}.txt`, { type: 'text/plain' }), text)]);
  },
};

export const retryFile: Action<string> = {
  id: 'composer.retry-file',
  name: 'Try to attach a file again',
  label: 'Try again',
  keys: [],
  when: (state, key) => attached(state).some((file) => file.key === key && file.state === 'failed' && file.file !== null && file.file.size <= FILE_BYTES_MAX),
  run: async (page, key) => {
    const failed = attached(page.state).find((file) => file.key === key);
    if (!failed) return;
    change(page, key, { state: 'uploading', problem: '' });
    await upload(page, failed);
  },
};

// Text that became a file goes back into the message, at its end.
export const pasteAsText: Action<string> = {
  id: 'composer.paste-as-text',
  name: 'Put a pasted text into the message instead of a file',
  label: 'Paste as text',
  keys: [],
  when: (state, key) => attached(state).some((file) => file.key === key && file.pasted !== null),
  run: (page, key) => {
    const text = attached(page.state).find((file) => file.key === key)?.pasted ?? '';
    page.set(withDraft(page.state, page.state.selected, draft(page.state) + text));
    detach(page, key);
    page.focus('composer');
  },
};

export const detachFile: Action<string> = {
  id: 'composer.detach',
  name: 'Take a file off the message',
  label: 'Remove',
  keys: [],
  when: (state, key) => attached(state).some((file) => file.key === key),
  run: (page, key) => {
    detach(page, key);
    page.focus('composer');
  },
};

function begun(file: File, pasted: string | null = null): AttachedFile {
  return { key: crypto.randomUUID(), name: file.name || 'file', bytes: file.size, state: 'uploading', stored: null, problem: '', file, pasted };
}

async function attach(page: Page, files: AttachedFile[]): Promise<void> {
  const sid = page.state.selected;
  page.set(withAttached(page.state, sid, [...attached(page.state), ...files]));
  for (const file of files) await upload(page, file);
}

// What is refused stays as a chip with the reason, until it is taken off or tried again.
async function upload(page: Page, { key, file }: AttachedFile): Promise<void> {
  if (!file) return;
  if (file.size > FILE_BYTES_MAX) {
    change(page, key, { state: 'failed', problem: say('problems')('tooLarge', { size: mebibytes(file.size), most: mebibytes(FILE_BYTES_MAX) }) });
    return;
  }
  try {
    const stored = await page.daemon.upload(file);
    // The same file twice is one: its id says what is in it.
    const isKnown = Object.values(page.state.attached).some((files) => files.some((each) => each.key === key) && files.some((each) => each.key !== key && each.stored?.id === stored.id));
    if (isKnown) detach(page, key);
    else change(page, key, { state: 'ready', stored, bytes: stored.bytes });
  } catch (error) {
    change(page, key, { state: 'failed', problem: error instanceof TypeError ? say('problems')('daemonAway') : error instanceof Error ? error.message : String(error) });
  }
}

// Wherever it is by now: its message may have moved to another session meanwhile.
function change(page: Page, key: string, fields: Partial<AttachedFile>): void {
  replace(page, (files) => files.map((file) => (file.key === key ? { ...file, ...fields } : file)));
}

function detach(page: Page, key: string): void {
  replace(page, (files) => files.filter((file) => file.key !== key));
}

function replace(page: Page, changed: (files: AttachedFile[]) => AttachedFile[]): void {
  page.set({ attached: Object.fromEntries(Object.entries(page.state.attached).map(([sid, files]) => [sid, changed(files)])) });
}

function mebibytes(bytes: number): string {
  return number(bytes / 1024 ** 2, bytes % 1024 ** 2 ? 1 : 0);
}
