import type { ReactNode } from 'react';
import { Grants } from './grants';
import { RuleLayers } from './rule_layers';
import { Trusted } from './trusted';

// Everything that decides without a question: what is always allowed, which folders are trusted, and the rules.
export function Permissions(): ReactNode {
  return (
    <>
      <Grants />
      <Trusted />
      <RuleLayers />
    </>
  );
}
