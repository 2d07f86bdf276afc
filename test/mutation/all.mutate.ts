/**
 * Runs the test files of a room as one file, so that the room's code is loaded once for each mutant and not once for
 * each test file. The environment names them, relative to the root of the repository. All find the same memory free, as
 * else a busy machine would refuse scenarios and so kill mutants.
 */
process.availableMemory = () => 64 * 2 ** 30;
for (const file of JSON.parse(process.env['MUTATE_TESTS'] ?? '[]') as readonly string[]) {
  await import(new URL(`../../${file}`, import.meta.url).href);
}
