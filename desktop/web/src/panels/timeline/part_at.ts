// The part of a drawn turn that holds an event: the last one that begins at or before its seq.

export function partAt(timeline: HTMLElement, turnId: string, seq: number): HTMLElement | null {
  for (const revealed of timeline.querySelectorAll('[data-revealed]')) revealed.removeAttribute('data-revealed');
  const turn = timeline.querySelector(`[data-turn="${CSS.escape(turnId)}"]`)?.closest('[data-index]');
  const parts = [...(turn?.querySelectorAll<HTMLElement>('[data-seq]') ?? [])].filter((part) => Number(part.dataset.seq) <= seq);
  return parts.reduce<HTMLElement | null>((best, part) => (best && Number(best.dataset.seq) > Number(part.dataset.seq) ? best : part), null);
}
