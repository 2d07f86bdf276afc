import { expect, it } from 'vitest';
import { readMeasured } from '../../src/lab/validate/measured.ts';
import { LostByteError, validate } from '../../src/lab/validate/validate.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';

/** Makes a run at whose end a byte differs. */
const playWithFlip = (config: RunConfig): Promise<RunReport> =>
  runVirtual(config, {
    beforeProof: (_, destination) => void (destination[0]![4096 * 3]! ^= 1),
  });

it('a prediction that loses a byte is none, and says whose it is', async () => {
  const file = readMeasured('fixtures/measured/qemu-two-cores.json');
  const found = file.runs.find(({ id }) => id === 'idle-8632bd5e-0')!;
  const small = { ...found, inputs: { ...found.inputs, ram_mib: 8, fill_mib: 2 } };
  const validating = validate({ ...file, runs: [small] }, undefined, playWithFlip);
  await expect(validating).rejects.toThrow(LostByteError);
  await expect(validating).rejects.toThrow(`${small.id}: the prediction lost a byte`);
});
