// Reads something again after it changed: one read at a time, the last change always read, a failed read repeated.

const DELAY_MS = 150;
const RETRY_MS = 1_000;

export class Refresh {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isReading = false;
  private isStale = false;

  constructor(private readonly read: () => Promise<void>) {}

  // Read within a moment; many calls in that moment make one read.
  soon(delayMs = DELAY_MS): void {
    this.isStale = true;
    if (this.isReading || (this.timer !== undefined && delayMs > 0)) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.readWhileStale(), delayMs);
  }

  private async readWhileStale(): Promise<void> {
    this.timer = undefined;
    this.isReading = true;
    let hasFailed = false;
    while (this.isStale && !hasFailed) {
      this.isStale = false;
      hasFailed = await this.read().then(
        () => false,
        () => true,
      );
    }
    this.isReading = false;
    if (hasFailed) this.soon(RETRY_MS);
  }
}
