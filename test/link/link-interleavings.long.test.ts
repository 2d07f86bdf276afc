import { expect, it } from 'vitest';
import { explore } from '../support/interleave/explore.ts';
import { framesWorld, lineWorld, openLinkProgram } from '../support/worlds/link-world.ts';

it('a ring link brings more frames than its ring has room for', async () => {
  const program = await openLinkProgram();
  const { violation, states } = explore(() => framesWorld(program, 5));
  expect(violation).toBeUndefined();
  console.log(`5 frames: ${states} states`);
});

it('both ends of a line that sleep on their doorbells learn of a lost connection and of the next', async () => {
  const program = await openLinkProgram();
  const { violation, states } = explore(() => lineWorld(program, { sleeps: true }));
  expect(violation).toBeUndefined();
  console.log(`a line, asleep: ${states} states`);
});
