import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { answerQuestion } from '../../actions/questions';
import { usePage } from '../../hooks';
import type { Question } from '../../transcript_parts';

// What the model asks: its options as buttons, and any other words. Once it is answered, the answer.
export function QuestionCard({ asked, isOver, sid }: { asked: Question; isOver: boolean; sid?: string }): ReactNode {
  const page = usePage();
  const [text, setText] = useState('');
  const answer = (words: string) => void perform(page, answerQuestion, { id: asked.id, text: words, sid });
  if (asked.by || isOver)
    return (
      <div className="waiting" role="group" aria-label="Question of the model">
        <p className="words">{asked.text}</p>
        <p className="dim">{asked.by === 'client' ? `You answered${asked.client ? ` in ${asked.client}` : ''}: ${asked.answer}` : 'Nobody answered.'}</p>
      </div>
    );
  return (
    <div className="waiting asks" role="group" aria-label="Question of the model">
      <p className="dim">The model asks you</p>
      <p className="words">{asked.text}</p>
      {asked.options.length ? (
        <p className="buttons">
          {asked.options.map((option) => (
            <button key={option} type="button" onClick={() => answer(option)}>
              {option}
            </button>
          ))}
        </p>
      ) : null}
      <form
        className="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) answer(text);
        }}
      >
        <input aria-label="Your answer" placeholder={asked.options.length ? 'Or in your words' : 'Your answer'} value={text} onChange={(event) => setText(event.target.value)} />
        <button type="submit" disabled={!text.trim()}>
          Answer
        </button>
      </form>
    </div>
  );
}
