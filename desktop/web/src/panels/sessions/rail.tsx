// Where the list of sessions is: a column whose width a person sets, or a drawer in a narrow window.

import { type PointerEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { resizeRail } from '../../actions/sessions';
import { closeRail, isRailShown } from '../../actions/view';
import { usePage, usePageState } from '../../hooks';
import { RAIL_MAX_PX, RAIL_MIN_PX, RAIL_PX } from '../../remembered';
import { useSpoken, useWords } from '../../strings/strings';
import { Sheet } from '../../ui/kit/dialog';
import styles from './rail.module.css';
import { Sessions } from './sessions';

const STEP_PX = 8;

export function Rail(): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const isNarrow = usePageState((state) => state.isNarrow);
  const isShown = usePageState(isRailShown);
  if (isNarrow)
    return (
      <Sheet isOpen={isShown} onClose={() => void perform(page, closeRail, undefined)} title={words('label')} side="start" isModal isSlim>
        <Sessions />
      </Sheet>
    );
  if (!isShown) return null;
  return (
    <div className={styles.column}>
      <Sessions />
      <Handle />
    </div>
  );
}

// Dragged, or moved with the arrow keys; a double click brings the usual width back.
function Handle(): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const px = usePageState((state) => state.remembered.railPx);
  const [isDragged, setDragged] = useState(false);
  // From right to left, the column is on the right, and grows to the left.
  const isReversed = useSpoken().direction === 'rtl';
  const resize = (wanted: number) => void perform(page, resizeRail, wanted);
  const onMove = (event: PointerEvent) => {
    if (isDragged) resize(isReversed ? window.innerWidth - event.clientX : event.clientX);
  };
  return (
    <div
      className={styles.handle}
      role="separator"
      tabIndex={0}
      aria-label={words('width')}
      aria-orientation="vertical"
      aria-valuemin={RAIL_MIN_PX}
      aria-valuemax={RAIL_MAX_PX}
      aria-valuenow={px}
      data-dragged={isDragged}
      onDoubleClick={() => resize(RAIL_PX)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragged(true);
      }}
      onPointerMove={onMove}
      onPointerUp={() => setDragged(false)}
      onLostPointerCapture={() => setDragged(false)}
      onKeyDown={(event) => {
        if (event.key === (isReversed ? 'ArrowRight' : 'ArrowLeft')) resize(px - STEP_PX);
        else if (event.key === (isReversed ? 'ArrowLeft' : 'ArrowRight')) resize(px + STEP_PX);
        else if (event.key === 'Home') resize(RAIL_MIN_PX);
        else if (event.key === 'End') resize(RAIL_MAX_PX);
        else return;
        event.preventDefault();
      }}
    />
  );
}
