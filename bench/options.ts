import { parseArgs } from 'node:util';

/** What the command line of a bench of kernels asks for. */
export interface BenchOptions {
  readonly isToy: boolean;
  /** Suites to run, all when empty. */
  readonly only: readonly string[];
  /** Files for the rows. */
  readonly json?: string;
  readonly markdown?: string;
}

/** Reads the command line; ends the program with a sentence when it makes no sense. */
export function readOptions(suites: readonly string[]): BenchOptions {
  try {
    const { values } = parseArgs({
      options: {
        toy: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        json: { type: 'string' },
        markdown: { type: 'string' },
      },
    });
    const only = values.only.split(',').filter((name) => name !== '');
    const unknown = only.find((name) => !suites.includes(name));
    if (unknown !== undefined) throw new Error(`no suite ${unknown}; there are ${suites.join()}`);
    const { json, markdown } = values;
    return {
      isToy: values.toy,
      only,
      ...(json === undefined ? {} : { json }),
      ...(markdown === undefined ? {} : { markdown }),
    };
  } catch (error) {
    console.error((error as Error).message);
    return process.exit(2);
  }
}
