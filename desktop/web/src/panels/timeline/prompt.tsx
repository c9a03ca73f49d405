import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { playFrom } from '../../actions/playback';
import { copyAnswer, copyTurn, copyTurnLink } from '../../actions/timeline';
import { usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';
import { IconButton } from '../../ui/kit/button';
import { Menu, MenuItem } from '../../ui/kit/menu';
import { Attachments } from './attachments';
import styles from './timeline.module.css';
import { dateTime, time } from '../../strings/formats';

// Who wrote the prompt of a turn, when, and its words.
export function Prompt({ turn, at }: { turn: Turn; at: number }): ReactNode {
  const words = useWords('timeline');
  const text = promptOf(turn) || (turn.compact ? words('compact') : '') || (turn.resumes ? words('resumes', { turn: turn.resumes }) : '');
  return (
    <>
      <header className={styles.head}>
        <strong>{turn.role === 'agent' ? words('starter') : words('you')}</strong>{' '}
        <span className="dim num">
          {words('turn', { number: at })} · <time dateTime={turn.ts} title={turn.ts ? dateTime(turn.ts) : undefined}>{clock(turn.ts)}</time>
        </span>
        <TurnMenu turn={turn} at={at} />
      </header>
      <div className="user" dir="auto" data-part="prompt" data-seq={turn.seq}>
        {text}
      </div>
      <Attachments files={turn.attachments} />
    </>
  );
}

function TurnMenu({ turn, at }: { turn: Turn; at: number }): ReactNode {
  const page = usePage();
  const words = useWords('timeline.menu');
  return (
    <Menu
      align="end"
      trigger={
        <IconButton label={words('label', { number: at })} size="small" className={styles.more}>
          ⋯
        </IconButton>
      }
    >
      <MenuItem onSelect={() => void perform(page, copyTurnLink, turn)}>{words('link')}</MenuItem>
      <MenuItem onSelect={() => void perform(page, copyTurn, turn)}>{words('turn')}</MenuItem>
      <MenuItem disabled={!copyAnswer.when(page.state, turn)} onSelect={() => void perform(page, copyAnswer, turn)}>
        {words('answer')}
      </MenuItem>
      <MenuItem onSelect={() => void perform(page, playFrom, turn)}>{words('replay')}</MenuItem>
    </Menu>
  );
}

// What the person wrote.
export function promptOf(turn: Turn): string {
  return turn.command || turn.text;
}

function clock(ts: string): string {
  return ts ? time(ts) : '';
}
