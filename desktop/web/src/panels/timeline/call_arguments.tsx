import type { ReactNode } from 'react';
import { useWords } from '../../strings/strings';
import { toolOf } from '../../tools';
import type { Call } from '../../transcript';
import { Leaves } from '../permission/leaves';
import { leaves } from '../permission/question';
import { decision, isQuiet } from './call_decision';
import styles from './toolcard.module.css';

// More than this is folded.
const SHORT_CHARS = 400;

// Every argument of a call, whole, but for the one that the card shows whole already. `isFolded`: it shows what they are about in another form.
export function CallArguments({ call, isFolded = false, without = '' }: { call: Call; isFolded?: boolean; without?: string }): ReactNode {
  const words = useWords('cards');
  const given = leaves(call.args, toolOf(call.name, call.server).subject).filter((leaf) => leaf.name !== without);
  const unread = call.written ? [{ name: words('unread'), text: call.written, kind: '' }] : [];
  const why = isQuiet(call) && !without ? [{ name: words('decision'), text: decision(call, words), kind: '' }] : [];
  const all = [...given, ...unread, ...why];
  if (!all.length) return null;
  const size = all.reduce((sum, leaf) => sum + leaf.text.length, 0);
  const list = <Leaves leaves={all} className={styles.arguments} />;
  if (!isFolded && size <= SHORT_CHARS) return list;
  return (
    <details className={styles.folded}>
      <summary>{words('arguments', { count: given.length })}</summary>
      {list}
    </details>
  );
}
