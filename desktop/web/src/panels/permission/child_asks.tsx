import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { answerPermission } from '../../actions/consent';
import { usePage, usePageState } from '../../hooks';
import { QuestionCard } from '../timeline/question_card';
import { Card } from './permission';

// The questions of the open session's sub-agents, one after the other, behind those of the session itself.
export function ChildAsks(): ReactNode {
  const page = usePage();
  const asks = usePageState((state) => state.childAsks);
  const cwd = usePageState((state) => state.transcript.cwd);
  const isFree = usePageState((state) => state.transcript.asking().length === 0);
  const [first] = asks;
  if (!first || !isFree) return null;
  const { sid, title, call } = first;
  return (
    <section aria-label={`Question of the sub-agent ${title}`}>
      <p className="dim">
        Sub-agent “{title}” (s-{sid}) asks:
      </p>
      {call.asked ? (
        <QuestionCard asked={call.asked} isOver={false} sid={sid} />
      ) : (
        <Card
          key={call.requestId}
          call={call}
          cwd={cwd}
          count={asks.length}
          takesFocus={false}
          onAnswer={(decision, offer) => perform(page, answerPermission, { requestId: call.requestId, decision, offer, sid })}
        />
      )}
    </section>
  );
}
