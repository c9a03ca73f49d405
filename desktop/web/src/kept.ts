// What a person opened, where they scrolled to and where they typed, by session. It outlives what is drawn: a turn that leaves the screen, another session.

const SPOTS_MAX = 200;

// The turn at the top of the window, and how many pixels of it are above.
export interface Spot {
  turn: string;
  above: number;
  // Whether the person is at the end, which is followed.
  isEnd: boolean;
  // The turn that the person went to with a key; it may not reach the top of the window.
  wentTo?: string;
}

// What is selected in the text of the next message, and whether the person went from there to another session.
export interface Writing {
  from: number;
  to: number;
  hasFocus: boolean;
}

export class Kept {
  private readonly writings = new Map<string, Writing>();
  private readonly opened = new Map<string, boolean>();
  private readonly counts = new Map<string, number>();
  private readonly spots = new Map<string, Spot>();
  private readonly listeners = new Set<() => void>();

  isOpen(key: string): boolean | undefined {
    return this.opened.get(key);
  }

  setOpen(key: string, isOpen: boolean): void {
    if (this.opened.get(key) === isOpen) return;
    this.opened.set(key, isOpen);
    for (const listener of this.listeners) listener();
  }

  count(key: string): number {
    return this.counts.get(key) ?? 0;
  }

  setCount(key: string, count: number): void {
    this.counts.set(key, count);
    for (const listener of this.listeners) listener();
  }

  // Tells when something is opened or closed, or more of it is shown.
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  writing(sid: string): Writing | undefined {
    return this.writings.get(sid);
  }

  setWriting(sid: string, writing: Writing): void {
    this.writings.set(sid, writing);
  }

  spot(sid: string): Spot | undefined {
    return this.spots.get(sid);
  }

  setSpot(sid: string, spot: Spot): void {
    // The one that was set last is the last to be forgotten.
    this.spots.delete(sid);
    this.spots.set(sid, spot);
    for (const oldest of this.spots.keys()) {
      if (this.spots.size <= SPOTS_MAX) break;
      this.spots.delete(oldest);
    }
  }
}
