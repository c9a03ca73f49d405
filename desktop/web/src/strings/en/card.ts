// What a permission question says beside the call's own arguments. `opta_protocol/tools/card.py` says the same in a terminal.

import { MISSING, NETWORK, NO_END, SANDBOX } from '../../tools';

export const card = {
  empty: 'empty text',
  text: 'text',
  server: 'server',
  tool: 'tool',
  schema: 'description sha256',
  runsIn: 'runs in',
  timeLimit: 'time limit',
  background: 'in the background',
  yes: 'yes',
  no: 'no',
  network: 'network',
  sandbox: 'sandbox',
  starts: 'starts',
  workspace: 'workspace',
  noFile: 'no file',
  content: '{bytes} bytes, sha256 {sha256}',
  before: 'before',
  after: 'after',
  note: 'note',
  tooLarge: 'The call is too large to be shown whole ({size} characters, at most {most}).',
  noEnd: NO_END,
  useOf: 'Use {tool}?',
  networks: NETWORK,
  sandboxes: SANDBOX,
  missing: MISSING,
} as const;
