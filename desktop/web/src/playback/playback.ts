// Plays a session back from its journal as it happened. It owns the clock, and folds the events that are due into its stage.
//
// **Invariant:** it only reads. The session in the page's own store goes on being followed, and is as it would be without a playback.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Page } from '../page';
import { say } from '../strings/spoken';
import type { Turn } from '../transcript';
import { EventPages } from './event_pages';
import { Checkpoints, PartialFold } from './partial_fold';
import type { Speed } from './speeds';
import { Stage } from './stage';
import { Timetable } from './timetable';

// The machine slept, or the page stood still: what was missed is not played at once.
const FRAME_MS_MAX = 2_000;

export interface PlaybackState {
  status: 'reading' | 'ready' | 'failed';
  problem: string;
  // Events of the journal that were read, and all of them.
  read: number;
  total: number;
  // Events that are shown, and the time of the playback in milliseconds.
  at: number;
  played: number;
  // What the last shown event is called.
  event: string;
  isPlaying: boolean;
  speed: Speed;
}

export class Playback {
  readonly store: StoreApi<PlaybackState>;
  readonly stage: Stage;
  readonly timetable = new Timetable();
  private readonly pages: EventPages;
  private readonly checkpoints = new Checkpoints();
  private fold = PartialFold.empty();
  private version = 0;
  private isClosed = false;
  private isTicking = false;
  private lastFrame = 0;
  // How many events are to be shown, and whether the way there is under way.
  private wanted = 0;
  private moving: Promise<void> | null = null;
  // What is folded and not drawn yet: the turns, whether the transcript is another one, and the name of the last event.
  private changed = new Set<Turn>();
  private isOther = false;
  private event = '';

  // `total`: the events of the session when its playback began.
  constructor(
    private readonly page: Page,
    readonly sid: string,
    total: number,
  ) {
    this.store = createStore<PlaybackState>(() => ({ status: 'reading', problem: '', read: 0, total, at: 0, played: 0, event: '', isPlaying: false, speed: 1 }));
    this.pages = new EventPages(page.daemon, sid);
    this.stage = new Stage(page, this, () => this.clock());
  }

  get state(): PlaybackState {
    return this.store.getState();
  }

  // The true time of what is shown, in milliseconds.
  clock(): number {
    return this.timetable.clockAt(this.state.played);
  }

  // Read the journal, then play it from the beginning, or from a turn.
  async begin(turn = ''): Promise<void> {
    try {
      await this.read();
    } catch (error) {
      this.store.setState({ status: 'failed', problem: error instanceof Error ? error.message : String(error) });
      return;
    }
    if (this.isClosed) return;
    this.store.setState({ status: 'ready', total: this.timetable.count });
    await this.seekTurn(turn);
    this.play();
  }

  private async read(): Promise<void> {
    const fold = PartialFold.empty();
    const { total } = this.state;
    while (fold.count < total && !this.isClosed) {
      const events = await this.pages.at(fold.count / this.pages.size);
      for (const event of events.slice(0, total - fold.count)) {
        this.timetable.add(event);
        fold.apply(event);
        this.checkpoints.note(fold);
      }
      this.store.setState({ read: fold.count });
      if (events.length < this.pages.size) break;
    }
  }

  play(): void {
    if (this.state.status !== 'ready' || this.isClosed) return;
    if (this.state.at >= this.timetable.count) void this.seek(0);
    this.store.setState({ isPlaying: true });
    this.lastFrame = Date.now();
    if (!this.isTicking) this.nextTick();
  }

  pause(): void {
    this.store.setState({ isPlaying: false });
  }

  setSpeed(speed: Speed): void {
    this.store.setState({ speed });
  }

  // Show so many events, and what they came to.
  seek(count: number): Promise<void> {
    const at = Math.max(0, Math.min(this.timetable.count, count));
    this.store.setState({ played: this.timetable.dueAt(at) });
    return this.go(at);
  }

  // Show what had happened at a time of the playback.
  seekTo(played: number): Promise<void> {
    const time = Math.max(0, Math.min(this.timetable.duration, played));
    this.store.setState({ played: time });
    return this.go(this.timetable.countAt(time));
  }

  // To the prompt of a turn; to the beginning where there is no such turn.
  seekTurn(id: string): Promise<void> {
    const mark = this.timetable.turns.find((turn) => turn.id === id);
    return this.seek(mark ? mark.before + 1 : 0);
  }

  // One event on, or back.
  step(by: 1 | -1): Promise<void> {
    this.pause();
    return this.seek(this.wanted + by);
  }

  // To the beginning of the next turn, or of this one, and from there to that of the one before.
  turn(by: 1 | -1): Promise<void> {
    const { turns, count } = this.timetable;
    const now = this.timetable.turnAt(this.wanted);
    const begin = turns[now];
    const isBegun = begin !== undefined && this.wanted > begin.before + 1;
    const next = turns[by > 0 ? now + 1 : isBegun ? now : now - 1];
    return this.seek(next ? next.before + 1 : by > 0 ? count : 0);
  }

  close(): void {
    this.isClosed = true;
    this.pause();
  }

  private nextTick(): void {
    this.isTicking = true;
    this.page.screen.nextFrame(() => void this.tick());
  }

  private async tick(): Promise<void> {
    const { isPlaying, speed, played } = this.state;
    if (!isPlaying || this.isClosed) {
      this.isTicking = false;
      return;
    }
    const now = Date.now();
    const time = Math.min(this.timetable.duration, played + Math.min(now - this.lastFrame, FRAME_MS_MAX) * speed);
    this.lastFrame = now;
    this.store.setState({ played: time });
    // Of events at the same moment, some may be shown already.
    await this.go(Math.max(this.wanted, this.timetable.countAt(time)), false);
    if (this.state.played >= this.timetable.duration) this.pause();
    this.nextTick();
  }

  // Show the first `count` events. When another number is asked for meanwhile, that one is shown.
  private async go(count: number, isJump = true): Promise<void> {
    this.wanted = count;
    if (isJump) this.stage.set({ reveal: { at: 'end' } });
    this.moving ??= this.move().finally(() => {
      this.moving = null;
    });
    await this.moving;
  }

  private async move(): Promise<void> {
    try {
      while (!this.isClosed) {
        const { wanted } = this;
        this.goBack(wanted);
        while (this.fold.count < wanted && wanted === this.wanted) await this.foldOn(wanted);
        if (wanted !== this.wanted) continue;
        this.draw();
        return;
      }
    } catch (error) {
      this.pause();
      this.page.report(error);
    }
  }

  // Go on from a checkpoint where that is nearer, or the only way back.
  private goBack(wanted: number): void {
    const checkpoint = this.checkpoints.before(wanted - 1);
    if (wanted >= this.fold.count && (checkpoint?.count ?? 0) <= this.fold.count) return;
    this.fold = checkpoint ? PartialFold.from(checkpoint) : PartialFold.empty();
    this.isOther = true;
  }

  // Fold events up to `wanted`, or to the end of their page.
  private async foldOn(wanted: number): Promise<void> {
    const { size } = this.pages;
    const page = Math.floor(this.fold.count / size);
    const found = this.pages.at(page);
    const events = Array.isArray(found) ? found : await found;
    const rest = events.slice(this.fold.count - page * size, wanted - page * size);
    if (!rest.length) throw new Error(say('playback')('lost', { sid: this.sid, event: this.fold.count + 1 }));
    for (const event of rest) {
      const turn = this.fold.apply(event);
      if (turn) this.changed.add(turn);
      this.event = event.event;
    }
  }

  private draw(): void {
    const { transcript, version, count } = this.fold;
    if (this.isOther || version !== this.version) this.stage.set({ transcript, version: this.stage.state.version + 1 });
    this.version = version;
    this.isOther = false;
    this.stage.turns.tell(this.changed);
    this.changed.clear();
    this.store.setState({ at: count, event: count ? this.event : '' });
  }
}
