import { type ReactNode, useState } from 'react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { perform } from '../../actions/action';
import { togglePlayback } from '../../actions/playback';
import { goToTurn, openFind } from '../../actions/timeline';
import { useIsPlayback, usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';
import { Button, type ButtonProps } from '../../ui/kit/button';
import { Popover } from '../../ui/kit/popover';
import { promptOf } from './prompt';
import styles from './outline.module.css';

const GLYPHS: Record<Turn['state'], [glyph: string, tone: string]> = {
  queued: ['○', 'dim'],
  running: ['●', 'live'],
  pausing: ['‖', 'warn'],
  paused: ['‖', 'warn'],
  stopping: ['‖', 'dim'],
  done: ['✓', 'ok'],
  error: ['✕', 'err'],
  cancelled: ['‖', 'dim'],
};
const ROW_PX = 32;

// Ways through a long session, for the head of the window: its outline, and the words in it.
export function TimelineTools(): ReactNode {
  const page = usePage();
  const words = useWords('timeline.tools');
  const [isOpen, setOpen] = useState(false);
  const isEmpty = usePageState((state) => state.transcript.turns.length === 0);
  // A playback has its own.
  const isPlayback = useIsPlayback();
  if (isEmpty || isPlayback) return null;
  return (
    <>
      <Popover isOpen={isOpen} onOpen={setOpen} align="end" trigger={<Tool glyph="☷" name={words('outline')} label={words('outlineLabel')} />}>
        <Outline onGo={() => setOpen(false)} />
      </Popover>
      <Tool glyph="⌕" name={words('find')} label={words('findLabel')} onClick={() => void perform(page, openFind, undefined)} />
      <Tool glyph="▷" name={words('replay')} label={words('replayLabel')} onClick={() => void perform(page, togglePlayback, undefined)} />
    </>
  );
}

// In a narrow window only its glyph is shown.
function Tool({ glyph, name, label, ...rest }: ButtonProps & { glyph: string; label: string }): ReactNode {
  return (
    <Button look="quiet" size="small" aria-label={label} title={label} {...rest}>
      <span aria-hidden="true">{glyph}</span> <span className={styles.name}>{name}</span>
    </Button>
  );
}

// The turns of the session: the first line of each prompt, and how it ended. A click goes there.
function Outline({ onGo }: { onGo: () => void }): ReactNode {
  const page = usePage();
  const words = useWords('timeline.outline');
  const turns = usePageState((state) => state.transcript.turns);
  const earlier = usePageState((state) => state.earlier);
  usePageState((state) => state.version);
  const [filter, setFilter] = useState('');
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const shown = turns.map((turn, index) => ({ turn, number: earlier + index + 1 })).filter(({ turn }) => promptOf(turn).toLowerCase().includes(filter.trim().toLowerCase()));
  const virtualizer = useVirtualizer({ count: shown.length, getScrollElement: () => scroller, estimateSize: () => ROW_PX, overscan: 8, initialOffset: shown.length * ROW_PX });
  const go = (turn: Turn) => {
    onGo();
    void perform(page, goToTurn, turn);
  };
  return (
    <div className={styles.outline}>
      <input type="text" aria-label={words('filter')} placeholder={words('filter')} value={filter} onChange={(event) => setFilter(event.target.value)} />
      <nav ref={setScroller} className={styles.list} aria-label={words('title')}>
        {shown.length ? null : <p className="dim">{words('empty')}</p>}
        <ol style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => {
            const found = shown[item.index];
            if (!found) return null;
            const [glyph, tone] = GLYPHS[found.turn.state];
            return (
              <li key={item.key} style={{ transform: `translateY(${item.start}px)` }}>
                <button type="button" className="quiet" onClick={() => go(found.turn)}>
                  <span className="dim num">{found.number}</span>
                  <span className={tone} aria-hidden="true">
                    {glyph}
                  </span>
                  <span className={styles.words}>{firstLine(promptOf(found.turn)) || found.turn.id}</span>
                  <span className="sr-only">{found.turn.state}</span>
                </button>
              </li>
            );
          })}
        </ol>
      </nav>
    </div>
  );
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
