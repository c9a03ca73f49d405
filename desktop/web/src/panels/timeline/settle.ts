// Scrolling to what is not drawn yet: it is measured when it comes into view, which moves what follows, so it is placed again until
// it stays. A person who scrolls meanwhile has the last word.

const FRAMES_MAX = 30;
// So many frames without a change are the end of it.
const STILL_FRAMES = 3;
// What a person scrolls with.
export const HANDS = ['wheel', 'pointerdown', 'touchmove', 'keydown'];

export function settle(element: HTMLElement, place: () => void, done: () => void = () => undefined): void {
  let still = 0;
  let isTaken = false;
  const take = () => {
    isTaken = true;
  };
  for (const name of HANDS) window.addEventListener(name, take, { once: true, capture: true, passive: true });
  const next = (left: number) => {
    const before = element.scrollTop;
    if (!isTaken) place();
    still = Math.abs(element.scrollTop - before) < 1 ? still + 1 : 0;
    if (!isTaken && left && still < STILL_FRAMES && element.isConnected) {
      requestAnimationFrame(() => next(left - 1));
      return;
    }
    for (const name of HANDS) window.removeEventListener(name, take, { capture: true });
    if (!isTaken && element.isConnected) done();
  };
  next(FRAMES_MAX);
}
