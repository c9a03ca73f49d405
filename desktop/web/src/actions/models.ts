// Actions on models of LMX and of configured servers: let one answer, fetch one.

import { DaemonError } from '../http_connection';
import type { Page } from '../page';
import type { Action } from './action';
import { PageProblem, say } from '../strings/spoken';

// `lmx/NAME` or `PROVIDER/NAME`. One of LMX is loaded first: when that fails, nothing has changed.
export const useModel: Action<string> = {
  id: 'models.use',
  name: 'Let a model answer from now on',
  label: 'Use it',
  keys: [],
  when: (state) => state.busyModel === '' && !state.isAddingServer,
  run: async (page, id) => {
    page.set({ busyModel: id, problem: '' });
    try {
      if (id.startsWith('lmx/')) await page.daemon.loadModel(id.slice('lmx/'.length));
      await page.daemon.setDefaultModel(id);
      page.set({ notice: say('notices')('answers', { model: id }) });
      page.refreshModels();
    } finally {
      page.set({ busyModel: '' });
    }
  },
};

// Download a model of the hub. Its progress is in LMX's list of models.
export const fetchModel: Action<string> = {
  id: 'models.fetch',
  name: 'Fetch a model from the hub',
  label: 'Fetch',
  keys: [],
  when: (state) => state.busyModel === '',
  run: async (page, repo) => {
    page.set({ busyModel: repo, problem: '' });
    try {
      const { revision } = await page.daemon.availableModel(repo);
      await page.daemon.pullModel(repo, revision);
      await page.queries.invalidateQueries({ queryKey: ['models', 'lmx'] });
    } catch (error) {
      if (error instanceof DaemonError && error.status === 503) throw new PageProblem(say('problems')('cannotFetch', { repo, reason: error.message }));
      throw error;
    } finally {
      page.set({ busyModel: '' });
    }
  },
};

export const showModels: Action = {
  id: 'models.show',
  name: 'Show the models of LMX: what is loaded, what is on the disk, and what can be fetched',
  label: 'Models',
  keys: ['Mod+Shift+L', 'Alt+Shift+L'],
  when: () => true,
  run: (page) => page.showSheet(page.state.route.sheet === 'models' ? undefined : 'models'),
};

// Answers once it is loaded. `pin` keeps it in memory until it is unloaded; a loaded model can be pinned, too.
export const loadModel: Action<{ model: string; pin: boolean }> = {
  id: 'models.load',
  name: 'Load a model of LMX into memory',
  label: 'Load',
  keys: [],
  when: (state) => state.busyModel === '',
  run: async (page, { model, pin }) => {
    page.set({ busyModel: `lmx/${model}`, problem: '' });
    try {
      await page.daemon.loadModel(model, pin);
    } finally {
      page.set({ busyModel: '' });
      await modelsChanged(page);
    }
  },
};

export const unloadModel: Action<string> = {
  id: 'models.unload',
  name: 'Take a model of LMX out of memory',
  label: 'Unload',
  keys: [],
  when: (state) => state.busyModel === '',
  run: async (page, model) => {
    await page.daemon.unloadModel(model);
    await modelsChanged(page);
  },
};

// The revision is the one whose size and licence were shown. A download that goes on keeps its name.
export const pullModel: Action<{ repo: string; revision: string; name?: string }> = {
  id: 'models.pull',
  name: 'Begin or continue the download of a model',
  label: 'Fetch',
  keys: [],
  when: () => true,
  run: async (page, { repo, revision, name }) => {
    await page.daemon.pullModel(repo, revision, name);
    await modelsChanged(page);
  },
};

export const pausePull: Action<string> = {
  id: 'models.pause',
  name: 'Pause the download of a model',
  label: 'Pause',
  keys: [],
  when: () => true,
  run: async (page, name) => {
    await page.daemon.pausePull(name);
    await modelsChanged(page);
  },
};

// Asks the model a few prompts of different lengths; it is loaded for that.
export const startBench: Action<string> = {
  id: 'models.bench',
  name: 'Measure how fast a model of LMX is',
  label: 'Measure',
  keys: [],
  when: (state) => state.busyModel === '',
  run: async (page, model) => {
    page.set({ problem: '' });
    await page.daemon.startBench(model);
    await page.queries.invalidateQueries({ queryKey: ['models', 'benches'] });
  },
};

export const stopBench: Action = {
  id: 'models.bench-stop',
  name: 'Stop the measurement of a model; what it has measured is kept',
  label: 'Stop',
  keys: [],
  when: () => true,
  run: async (page) => {
    await page.daemon.stopBench();
    await page.queries.invalidateQueries({ queryKey: ['models', 'benches'] });
  },
};

async function modelsChanged(page: Page): Promise<void> {
  await page.queries.invalidateQueries({ queryKey: ['models', 'lmx'] });
  page.refreshModels();
}
