import { type ReactNode, useRef } from 'react';
import { NO_VALUES } from '../../announcements';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';

// The one live region of the page, for people who cannot see it. The timeline itself is silent.
export function Announcer(): ReactNode {
  const words = useWords('announcer');
  const notice = usePageState((state) => state.notice);
  // The same words again are another announcement: their element is a new one.
  const said = useRef({ notice, count: 0 });
  if (said.current.notice !== notice) said.current = { notice, count: said.current.count + 1 };
  return (
    <div className="sr-only" aria-live="polite" data-live="announcer">
      <span key={said.current.count}>{typeof notice === 'string' ? notice : words(notice.key, { ...NO_VALUES, ...('values' in notice ? notice.values : {}) })}</span>
    </div>
  );
}
