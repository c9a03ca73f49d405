import type { question as english } from '../en/question';
import type { Translation } from '../translation';

export const question = {
  label: 'Frage des Modells',
  asks: 'Das Modell fragt',
  options: 'Zur Wahl standen: {options}',
  answered: 'Beantwortet in {client}: {answer}',
  here: 'einem anderen Fenster',
  nobody: 'Niemand hat geantwortet.',
  below: 'Unten antworten',
} as const satisfies Translation<typeof english>;
