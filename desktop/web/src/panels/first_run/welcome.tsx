import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';
import type { State } from '../../state';
import { EmptySession } from './empty_session';
import { FirstRun } from './first_run';

// What an empty timeline shows: the way to a first answer, or what a new session begins with.
export function Welcome(): ReactNode {
  const isReady = usePageState((state) => hasModel(state));
  const isFirst = usePageState((state) => state.sessionsRead && state.sessions.length === 0 && state.filter === '' && !state.selected);
  const isReading = usePageState((state) => state.selected !== '' && state.transcript.lastSeq === 0);
  // What is read may be no new session.
  if (isReading) return null;
  return isReady && !isFirst ? <EmptySession /> : <FirstRun />;
}

// Whether a real model answers turns that name none. The probe is a self-test.
export function hasModel(state: Pick<State, 'models'>): boolean {
  const model = state.models.find((candidate) => candidate.default);
  return model !== undefined && model.capability !== 'probe';
}
