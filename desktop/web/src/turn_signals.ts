// Who draws which turn: a turn that changes tells its listeners alone, so that a piece of text draws one turn again and no panel.

import type { Turn } from './transcript';

export class TurnSignals {
  private readonly listeners = new Map<string, Set<() => void>>();

  subscribe(turnId: string, listener: () => void): () => void {
    const known = this.listeners.get(turnId) ?? new Set();
    this.listeners.set(turnId, known.add(listener));
    return () => {
      known.delete(listener);
      if (!known.size) this.listeners.delete(turnId);
    };
  }

  tell(changed: Iterable<Turn>): void {
    for (const turn of changed) for (const listener of this.listeners.get(turn.id) ?? []) listener();
  }
}
