import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isCollection,
  isScalar,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  type CST,
  visit,
} from 'yaml';
import { formatSize } from '../units/size.ts';

/** What is wrong with a text as YAML, and at which of its characters. */
export interface YamlProblem {
  readonly offset: number;
  readonly sentence: string;
}

export interface ParsedYaml {
  /** The document. It is not to be used when there are problems. */
  readonly document: Document;
  readonly lines: LineCounter;
  readonly problems: readonly YamlProblem[];
}

/** The longest text, in characters. The nodes of a text take some hundred times its length in memory. */
export const MOST_CHARACTERS = 1024 * 1024;
/** How deep lists and maps may nest. A parser that calls itself at each level reaches the end of its stack far later. */
export const MOST_LEVELS = 100;
/** A document may repeat at most this many values by aliases. */
const MOST_ALIASES = 100;

/** Returns the sentence that a file or a text is too long to be read. */
export const tooLong = (mostBytes: number): string =>
  `has more than ${formatSize(mostBytes)}, which is the most that is read: make it shorter`;

/** Returns the sentence that values nest too deep. */
export const tooDeep = (): string =>
  `lists and maps nest more than ${MOST_LEVELS} levels deep here: write it flatter`;

/**
 * Parses a text as one YAML document, in time that grows with its length alone. Limits of length and depth are checked
 * before anything is built.
 */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  lines.addNewLine(0);
  // The composer's own check of keys that are there twice takes quadratic time, hence `duplicates`.
  const composer = new Composer({ prettyErrors: false, logLevel: 'silent', uniqueKeys: false });
  const refused = (offset: number, sentence: string): ParsedYaml => {
    const [document] = composer.compose([], true, 0);
    return { document: document as Document, lines, problems: [{ offset, sentence }] };
  };
  if (text.length > MOST_CHARACTERS) return refused(0, tooLong(MOST_CHARACTERS));
  const tokens = tokensOf(text, lines);
  if (typeof tokens === 'number') return refused(tokens, tooDeep());
  const [document, second] = composer.compose(tokens, true, text.length) as Iterable<Document>;
  return { document: document!, lines, problems: problemsOf(document!, second) };
}

/** Returns the tokens of a text, or the offset at which they nest too deep. */
function tokensOf(text: string, lines: LineCounter): CST.Token[] | number {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    // The stack has the document, then a token for each level, and a scalar perhaps.
    if (parser.stack.length > MOST_LEVELS + 2) return parser.offset;
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/** These sentences replace messages of the parser that would not help. */
const SENTENCES: Partial<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is there twice: leave one out',
  MULTIPLE_DOCS: 'a second document begins here: one file is one scenario',
};

function problemsOf(document: Document, second: Document | undefined): YamlProblem[] {
  const errors = document.errors.map(({ code, message, pos }): YamlProblem => ({
    offset: pos[0],
    sentence: SENTENCES[code] ?? message,
  }));
  if (second) {
    errors.push({ offset: second.range?.[0] ?? 0, sentence: SENTENCES['MULTIPLE_DOCS']! });
  }
  const problems = [...errors, ...nodeProblems(document)];
  if (problems.length > 0) return problems;
  try {
    plainValue(document);
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const sentence = 'its aliases repeat too many values: write some of the values out';
    return [{ offset: 0, sentence }];
  }
  return [];
}

/** Returns the document as a plain value, in which aliases are resolved. Throws ReferenceError when they are too many. */
export function plainValue(document: Document): unknown {
  return document.toJS({ maxAliasCount: MOST_ALIASES });
}

/** Returns the keys that are there twice in a map, and the aliases that can't be resolved. */
function nodeProblems(document: Document): YamlProblem[] {
  const problems: YamlProblem[] = [];
  const anchors = new Map<string, Node>();
  const note = (node: Node): void => {
    if (!isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
  };
  visit(document, {
    Alias: (_, alias) => {
      const sentence = aliasProblem(alias, anchors.get(alias.source));
      if (sentence !== undefined) problems.push({ offset: alias.range?.[0] ?? 0, sentence });
    },
    Scalar: (_, scalar) => note(scalar),
    Seq: (_, seq) => note(seq),
    Map: (_, map) => {
      note(map);
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          problems.push({ offset: key.range?.[0] ?? 0, sentence: SENTENCES['DUPLICATE_KEY']! });
        }
        seen.add(key.value);
      }
    },
  });
  return problems.toSorted((a, b) => a.offset - b.offset);
}

/** `target` is the node whose anchor the alias names, as far as one stands before it. */
function aliasProblem(alias: Alias, target: Node | undefined): string | undefined {
  if (!target) {
    return `*${alias.source} has no &${alias.source} before it: add one, or write the value out`;
  }
  const [at, end] = [alias.range?.[0] ?? 0, target.range?.[1] ?? 0];
  return isCollection(target) && at < end
    ? `*${alias.source} stands within the value that it repeats: write a value out`
    : undefined;
}
