import { expect, it } from 'vitest';
import { explore } from '../support/interleave/explore.ts';
import { openGuestProgram } from '../support/worlds/guest-world.ts';
import { precopyWorld } from '../support/worlds/precopy-world.ts';

it.each([
  { log: 'bitmap', vcpus: 1, writes: 2, harvests: 2 },
  { log: 'bitmap', vcpus: 1, writes: 2, harvests: 1, mayLeave: true },
  { log: 'bitmap', vcpus: 1, writes: 1, harvests: 1, endsEarly: true },
  { log: 'bytemap', vcpus: 1, writes: 1, harvests: 1 },
  { log: 'atomic', vcpus: 1, writes: 2, harvests: 2, mayLeave: true },
  { log: 'atomic', vcpus: 2, writes: 1, harvests: 1, onlyPolls: true },
  { log: 'bitmap', vcpus: 2, writes: 1, harvests: 1, onlyPolls: true },
  { log: 'ring', vcpus: 1, writes: 2, harvests: 1 },
] as const)('no write is lost in a larger world: %o', async (options) => {
  const program = await openGuestProgram();
  const { violation, states } = explore(() => precopyWorld(program, options));
  expect(violation).toBeUndefined();
  console.log(`${JSON.stringify(options)}: ${states} states`);
});
