import { parseArgs } from 'node:util';

/** The options on the command line of a bench of kernels. */
export interface BenchOptions {
  readonly isToy: boolean;
  /** The suites to run; when empty, all run. */
  readonly only: readonly string[];
  /** The files to which the rows are written. */
  readonly json?: string;
  readonly markdown?: string;
}

/** Reads the command line. Ends the program with a message and code 2 when an option is wrong. */
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
    if (unknown !== undefined)
      throw new Error(`there is no suite ${unknown}; there are ${suites.join()}`);
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
