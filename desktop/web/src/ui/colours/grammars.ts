// Grammars of programming languages, each loaded when a block of code first needs it, and the colours of a line.
//
// The JavaScript engine of shiki needs no WebAssembly and no eval, which the page's policy forbids.

import { createCssVariablesTheme, createHighlighterCore, type GrammarState, type HighlighterCore, type LanguageInput } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';

// A run of characters of one kind: '' or a name of TONES, which is a class of the block.
export interface Token {
  text: string;
  tone: string;
}

// What is open at the end of a line, such as a comment.
export type LineState = GrammarState | undefined;

export interface Grammar {
  colour(line: string, before: LineState): { tokens: Token[]; after: LineState };
}

// Longer lines are minified code, and have no colours. A line that takes longer is given up; the first ones of a language compile its patterns.
const LINE_CHARS_MAX = 2_000;
const LINE_MS_MAX = 5_000;

const LANGUAGES: Record<string, () => LanguageInput> = {
  asm: () => import('shiki/langs/asm.mjs'),
  c: () => import('shiki/langs/c.mjs'),
  clojure: () => import('shiki/langs/clojure.mjs'),
  cmake: () => import('shiki/langs/cmake.mjs'),
  cpp: () => import('shiki/langs/cpp.mjs'),
  csharp: () => import('shiki/langs/csharp.mjs'),
  css: () => import('shiki/langs/css.mjs'),
  csv: () => import('shiki/langs/csv.mjs'),
  dart: () => import('shiki/langs/dart.mjs'),
  diff: () => import('shiki/langs/diff.mjs'),
  docker: () => import('shiki/langs/docker.mjs'),
  dotenv: () => import('shiki/langs/dotenv.mjs'),
  elixir: () => import('shiki/langs/elixir.mjs'),
  elm: () => import('shiki/langs/elm.mjs'),
  erlang: () => import('shiki/langs/erlang.mjs'),
  fish: () => import('shiki/langs/fish.mjs'),
  fsharp: () => import('shiki/langs/fsharp.mjs'),
  go: () => import('shiki/langs/go.mjs'),
  graphql: () => import('shiki/langs/graphql.mjs'),
  groovy: () => import('shiki/langs/groovy.mjs'),
  haskell: () => import('shiki/langs/haskell.mjs'),
  hcl: () => import('shiki/langs/hcl.mjs'),
  html: () => import('shiki/langs/html.mjs'),
  http: () => import('shiki/langs/http.mjs'),
  ini: () => import('shiki/langs/ini.mjs'),
  java: () => import('shiki/langs/java.mjs'),
  javascript: () => import('shiki/langs/javascript.mjs'),
  json: () => import('shiki/langs/json.mjs'),
  jsonc: () => import('shiki/langs/jsonc.mjs'),
  jsx: () => import('shiki/langs/jsx.mjs'),
  julia: () => import('shiki/langs/julia.mjs'),
  kotlin: () => import('shiki/langs/kotlin.mjs'),
  latex: () => import('shiki/langs/latex.mjs'),
  less: () => import('shiki/langs/less.mjs'),
  log: () => import('shiki/langs/log.mjs'),
  lua: () => import('shiki/langs/lua.mjs'),
  make: () => import('shiki/langs/make.mjs'),
  markdown: () => import('shiki/langs/markdown.mjs'),
  mermaid: () => import('shiki/langs/mermaid.mjs'),
  nginx: () => import('shiki/langs/nginx.mjs'),
  nix: () => import('shiki/langs/nix.mjs'),
  'objective-c': () => import('shiki/langs/objective-c.mjs'),
  ocaml: () => import('shiki/langs/ocaml.mjs'),
  perl: () => import('shiki/langs/perl.mjs'),
  php: () => import('shiki/langs/php.mjs'),
  powershell: () => import('shiki/langs/powershell.mjs'),
  prisma: () => import('shiki/langs/prisma.mjs'),
  proto: () => import('shiki/langs/proto.mjs'),
  python: () => import('shiki/langs/python.mjs'),
  r: () => import('shiki/langs/r.mjs'),
  ruby: () => import('shiki/langs/ruby.mjs'),
  rust: () => import('shiki/langs/rust.mjs'),
  scala: () => import('shiki/langs/scala.mjs'),
  scss: () => import('shiki/langs/scss.mjs'),
  shellscript: () => import('shiki/langs/shellscript.mjs'),
  shellsession: () => import('shiki/langs/shellsession.mjs'),
  solidity: () => import('shiki/langs/solidity.mjs'),
  sql: () => import('shiki/langs/sql.mjs'),
  svelte: () => import('shiki/langs/svelte.mjs'),
  swift: () => import('shiki/langs/swift.mjs'),
  toml: () => import('shiki/langs/toml.mjs'),
  tsx: () => import('shiki/langs/tsx.mjs'),
  typescript: () => import('shiki/langs/typescript.mjs'),
  viml: () => import('shiki/langs/viml.mjs'),
  vue: () => import('shiki/langs/vue.mjs'),
  xml: () => import('shiki/langs/xml.mjs'),
  yaml: () => import('shiki/langs/yaml.mjs'),
  zig: () => import('shiki/langs/zig.mjs'),
};
export const LANGUAGE_NAMES = Object.keys(LANGUAGES);
// Other names that models and file endings use.
const ALIASES: Record<string, string> = {
  bash: 'shellscript', sh: 'shellscript', shell: 'shellscript', zsh: 'shellscript', console: 'shellsession', cjs: 'javascript', js: 'javascript', mjs: 'javascript', node: 'javascript',
  cts: 'typescript', mts: 'typescript', ts: 'typescript', py: 'python', python3: 'python', py3: 'python', pyi: 'python', rb: 'ruby', rs: 'rust', 'c++': 'cpp', cc: 'cpp', cxx: 'cpp',
  hpp: 'cpp', h: 'c', 'c#': 'csharp', cs: 'csharp', 'f#': 'fsharp', fs: 'fsharp', dockerfile: 'docker', env: 'dotenv', ex: 'elixir', exs: 'elixir', erl: 'erlang', golang: 'go', gql: 'graphql',
  hs: 'haskell', tf: 'hcl', terraform: 'hcl', htm: 'html', svg: 'xml', properties: 'ini', conf: 'ini', cfg: 'ini', json5: 'jsonc', jsonl: 'json', jl: 'julia', kt: 'kotlin', kts: 'kotlin', tex: 'latex',
  makefile: 'make', mk: 'make', md: 'markdown', objc: 'objective-c', m: 'objective-c', ml: 'ocaml', pl: 'perl', ps1: 'powershell', pwsh: 'powershell', protobuf: 'proto', sol: 'solidity', postgresql: 'sql',
  psql: 'sql', sqlite: 'sql', mysql: 'sql', patch: 'diff', vim: 'viml', yml: 'yaml',
};
const THEME = 'opta';
const PREFIX = 'var(--code-token-';
// Kinds of tokens that have a colour; shiki names them in the theme that it makes of CSS variables.
const TONES = new Set(['constant', 'string', 'comment', 'keyword', 'parameter', 'function', 'string-expression', 'punctuation', 'link', 'inserted', 'deleted', 'changed']);

const loaded = new Map<string, Promise<Grammar | null>>();
let highlighter: Promise<HighlighterCore> | undefined;

// The name of a language's grammar; '' when there is none.
export function grammarName(language: string): string {
  const name = language.toLowerCase();
  const known = Object.hasOwn(ALIASES, name) ? (ALIASES[name] ?? '') : name;
  return Object.hasOwn(LANGUAGES, known) ? known : '';
}

// The grammar of a language by its name, loaded once. null: there is none, or it cannot be loaded, and code without colours is still code.
export function grammarOf(name: string): Promise<Grammar | null> {
  const known = loaded.get(name) ?? load(name).catch(() => null);
  loaded.set(name, known);
  return known;
}

async function load(name: string): Promise<Grammar | null> {
  const language = LANGUAGES[name];
  if (!language) return null;
  highlighter ??= createHighlighterCore({
    themes: [createCssVariablesTheme({ name: THEME, variablePrefix: '--code-', fontStyle: false })],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
  const core = await highlighter;
  await core.loadLanguage(language());
  return { colour: (line, before) => coloured(core, name, line, before) };
}

function coloured(core: HighlighterCore, lang: string, line: string, before: LineState): { tokens: Token[]; after: LineState } {
  if (line.length > LINE_CHARS_MAX) return { tokens: [{ text: line, tone: '' }], after: before };
  const lines = core.codeToTokensBase(line, { lang, theme: THEME, grammarState: before, tokenizeTimeLimit: LINE_MS_MAX });
  const tokens = (lines[0] ?? []).map((token) => ({ text: token.content, tone: tone(token.color) }));
  return { tokens, after: core.getLastGrammarState(lines) };
}

function tone(colour: string | undefined): string {
  const name = colour?.startsWith(PREFIX) ? colour.slice(PREFIX.length, -1) : '';
  return TONES.has(name) ? name : '';
}
