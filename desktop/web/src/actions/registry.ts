// All actions that need no argument: what a menu or a palette lists and a shortcut starts.

import type { Action } from './action';
import { focusComposer, openLevels, openModels, openModes, toggleMode } from './composer';
import { clearContext, compactContext } from './context';
import { copyDiagnostics, reconnect, showDaemon, startDaemon, tryNow } from './daemon';
import { exportHtml, exportJson, exportMarkdown } from './exports';
import { openParent } from './forks';
import { resetKeys, showKeys } from './keys';
import { showModels } from './models';
import { goToNeed, openNumbered } from './needs';
import { showPalette } from './palette';
import { faster, playOrPause, slower, stepBack, stepOn, togglePlayback } from './playback';
import { lookForServers } from './providers';
import { leaveRename, leaveTrashed, moreSessions, newSession, searchSessions, showTrash } from './sessions';
import { continueTurn, pauseTurn, steerTurn } from './steer';
import { containOthers, diagnose, releaseOthers, replayTurn, saveEvidence, showTriage, writePostMortem } from './triage';
import { settingsSections, showSettings } from './settings';
import { copyCurrentTurn, goToEnd, nextTurn, openFind, previousTurn } from './timeline';
import { resumeTurn, stopTurn, submitTurn } from './turns';
import { showUsage } from './usage';
import { allowNotifications, closeRail, dismissProblem, toggleChanges, toggleRail, toggleTelemetry } from './view';

export const actions: readonly Action[] = [
  showPalette,
  newSession,
  searchSessions,
  ...openNumbered,
  goToNeed,
  moreSessions,
  leaveRename,
  leaveTrashed,
  submitTurn,
  steerTurn,
  pauseTurn,
  continueTurn,
  stopTurn,
  resumeTurn,
  focusComposer,
  toggleMode,
  openModes,
  openModels,
  openLevels,
  compactContext,
  clearContext,
  previousTurn,
  nextTurn,
  goToEnd,
  openFind,
  copyCurrentTurn,
  openParent,
  togglePlayback,
  playOrPause,
  stepBack,
  stepOn,
  slower,
  faster,
  exportMarkdown,
  exportJson,
  exportHtml,
  toggleRail,
  closeRail,
  showTrash,
  toggleChanges,
  toggleTelemetry,
  showKeys,
  showModels,
  showSettings,
  ...settingsSections,
  showUsage,
  dismissProblem,
  allowNotifications,
  lookForServers,
  showTriage,
  diagnose,
  replayTurn,
  saveEvidence,
  containOthers,
  releaseOthers,
  writePostMortem,
  showDaemon,
  startDaemon,
  tryNow,
  reconnect,
  copyDiagnostics,
  resetKeys,
];
