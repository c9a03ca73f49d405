// The page on which a session is played back: the timeline draws it as it draws the page itself. It follows nothing, keeps nothing in the
// browser, and does not touch the page behind it, except that what opens another session leaves the playback.

import { Page } from '../page';
import type { Screen } from '../screen';
import type { Route } from '../routes';
import { Transcript } from '../transcript';
import type { Playback } from './playback';

export class Stage extends Page {
  constructor(
    private readonly outer: Page,
    playback: Playback,
    private readonly clock: () => number,
  ) {
    super(outer.daemon, quiet(outer.screen), outer.bridge);
    this.set({ selected: outer.state.selected, sessionsRead: true, choices: outer.state.choices, transcript: new Transcript(), playback });
  }

  override now(): number {
    return this.clock();
  }

  override open(sid: string, route?: Route): void {
    this.outer.open(sid, route);
  }

  override show(route: Route): void {
    this.outer.show(route);
  }

  override report(error: unknown): void {
    this.outer.report(error);
  }

  // The page behind it ends the playback.
  override endPlayback(): void {}
}

// A window that can be read, focused and copied from, but is not named, moved or written to.
function quiet(screen: Screen): Screen {
  return { ...screen, go: () => undefined, name: () => undefined, notify: () => undefined, store: () => undefined };
}
