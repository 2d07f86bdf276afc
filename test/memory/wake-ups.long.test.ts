import { expect, it } from 'vitest';
import { explore } from '../support/interleave/explore.ts';
import { type Asked, openWakeProgram, wakeWorld } from '../support/worlds/wake-world.ts';

it.each<[Asked, number]>([
  ['both', 1],
  ['account', 1],
  ['epoch', 2],
  ['release', 2],
])('no wake-up is lost in a larger world: %s, %i vCPUs', async (asked, vcpus) => {
  const opened = await openWakeProgram();
  const { violation, states, schedules } = explore(() => wakeWorld(opened, asked, vcpus));
  expect(violation).toBeUndefined();
  console.log(`${asked}, ${vcpus} vCPUs: ${states} states, ${schedules} schedules`);
});
