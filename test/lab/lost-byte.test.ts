import { expect, it, vi } from 'vitest';
import { readMeasured } from '../../src/lab/validate/measured.ts';
import { LostByteError, validate } from '../../src/lab/validate/validate.ts';
import type { runVirtual } from '../../src/runtime/virtual/run.ts';

/** Every prediction ends with a byte that differs. */
vi.mock('../../src/runtime/virtual/run.ts', async (importOriginal) => {
  const original = await importOriginal<{ runVirtual: typeof runVirtual }>();
  const flipped: typeof runVirtual = (config, options) =>
    original.runVirtual(config, {
      ...options,
      beforeProof: (_, destination) => void (destination[0]![4096 * 3]! ^= 1),
    });
  return { ...original, runVirtual: flipped };
});

it('a prediction that loses a byte is none, and says whose it is', async () => {
  const file = readMeasured('fixtures/measured/qemu-two-cores.json');
  const found = file.runs.find(({ id }) => id === 'idle-8632bd5e-0')!;
  const small = { ...found, inputs: { ...found.inputs, ram_mib: 8, fill_mib: 2 } };
  const validating = validate({ ...file, runs: [small] });
  await expect(validating).rejects.toThrow(LostByteError);
  await expect(validating).rejects.toThrow(`${small.id}: the prediction lost a byte`);
});
