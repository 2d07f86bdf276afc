import { runVirtual } from '../dist/runtime/virtual/run.js';
import { loadScenarioText } from '../dist/scenario/load.js';
import { isToy, median, printTable } from './report.ts';

/** A clock that runs while this process computes. */
const cpuClock = {
  now(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1000;
  },
};

/** Measures how many accesses a CPU second a virtual guest makes whose vCPUs access as fast as they can. */
export async function maxFigures(): Promise<void> {
  const rows: string[][] = [['rate: max', 'accesses', 'million a CPU second', 'lowest', 'highest']];
  for (const backing of ['versions', 'bytes']) {
    for (const pattern of ['zipf', 'uniform']) {
      const rates: number[] = [];
      let accesses = 0;
      for (let i = 0; i < (isToy ? 1 : 5); i++) {
        const { config } = loadScenarioText(
          'max.yaml',
          `runtime: virtual
verify: off
guest:
  memory: ${isToy ? '64MiB' : '1GiB'}
  vcpus: 2
  backing: ${backing}
  contents: [{ kind: random }]
  workloads: [{ pattern: ${pattern}, rate: max }]
link: { bandwidth: 1Gbit/s }
migration: { policy: qemu, timeout: ${isToy ? '100ms' : '2s'}, startAfter: 0s, runAfter: 0s }
`,
        );
        const { guest, wall } = await runVirtual(config, { clock: cpuClock });
        accesses = guest.timeline.at(-1)!.accesses;
        rates.push((accesses / wall!.runNs) * 1e3);
      }
      rows.push([
        `${backing}, ${pattern}`,
        String(accesses),
        ...[median(rates), Math.min(...rates), Math.max(...rates)].map((rate) => rate.toFixed(1)),
      ]);
    }
  }
  printTable('2 vCPUs over 1 GiB that access pages as fast as they can, 1 Gbit/s, virtual', rows);
}
