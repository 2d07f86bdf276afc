import type { Figure } from './chart/figure.ts';

/** A report as plain data, which `page.ts` writes as HTML: the answer first, then sections with tables and charts. */
export interface Report {
  /** What is reported on, such as `Run` or `Sweep`. */
  readonly kind: string;
  readonly title: string;
  /** The sentence that a reader came for. */
  readonly answer: string;
  readonly tone: Tone;
  /** The most important figures. */
  readonly facts: readonly Fact[];
  readonly sections: readonly Section[];
  /** What made the data: the program's version, the machine. */
  readonly origin: readonly string[];
}

export type Tone = 'good' | 'bad' | 'plain';

export interface Fact {
  readonly label: string;
  readonly value: string;
  readonly detail?: string;
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface Column {
  readonly name: string;
  readonly isNumber?: boolean;
}

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | Cell)[])[];
}

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'figure'; readonly figure: Figure }
  /** Small charts beside one another. */
  | { readonly kind: 'figures'; readonly figures: readonly Figure[] }
  | {
      readonly kind: 'table';
      readonly caption: string;
      readonly table: Table;
      /** Whether readers can filter the rows and sort them. */
      readonly isFilterable?: boolean;
      /** Whether the table is folded away at first. */
      readonly isFolded?: boolean;
    }
  /** Text that is ready to copy, such as settings. */
  | {
      readonly kind: 'code';
      readonly caption: string;
      readonly text: string;
      readonly isFolded?: boolean;
    };

/** Returns all charts of a report in their order. */
export function figuresOf({ sections }: Report): Figure[] {
  return sections.flatMap(({ blocks }) =>
    blocks.flatMap((block) => {
      if (block.kind === 'figure') return [block.figure];
      return block.kind === 'figures' ? [...block.figures] : [];
    }),
  );
}
