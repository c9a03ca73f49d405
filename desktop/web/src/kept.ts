// What a person opened and where they scrolled to, by session. It outlives what is drawn: a turn that leaves the screen, another session.

const SCROLLS_MAX = 200;

export class Kept {
  private readonly opened = new Map<string, boolean>();
  private readonly scrolls = new Map<string, number>();

  isOpen(key: string): boolean | undefined {
    return this.opened.get(key);
  }

  setOpen(key: string, isOpen: boolean): void {
    this.opened.set(key, isOpen);
  }

  // Pixels from the top; undefined at the end, which is followed.
  scroll(sid: string): number | undefined {
    return this.scrolls.get(sid);
  }

  setScroll(sid: string, top: number | undefined): void {
    this.scrolls.delete(sid);
    if (top === undefined) return;
    this.scrolls.set(sid, top);
    for (const oldest of this.scrolls.keys()) {
      if (this.scrolls.size <= SCROLLS_MAX) break;
      this.scrolls.delete(oldest);
    }
  }
}
