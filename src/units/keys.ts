/**
 * How a room describes the keys of its part of a scenario: what may stand there, the default and its
 * source, one sentence for documents and editors. The rooms that describe kinds run in worker threads,
 * which have no use for a schema library and would pay for loading it; scenario/ makes schemas of this.
 */

/** A quantity as it is written, with its unit. */
export type Quantity = string | number;

export type Shape<Value = unknown> = ShapeFacts & {
  /** Carries the type alone; no shape has it. */
  readonly value?: Value;
};

type ShapeFacts =
  | { readonly is: 'flag' | 'rate' | 'duration' | 'positiveDuration' | 'positiveSize' }
  | { readonly is: 'whole' | 'share'; readonly low: number; readonly high: number }
  | ({ readonly is: 'number'; readonly what: string } & NumberRange)
  /** A name of something, as `what` says. */
  | { readonly is: 'name'; readonly what: string; readonly takesOwn: boolean }
  /** Page accesses a second above 0, or max. */
  | { readonly is: 'accessRate' }
  | {
      readonly is: 'choice';
      readonly values: readonly [string, ...string[]];
      /** Values that will be there some day, which the message about them says. */
      readonly later: readonly string[];
      /** One of them looks like a number to YAML. */
      readonly takesNumbers: boolean;
      /** A kind of the user's own may stand there as well. */
      readonly takesOwn: boolean;
    }
  | { readonly is: 'list'; readonly of: Shape; readonly expected: string }
  | { readonly is: 'map'; readonly keys: Keys };

interface NumberRange {
  /** What is expected in place of something that is no number; absent: the range. */
  readonly example?: string;
  /** At least, at most, more than. */
  readonly low?: number;
  readonly high?: number;
  readonly above?: number;
}

/** What a scenario says about a kind of its user's own; `module` is relative to the scenario's file. */
export interface OwnKind {
  /** The file of an ECMAScript or CommonJS module. */
  readonly module: string;
  /** The name under which it exports the kind's factory. */
  readonly export: string;
  /** What the factory is given: plain data. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/** Why a key, if it is given, could have no effect; undefined when it has one. */
export type Needs = (
  /** The map it stands in, and the part of the scenario that this belongs to, defaults filled in. */
  siblings: Readonly<Record<string, unknown>>,
  part: Readonly<Record<string, unknown>>,
) => string | undefined;

interface KeyFacts {
  /** One sentence: what it is about. */
  readonly about: string;
  readonly needs?: Needs;
}

export interface RequiredKey<Value> extends KeyFacts {
  readonly presence: 'required';
  readonly shape: Shape<Value>;
}

export interface OptionalKey<Value> extends KeyFacts {
  readonly presence: 'optional';
  readonly shape: Shape<Value>;
}

export interface DefaultedKey<Value> extends KeyFacts {
  readonly presence: 'defaulted';
  readonly shape: Shape<Value>;
  readonly fallback: Value;
  /** Where the default comes from. */
  readonly source?: string;
}

export type Key<Value = unknown> = RequiredKey<Value> | OptionalKey<Value> | DefaultedKey<Value>;
export type Keys = Readonly<Record<string, Key>>;

type ValueOf<One> = One extends { readonly shape: Shape<infer Value> } ? Value : never;

/** A map with these keys, its defaults filled in. */
export type ValuesOf<Table> = {
  readonly [
    Name in keyof Table as Table[Name] extends { presence: 'optional' } ? never : Name
  ]: ValueOf<Table[Name]>;
} & {
  readonly [Name in keyof Table as Table[Name] extends { presence: 'optional' } ? Name : never]?:
    ValueOf<Table[Name]> | undefined;
};

export const required = <Value>(shape: Shape<Value>, facts: KeyFacts): RequiredKey<Value> => ({
  presence: 'required',
  shape,
  ...facts,
});

export const optional = <Value>(shape: Shape<Value>, facts: KeyFacts): OptionalKey<Value> => ({
  presence: 'optional',
  shape,
  ...facts,
});

export const defaulted = <Value>(
  shape: Shape<Value>,
  fallback: NoInfer<Value>,
  facts: KeyFacts & { readonly source?: string },
): DefaultedKey<Value> => ({ presence: 'defaulted', shape, fallback, ...facts });

export const flag: Shape<boolean> = { is: 'flag' };
export const rate: Shape<Quantity> = { is: 'rate' };
export const duration: Shape<Quantity> = { is: 'duration' };
export const positiveDuration: Shape<Quantity> = { is: 'positiveDuration' };
export const positiveSize: Shape<Quantity> = { is: 'positiveSize' };

export const whole = (low: number, high: number): Shape<number> => ({ is: 'whole', low, high });
export const share = (low = 0, high = 1): Shape<number> => ({ is: 'share', low, high });

/** A number in a range; messages say that they expected `what`. */
export const number = (what: string, range: NumberRange): Shape<number> => ({
  is: 'number',
  what,
  ...range,
});

export const accessRate: Shape<number | 'max'> = { is: 'accessRate' };

export const name = (what: string): Shape<string> => ({ is: 'name', what, takesOwn: false });

/** The name of something, or what makes one like it. */
export const nameOrOwn = (what: string): Shape<string | OwnKind> => ({
  is: 'name',
  what,
  takesOwn: true,
});

interface ChoiceOptions {
  readonly later?: readonly string[];
  readonly takesNumbers?: boolean;
}

/** One of `values`. */
export const choice = <const Value extends string>(
  values: readonly [Value, ...Value[]],
  { later = [], takesNumbers = false }: ChoiceOptions = {},
): Shape<Value> => ({ is: 'choice', values, later, takesNumbers, takesOwn: false });

/** The name of a kind, or one of the user's own. */
export const kindOf = <const Value extends string>(
  values: readonly [Value, ...Value[]],
): Shape<Value | OwnKind> => ({
  is: 'choice',
  values,
  later: [],
  takesNumbers: false,
  takesOwn: true,
});

export const list = <Value>(of: Shape<Value>, expected: string): Shape<readonly Value[]> => ({
  is: 'list',
  of,
  expected,
});

export const map = <Table extends Keys>(keys: Table): Shape<ValuesOf<Table>> => ({
  is: 'map',
  keys,
});

/** The values of all keys that have a default. */
export function defaultsOf<Table extends Keys>(keys: Table): ValuesOf<Table> {
  const entries = Object.entries(keys).flatMap(([name_, key]) =>
    key.presence === 'defaulted' ? [[name_, key.fallback] as const] : [],
  );
  return Object.fromEntries(entries) as ValuesOf<Table>;
}
