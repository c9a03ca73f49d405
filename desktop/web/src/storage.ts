// What the browser keeps for the page, as JSON: by person on this machine, or by window.

// Kept for every window: the shortcuts, how things are shown, and what was looked at.
type OfPerson = 'bindings' | 'isTelemetryOpen' | 'choices' | 'remembered';
// Kept by window, so that two windows on one session, and the people before them, never write into one draft.
type OfWindow = 'drafts' | 'files' | 'overrides';
export type StoredName = OfPerson | OfWindow;

// It is written so often at most while a person types.
const KEEP_MS = 300;

function storage(name: StoredName): Storage {
  return name === 'drafts' || name === 'files' || name === 'overrides' ? sessionStorage : localStorage;
}

// Undefined: nothing was stored, or what was cannot be read.
export function stored(name: StoredName): unknown {
  try {
    return JSON.parse(storage(name).getItem(`opta.${name}`) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

const waiting = new Map<StoredName, unknown>();

function write(): void {
  for (const [name, value] of waiting) {
    try {
      storage(name).setItem(`opta.${name}`, JSON.stringify(value));
    } catch {
      // Storage is forbidden, or this is more than it takes: the value holds as long as the page, and no older one comes back.
      forget(name);
    }
  }
  waiting.clear();
}

function forget(name: StoredName): void {
  try {
    storage(name).removeItem(`opta.${name}`);
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}

export function store(name: StoredName, value: unknown): void {
  if (!waiting.size) {
    setTimeout(write, KEEP_MS);
    addEventListener('pagehide', write, { once: true });
  }
  waiting.set(name, value);
}
