// Actions on the window itself.

import type { Look } from '../look';
import type { State } from '../state';
import type { Action } from './action';
import { sessionPaths } from './changes';
import type { LanguageChoice } from '../strings/languages';
import { PageProblem, say } from '../strings/spoken';

export const toggleRail: Action = {
  id: 'view.rail',
  name: 'Show or hide the sessions',
  label: 'Sessions',
  keys: [],
  when: () => true,
  run: (page) => {
    const { isNarrow, isRailOpen, remembered } = page.state;
    if (isNarrow) page.set({ isRailOpen: !isRailOpen });
    else page.remember({ isRailHidden: !remembered.isRailHidden });
  },
};

// In a narrow window the list is a drawer, elsewhere a column.
export function isRailShown({ isNarrow, isRailOpen, remembered }: State): boolean {
  return isNarrow ? isRailOpen : !remembered.isRailHidden;
}

// The drawer was left: by Escape, or by a click beside it.
export const closeRail: Action = {
  id: 'view.close-rail',
  name: 'Close the list of sessions',
  label: 'Close',
  keys: [],
  when: (state) => state.isRailOpen,
  run: (page) => page.set({ isRailOpen: false }),
};

export const toggleChanges: Action = {
  id: 'view.changes',
  name: 'Show or hide the files that the session changed',
  label: 'Changed files',
  keys: [],
  when: (state) => state.areChangesOpen || sessionPaths(state.transcript).size > 0,
  run: (page) => page.set({ areChangesOpen: !page.state.areChangesOpen }),
};

// Its column where the window has room for it, else the sheet over the page.
export const toggleTelemetry: Action = {
  id: 'view.telemetry',
  name: 'Show or hide the telemetry',
  label: 'Telemetry',
  keys: [],
  when: () => true,
  run: (page) => page.set(page.fits('telemetry') ? { isTelemetryOpen: !page.state.isTelemetryOpen } : { isTelemetrySheetOpen: !page.state.isTelemetrySheetOpen }),
};

export const closeTelemetrySheet: Action = {
  id: 'view.telemetry-sheet',
  name: 'Close the telemetry',
  label: 'Close',
  keys: [],
  when: (state) => state.isTelemetrySheetOpen,
  run: (page) => page.set({ isTelemetrySheetOpen: false }),
};

export const dismissProblem: Action = {
  id: 'view.dismiss-problem',
  name: 'Dismiss the message about a problem',
  label: 'Dismiss',
  keys: [],
  when: (state) => state.problem !== '',
  run: (page) => page.set({ problem: '' }),
};

// How changes of files are shown. auto: side by side where the space allows it.
export type DiffView = 'auto' | 'unified' | 'split';

export const showDiffs: Action<DiffView> = {
  id: 'view.diff',
  name: 'Show changes of files in one column or side by side',
  label: 'Diff',
  keys: [],
  when: () => true,
  run: (page, view) => page.set({ choices: { ...page.state.choices, diff: view } }),
};

export const wrapOutput: Action<boolean> = {
  id: 'view.wrap',
  name: 'Wrap long lines of output',
  label: 'Wrap',
  keys: [],
  when: () => true,
  run: (page, isWrapped) => page.set({ choices: { ...page.state.choices, wrap: isWrapped ? 'on' : 'off' } }),
};

// A part of how the page looks; `textSize` is in percent.
export const changeLook: Action<Partial<Look>> = {
  id: 'view.look',
  name: 'Change the theme, the motion or the size of the text',
  label: 'Appearance',
  keys: [],
  when: () => true,
  run: (page, look) => page.set({ choices: { ...page.state.choices, ...look } }),
};

// The language of the page; `system`: the first of the browser's languages that the page speaks.
export const chooseLanguage: Action<LanguageChoice> = {
  id: 'view.language',
  name: 'Choose the language of the page',
  label: 'Language',
  keys: [],
  when: () => true,
  run: (page, language) => page.set({ choices: { ...page.state.choices, language } }),
};

export const allowNotifications: Action = {
  id: 'view.notify',
  name: 'Show notifications when a turn ends or needs an answer',
  label: 'Notifications',
  keys: [],
  when: () => true,
  run: async (page) => {
    if (!(await page.askToNotify())) throw new PageProblem(say('problems')('notifications'));
  },
};

// Whether this page shows notifications where the browser lets it.
export const chooseNotifications: Action<boolean> = {
  id: 'view.notify-choice',
  name: 'Show or keep back notifications of this page',
  label: 'Notifications',
  keys: [],
  when: () => true,
  run: (page, isOn) => page.set({ choices: { ...page.state.choices, notify: isOn ? 'on' : 'off' } }),
};

export const followEnd: Action<boolean> = {
  id: 'view.autoscroll',
  name: 'Follow what is new at the end of a session',
  label: 'Follow the end',
  keys: [],
  when: () => true,
  run: (page, isOn) => page.set({ choices: { ...page.state.choices, autoscroll: isOn ? 'on' : 'off' } }),
};
