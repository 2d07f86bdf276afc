/**
 * A room describes the keys of its part of a scenario with what is here: which values a key takes, its
 * default and the default's source, and a sentence for documents and editors. The rooms that describe kinds
 * run in worker threads, which don't need a schema library and would pay for loading it; so it is scenario/
 * that makes schemas of these descriptions.
 */

/** A quantity as it is written in a scenario, with its unit. */
export type Quantity = string | number;

/**
 * Which values a key takes; `Value` is their type once defaults are filled in, `Written` that of what a scenario says.
 */
export type Shape<Value = unknown, Written = Value> = ShapeFacts & {
  /** These two are there for the type checker alone, which learns the types from them; no shape has them. */
  readonly value?: Value;
  readonly written?: Written;
};

type ShapeFacts =
  | { readonly is: 'flag' | 'rate' | 'duration' | 'positiveDuration' | 'size' | 'positiveSize' }
  | { readonly is: 'whole' | 'share'; readonly low: number; readonly high: number }
  | ({ readonly is: 'number'; readonly what: string } & NumberRange)
  /** A name; `what` says of what. With `takesOwn` a kind of the user's own may stand there as well. */
  | { readonly is: 'name'; readonly what: string; readonly takesOwn: boolean }
  /** A number of page accesses a second, above 0, or the word `max`. */
  | { readonly is: 'accessRate' }
  /** A duration, or the word `none` or `unlimited`. */
  | { readonly is: 'allowance' }
  | {
      readonly is: 'choice';
      readonly values: readonly [string, ...string[]];
      /** Values that are planned but not built yet; the error about one of them says so. */
      readonly later: readonly string[];
      /** YAML reads one of the values as a number, so a number may stand for it. */
      readonly takesNumbers: boolean;
      /** A kind of the user's own may stand there as well. */
      readonly takesOwn: boolean;
    }
  | { readonly is: 'list'; readonly of: Shape; readonly expected: string }
  | { readonly is: 'map'; readonly keys: Keys };

interface NumberRange {
  /** What the error about a value that is no number says was expected; `what` when absent. */
  readonly example?: string;
  /** The number is at least `low`, at most `high` and more than `above`, as far as these are given. */
  readonly low?: number;
  readonly high?: number;
  readonly above?: number;
}

/** What a scenario says about a kind of its user's own; `module` is relative to the scenario's file. */
export interface OwnKind {
  /** The path of an ECMAScript or CommonJS module. */
  readonly module: string;
  /** The name under which it exports the kind's factory. */
  readonly export: string;
  /** What the factory is given: plain data. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/** Says why a key that is given has no effect here; undefined when it has one. */
export type Needs = (
  /** The map in which the key stands, then the part of the scenario around it; both with their defaults. */
  siblings: Readonly<Record<string, unknown>>,
  part: Readonly<Record<string, unknown>>,
) => string | undefined;

interface KeyFacts {
  /** One sentence or phrase that says what the key means; schemas show it. */
  readonly about: string;
  readonly needs?: Needs;
}

/** A key that a scenario must give. */
export interface RequiredKey<Value, Written = Value> extends KeyFacts {
  readonly presence: 'required';
  readonly shape: Shape<Value, Written>;
}

/** A key that may be absent and then has no value. */
export interface OptionalKey<Value, Written = Value> extends KeyFacts {
  readonly presence: 'optional';
  readonly shape: Shape<Value, Written>;
}

/** A key that has the value `fallback` when a scenario does not give it. */
export interface DefaultedKey<Value, Written = Value> extends KeyFacts {
  readonly presence: 'defaulted';
  readonly shape: Shape<Value, Written>;
  readonly fallback: Value;
  /** It says where the default comes from. */
  readonly source?: string;
}

export type Key<Value = unknown, Written = Value> =
  RequiredKey<Value, Written> | OptionalKey<Value, Written> | DefaultedKey<Value, Written>;
export type Keys = Readonly<Record<string, Key>>;

/** The type of a key's value once defaults are filled in. */
export type ValueOf<One> = One extends { readonly shape: Shape<infer Value, infer _> }
  ? Value
  : never;
/** The type of what a scenario says for a key. */
export type WrittenValueOf<One> = One extends { readonly shape: Shape<infer _, infer Written> }
  ? Written
  : never;

/** The type of a map with these keys once its defaults are filled in. */
export type ValuesOf<Table> = {
  readonly [
    Name in keyof Table as Table[Name] extends { presence: 'optional' } ? never : Name
  ]: ValueOf<Table[Name]>;
} & {
  readonly [Name in keyof Table as Table[Name] extends { presence: 'optional' } ? Name : never]?:
    ValueOf<Table[Name]> | undefined;
};

/** The type of a map with these keys as a scenario has it: only what is required must be there. */
export type WrittenOf<Table> = {
  readonly [
    Name in keyof Table as Table[Name] extends { presence: 'required' } ? Name : never
  ]: WrittenValueOf<Table[Name]>;
} & {
  readonly [Name in keyof Table as Table[Name] extends { presence: 'required' } ? never : Name]?:
    WrittenValueOf<Table[Name]> | undefined;
};

/** Describes a key that a scenario must give. */
export const required = <Value, Written>(
  shape: Shape<Value, Written>,
  facts: KeyFacts,
): RequiredKey<Value, Written> => ({ presence: 'required', shape, ...facts });

/** Describes a key that may be absent and then has no value. */
export const optional = <Value, Written>(
  shape: Shape<Value, Written>,
  facts: KeyFacts,
): OptionalKey<Value, Written> => ({ presence: 'optional', shape, ...facts });

/** Describes a key that has the value `fallback` when a scenario does not give it. */
export const defaulted = <Value, Written>(
  shape: Shape<Value, Written>,
  fallback: NoInfer<Value>,
  facts: KeyFacts & { readonly source?: string },
): DefaultedKey<Value, Written> => ({ presence: 'defaulted', shape, fallback, ...facts });

export const flag: Shape<boolean> = { is: 'flag' };
export const rate: Shape<Quantity> = { is: 'rate' };
export const duration: Shape<Quantity> = { is: 'duration' };
export const positiveDuration: Shape<Quantity> = { is: 'positiveDuration' };
export const size: Shape<Quantity> = { is: 'size' };
export const positiveSize: Shape<Quantity> = { is: 'positiveSize' };

/** A whole number from `low` to `high`. */
export const whole = (low: number, high: number): Shape<number> => ({ is: 'whole', low, high });
/** A share, as a number from `low` to `high`. */
export const share = (low = 0, high = 1): Shape<number> => ({ is: 'share', low, high });

/** A number in a range; error messages say that `what` was expected. */
export const number = (what: string, range: NumberRange): Shape<number> => ({
  is: 'number',
  what,
  ...range,
});

export const accessRate: Shape<number | 'max'> = { is: 'accessRate' };
export const allowance: Shape<Quantity> = { is: 'allowance' };

export const name = (what: string): Shape<string> => ({ is: 'name', what, takesOwn: false });

/** The name of something, or a module of the user's own that makes such a thing. */
export const nameOrOwn = (what: string): Shape<string | OwnKind> => ({
  is: 'name',
  what,
  takesOwn: true,
});

interface ChoiceOptions<TakesNumbers> {
  readonly later?: readonly string[];
  readonly takesNumbers?: TakesNumbers;
}

/** One of `values`. */
export const choice = <const Value extends string, const TakesNumbers extends boolean = false>(
  values: readonly [Value, ...Value[]],
  { later = [], takesNumbers }: ChoiceOptions<TakesNumbers> = {},
): Shape<Value, TakesNumbers extends true ? Value | number : Value> => ({
  is: 'choice',
  values,
  later,
  takesNumbers: takesNumbers === true,
  takesOwn: false,
});

/** The name of a kind, one of `values`, or a kind of the user's own. */
export const kindOf = <const Value extends string>(
  values: readonly [Value, ...Value[]],
): Shape<Value | OwnKind> => ({
  is: 'choice',
  values,
  later: [],
  takesNumbers: false,
  takesOwn: true,
});

/** A list of values of one shape; error messages say that `expected` was expected. */
export const list = <Value, Written>(
  of: Shape<Value, Written>,
  expected: string,
): Shape<readonly Value[], readonly Written[]> => ({ is: 'list', of, expected });

/** A map with keys of its own. */
export const map = <Table extends Keys>(keys: Table): Shape<ValuesOf<Table>, WrittenOf<Table>> => ({
  is: 'map',
  keys,
});

/** Returns the map that holds the default of every key that has one. */
export function defaultsOf<Table extends Keys>(keys: Table): ValuesOf<Table> {
  const entries = Object.entries(keys).flatMap(([name_, key]) =>
    key.presence === 'defaulted' ? [[name_, key.fallback] as const] : [],
  );
  return Object.fromEntries(entries) as ValuesOf<Table>;
}
