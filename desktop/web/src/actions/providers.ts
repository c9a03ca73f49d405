// Model servers of this machine: looked for, and used after the user has said so.

import type { DiscoveredServer } from '../protocol';
import type { Action } from './action';
import { say } from '../strings/spoken';

export const lookForServers: Action = {
  id: 'providers.look',
  name: 'Look for model servers on this machine',
  label: 'Look again',
  keys: [],
  when: (state) => !state.isLookingForServers,
  run: (page) => page.lookForServers(),
};

export interface ChosenModel {
  server: DiscoveredServer;
  model: string;
}

// From then on its model answers every turn that names no other.
export const useServer: Action<ChosenModel> = {
  id: 'providers.use',
  name: 'Use a model server of this machine',
  label: 'Use it',
  keys: [],
  when: (state, { server, model }) => !state.isAddingServer && model !== '' && !server.configured,
  run: async (page, { server, model }) => {
    page.set({ isAddingServer: true });
    try {
      const added = await page.daemon.addProvider({ name: server.name, type: server.type, baseUrl: server.baseUrl, model, makeDefault: true });
      page.set({ notice: say('notices')('answersWith', { server: server.label, model }), problem: added.problem ? say('problems')('notAnswering', { server: server.label, reason: added.problem }) : '' });
      page.refreshModels();
    } finally {
      page.set({ isAddingServer: false });
      await page.lookForServers();
    }
  },
};
