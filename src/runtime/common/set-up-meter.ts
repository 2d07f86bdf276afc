import type { GuestSpec, WorldOptions } from '../world/world.ts';

/** Returns a function that adds up the bytes that have been filled on `sides` sides of guests, and tells of the sum. */
export function setUpMeter(
  guests: readonly GuestSpec[],
  sides: 1 | 2,
  onSetUp: WorldOptions['onSetUp'],
): (bytes: number) => void {
  const allBytes = sides * guests.reduce((sum, { config }) => sum + config.guest.memoryBytes, 0);
  let doneBytes = 0;
  onSetUp?.({ doneBytes, allBytes });
  return (bytes) => {
    doneBytes += bytes;
    onSetUp?.({ doneBytes, allBytes });
  };
}
