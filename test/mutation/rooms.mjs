const SCENARIO_TEXT = ['document', 'input-error', 'json', 'read-text', 'suggest', 'yaml'].map(
  (name) => `src/scenario/${name}.ts`,
);

// The tests of limits load long texts, so they come last.
const SCENARIO_TESTS = [
  'checks',
  'accepted',
  'channels',
  'complete',
  'costs',
  'devices',
  'files',
  'impossible',
  'json-schema',
  'keys',
  'managers',
  'memory-manager',
  'outages',
  'ownership',
  'presets',
  'set',
  'traces',
  'values',
  'yaml',
  'limits',
].map((name) => `test/scenario/${name}.test.ts`);

/**
 * The pure rooms: code whose result depends on its arguments alone, so that a test that runs a mutant gives the same
 * answer each time. `mutate` are files of src/, `tests` those that must notice a mutant. With `isOneFile` they run as
 * one file (all.mutate.ts), which is faster where they are many and load much.
 *
 * @type {Readonly<Record<string, {
 *   readonly mutate: readonly string[],
 *   readonly tests: readonly string[],
 *   readonly isOneFile?: boolean,
 * }>>}
 */
export const ROOMS = {
  units: {
    mutate: ['src/units/*.ts', '!src/units/keys.ts'],
    tests: ['test/units/*.test.ts'],
  },
  'page-set': { mutate: ['src/memory/page-set.ts'], tests: ['test/memory/page-set*.test.ts'] },
  wire: { mutate: ['src/wire/*.ts'], tests: ['test/wire/*.test.ts'] },
  'page-orders': {
    mutate: ['src/migration/page-orders/*.ts'],
    tests: ['page-order*', 'bubbling', 'permuted'].map((name) => `test/migration/${name}.test.ts`),
  },
  policies: {
    mutate: ['src/migration/policies/*.ts'],
    // The conformance suite (policy-kinds) is left out: it plays whole migrations, and would do so for each mutant.
    tests: [
      ...[
        'ladders',
        'managers',
        'policies',
        'policy-answers',
        'policy-specs',
        'qemu-answers',
        'qemu-parts',
        'throttle-rules',
      ].map((name) => `test/migration/${name}.test.ts`),
      // Which keys a policy has, with which values and defaults, shows only in scenarios.
      ...['complete', 'costs', 'managers', 'ownership'].map(
        (name) => `test/scenario/${name}.test.ts`,
      ),
    ],
  },
  // What reads a text and says where in it something stands.
  'scenario-text': { mutate: SCENARIO_TEXT, tests: SCENARIO_TESTS, isOneFile: true },
  // What a scenario means. The descriptions of its keys are of use only here.
  scenario: {
    mutate: ['src/scenario/*.ts', ...SCENARIO_TEXT.map((file) => `!${file}`), 'src/units/keys.ts'],
    tests: SCENARIO_TESTS,
    isOneFile: true,
  },
};
