import { expect, it } from 'vitest';
import { explore } from '../support/interleave/explore.ts';
import { framesWorld, lineWorld, openLinkProgram } from '../support/worlds/link-world.ts';

it('a ring link brings frames round the end of its ring', async () => {
  const program = await openLinkProgram();
  const { violation, states } = explore(() => framesWorld(program, 4, 128));
  expect(violation).toBeUndefined();
  console.log(`4 frames: ${states} states`);
});

it('both ends of a line that sleep on their doorbells learn of a lost connection and of the next', async () => {
  const program = await openLinkProgram();
  const { violation, states } = explore(() => lineWorld(program, { sleeps: true }));
  expect(violation).toBeUndefined();
  console.log(`a line, asleep: ${states} states`);
});
