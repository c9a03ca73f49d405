import { type ReactNode, useId } from 'react';
import type { Offer } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Exact } from '../../ui/exact';
import { line } from '../../visible';
import { Leaves } from './leaves';
import { isWrittenDown, type Leaf } from './question';
import styles from './scope.module.css';

interface Props {
  offers: readonly Offer[];
  chosen: Offer;
  onChoose: (offer: Offer) => void;
}

// The wider answers, the narrowest first, each with what it would have covered; and what the chosen one means from then on, in the words
// that are kept.
export function Scope({ offers, chosen, onChoose }: Props): ReactNode {
  const words = useWords('permission');
  const group = useId();
  const isRule = isWrittenDown(chosen);
  const kept = (chosen.words ?? []).map((text): Leaf => ({ name: words(isRule ? 'rule' : 'allowed'), text, kind: '' }));
  const where = { name: words('inFolder'), text: chosen.folder ?? '', kind: '' };
  const until = { name: words('howLong'), text: words(isRule ? 'untilRevoked' : 'untilOver'), kind: '' };
  return (
    <div className={styles.scope} role="group" aria-label={words('scope')} tabIndex={0}>
      {offers.length > 1 ? (
        <fieldset className={styles.choices}>
          <legend className="dim">{words('scopes')}</legend>
          {offers.map((offer) => (
            <label key={offer.id}>
              <input type="radio" name={group} checked={offer.id === chosen.id} onChange={() => onChoose(offer)} />
              <span lang="en">
                {line(offer.label)}
                {offer.preview ? (
                  <span className="dim exact">
                    {' · '}
                    <Exact text={offer.preview} />
                  </span>
                ) : null}
              </span>
            </label>
          ))}
        </fieldset>
      ) : null}
      <Leaves leaves={[...kept, where, until]} />
      {offers.length === 1 && chosen.preview ? (
        <p className="dim exact">
          <Exact text={chosen.preview} />
        </p>
      ) : null}
    </div>
  );
}
