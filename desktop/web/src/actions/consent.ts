// Actions that allow or deny something. They have no keys: only a button of the card that shows the question decides.

import type { Action } from './action';

export interface Answer {
  requestId: string;
  decision: string;
  // The id of the chosen offer, '' for none.
  offer: string;
  // Why it was denied, for the model.
  note?: string;
  // Of a sub-agent's question: its session.
  sid?: string;
}

export const answerPermission: Action<Answer> = {
  id: 'permission.answer',
  name: 'Answer a permission question',
  label: 'Answer',
  keys: [],
  when: (state, { requestId, sid }) =>
    sid ? state.childAsks.some(({ call }) => call.requestId === requestId) : state.transcript.asking().some(({ call }) => call.requestId === requestId),
  run: async (page, { requestId, decision, offer, note, sid }) => {
    await page.daemon.answer(sid ?? page.state.selected, requestId, decision, offer, note);
  },
};

// Their argument is the hash of the files that were shown.
export const trustFolder: Action<string> = {
  id: 'folder.trust',
  name: 'Trust the files of the folder',
  label: 'Trust this folder',
  keys: [],
  when: (state, sha256) => state.trust?.sha256 === sha256,
  run: async (page, sha256) => {
    const { cwd } = page.state.transcript;
    const trust = await page.daemon.giveTrust(cwd, sha256);
    if (page.state.transcript.cwd === cwd) page.set({ trust });
  },
};

export const putTrustAside: Action<string> = {
  id: 'folder.put-aside',
  name: 'Decide later whether to trust the folder',
  label: 'Not now',
  keys: [],
  when: () => true,
  run: (page, sha256) => page.set({ trustPutAside: sha256 }),
};
