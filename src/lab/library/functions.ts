import { type Factory, lendFactory } from '../../runtime/common/own-kinds.ts';
import type { Path } from '../../scenario/document.ts';
import { locateFile } from '../../scenario/files.ts';
import { formatKey, InputError } from '../../scenario/input-error.ts';
import type { FunctionAt } from '../../scenario/plain-value.ts';
import type { Scenario } from '../../scenario/schema.ts';
import type { OwnKind } from '../../units/keys.ts';

/** How many functions have been lent so far; each has a name of its own, as several runs may be under way. */
let lentSoFar = 0;

/** What results name in place of a module; whoever runs such a result again reads it in the error. */
const DESCRIPTION = 'pageferry:a-function-of-the-program-that-made-this-result';

const TRACE = /^guest\.workloads\[\d+\]\.trace\.file$/;
/** These keys have an effect in the thread of a migration's engines. */
const OF_ENGINES: readonly string[] = ['migration.policy', 'migration.pageOrder'];

/** The functions that a program has put into a scenario in place of modules. They are lent until `giveBack`. */
export class LentFunctions {
  /** The names that stand for the functions, by the keys at which these stand. */
  readonly #names = new Map<string, string>();
  readonly #ends: (() => void)[] = [];

  /** Lends a function, and returns the kind that stands for it; undefined at a key that takes none. */
  readonly at: FunctionAt = (path: Path, factory): OwnKind | undefined => {
    const key = formatKey(path);
    if (!OF_ENGINES.includes(key) && !TRACE.test(key)) return undefined;
    const module = `pageferry:function/${++lentSoFar}`;
    this.#ends.push(lendFactory(locateFile('', module), factory as unknown as Factory));
    this.#names.set(key, module);
    return { module, export: factory.name === '' ? 'the function' : factory.name };
  };

  /** Throws InputError when a function is lent to engines that work in other threads. */
  checkRuntime(runtime: 'threads' | 'virtual', place: string): void {
    if (runtime === 'virtual') return;
    const keys = OF_ENGINES.filter((key) => this.#names.has(key));
    if (keys.length === 0) return;
    const sentence =
      "a function can't go to the threads of a run in real time: set runtime: 'virtual', or name a module as { module, export }";
    throw new InputError(keys.map((key) => ({ place, key, sentence })));
  }

  /** Returns a scenario as results keep it, in which functions have a name that is the same each time. */
  described(scenario: Scenario): Scenario {
    if (this.#names.size === 0) return scenario;
    const names = new Set<unknown>(this.#names.values());
    const text = JSON.stringify(scenario, (_, value: unknown) =>
      names.has(value) ? DESCRIPTION : value,
    );
    return JSON.parse(text) as Scenario;
  }

  /** Returns an error whose problems are about the functions' own keys, and not about what stands for them. */
  blamed(error: InputError): InputError {
    const keys = [...this.#names.keys()];
    const problems = error.problems.map((problem) => {
      const key = keys.find((one) => problem.key.startsWith(`${one}.`));
      return key === undefined ? problem : { ...problem, key };
    });
    return new InputError(problems, error.more);
  }

  giveBack(): void {
    for (const end of this.#ends) end();
  }
}
