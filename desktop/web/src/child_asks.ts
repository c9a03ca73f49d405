// Questions of sub-agents, shown and answered in the session that started them.

import type { Page } from './page';
import type { AnyEvent } from './protocol';
import type { Transcript } from './transcript';
import { applyToCall, newCall } from './transcript_calls';
import type { Call } from './transcript_parts';

// Where a question is: the seq of its event in the sub-agent's session.
export interface AskPlace {
  sid: string;
  title: string;
  seq: number;
}

// A question with the call that it is about.
export interface ChildAsk extends AskPlace {
  call: Call;
}

// The open questions of a session's sub-agents, one of each.
export function openAsks(transcript: Transcript): AskPlace[] {
  const turn = transcript.running();
  if (!turn) return [];
  return turn.steps.flatMap((step) =>
    step.calls.flatMap(({ child }) => (child?.state === 'waiting' && child.askSeq ? [{ sid: child.sid, title: child.title, seq: child.askSeq }] : [])),
  );
}

// The question that an event of a sub-agent's session asks; null for any other event.
export function askOf(place: AskPlace, event: AnyEvent | undefined): ChildAsk | null {
  if (event?.event !== 'permission.request' && event?.event !== 'question.asked') return null;
  const call = event.event === 'permission.request' ? newCall(event.callId, event.name, event.args, '', '') : newCall(event.callId, 'ask_user', {}, 'read', '');
  applyToCall(call, event);
  return { ...place, call };
}

export function isSamePlace(one: AskPlace, other: AskPlace): boolean {
  return one.sid === other.sid && one.seq === other.seq;
}

// The questions that the page shows for the open session: each is read once, and is dropped when it was answered.
export class ChildAsks {
  private readonly inFlight = new Set<string>();

  constructor(private readonly page: Page) {}

  async read(sid: string): Promise<void> {
    const { page } = this;
    const places = openAsks(page.state.transcript);
    const known = page.state.childAsks.filter((ask) => places.some((place) => isSamePlace(place, ask)));
    if (known.length !== page.state.childAsks.length) page.set({ childAsks: known });
    for (const place of places) {
      if (page.state.childAsks.some((ask) => isSamePlace(ask, place)) || this.inFlight.has(`${place.sid} ${place.seq}`)) continue;
      this.inFlight.add(`${place.sid} ${place.seq}`);
      try {
        const ask = askOf(place, await page.daemon.eventAt(place.sid, place.seq));
        if (ask && page.state.selected === sid && openAsks(page.state.transcript).some((open) => isSamePlace(open, ask))) page.set({ childAsks: [...page.state.childAsks, ask] });
      } catch (error) {
        page.report(error);
      } finally {
        this.inFlight.delete(`${place.sid} ${place.seq}`);
      }
    }
  }
}
