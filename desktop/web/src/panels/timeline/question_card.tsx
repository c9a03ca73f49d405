import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { goToNeed } from '../../actions/needs';
import { useIsPlayback } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Question } from '../../transcript_parts';
import { Revealed } from '../../ui/exact';
import { line } from '../../visible';

// What the model asked, at its place in the turn, and once it is answered, the answer. It is answered in the list of open questions.
export function QuestionCard({ asked, isOver }: { asked: Question; isOver: boolean }): ReactNode {
  const words = useWords('question');
  const isOpen = !asked.by && !isOver;
  const isPlayback = useIsPlayback();
  return (
    <div className={isOpen ? 'waiting asks' : 'waiting'} role="group" aria-label={words('label')}>
      {isOpen ? (
        <p className="warn">
          <span aria-hidden="true">◆ </span>
          {words('asks')}
        </p>
      ) : null}
      <p className="words">
        <Revealed text={asked.text} />
      </p>
      {asked.options.length ? <p className="dim">{words('options', { options: asked.options.map(line).join(' · ') })}</p> : null}
      {isOpen && isPlayback ? null : isOpen ? (
        <p className="buttons">
          <ActionButton action={goToNeed} argument={undefined}>
            {words('below')}
          </ActionButton>
        </p>
      ) : (
        <p className="dim">{asked.by === 'client' ? words('answered', { client: line(asked.client) || words('here'), answer: asked.answer }) : words('nobody')}</p>
      )}
    </div>
  );
}
