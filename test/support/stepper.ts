import type { Process } from '../../src/clock/process.ts';

/** A process that is stepped at each of some times, and says so. */
export function stepper(name: string, times: number[], said: string[], eventClass = 0): Process {
  return {
    eventClass,
    get isOver() {
      return times.length === 0;
    },
    nextNs: () => times[0] ?? Infinity,
    step: (atNs) => {
      times.shift();
      said.push(`${name} ${atNs}`);
    },
  };
}
