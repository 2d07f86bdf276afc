import { loadEvacuation } from '../dist/fleet/evacuation/load.js';
import { runEvacuation } from '../dist/fleet/evacuation/run.js';
import { isToy, median, printTable } from './report.ts';

const percent = (a: number, b: number): string => `${(100 * (a / b - 1)).toFixed(1)} %`;

/** Runs the preset `four` in both runtimes and prints how far they agree on guests that share a link. */
export async function evacuationAgreement(): Promise<void> {
  const rows = [['guest', 'threads ms', 'virtual ms', 'error', 'threads MiB', 'virtual MiB']];
  const errors: number[] = [];
  const makespans: number[] = [];
  const virtual = await runEvacuation(loadEvacuation('four', ['runtime=virtual']).config);
  const virtualMs = (virtual.endedNs - virtual.startedNs) / 1e6;
  for (let run = 0; run < (isToy ? 1 : 5); run++) {
    const threads = await runEvacuation(loadEvacuation('four', ['runtime=threads']).config);
    const threadsMs = (threads.endedNs - threads.startedNs) / 1e6;
    makespans.push(virtualMs / threadsMs - 1);
    threads.guests.forEach((guest, index) => {
      const other = virtual.guests[index]!;
      const [ms, otherMs] = [guest, other].map((one) => (one.endedNs! - one.startedNs!) / 1e6);
      const [mib, otherMib] = [guest, other].map((one) => one.run!.source.linkBytes / 2 ** 20);
      errors.push(Math.abs(otherMs! / ms! - 1));
      rows.push([
        guest.name,
        ms!.toFixed(0),
        otherMs!.toFixed(0),
        percent(otherMs!, ms!),
        mib!.toFixed(1),
        otherMib!.toFixed(1),
      ]);
    });
    rows.push([
      'all',
      threadsMs.toFixed(0),
      virtualMs.toFixed(0),
      percent(virtualMs, threadsMs),
      '',
      '',
    ]);
  }
  printTable('evacuation of the preset four, two at a time over 1 Gbit/s', rows);
  const worst = Math.max(...makespans.map(Math.abs));
  console.log(
    `  time of a guest: ${(median(errors) * 100).toFixed(2)} % apart in the median, ${(Math.max(...errors) * 100).toFixed(2)} % at worst; until the host is empty ${(worst * 100).toFixed(2)} % at worst`,
  );
}

/** Measures how fast 40 guests of 8 GiB are emulated. */
export async function evacuationSpeed(): Promise<void> {
  const start = process.cpuUsage();
  const startedNs = process.hrtime.bigint();
  const clock = { now: () => Number(process.hrtime.bigint() - startedNs) };
  const sets = isToy ? ['guests[0].count=1', 'guests[1].count=1', 'guests[2].count=1'] : [];
  const { config } = loadEvacuation('forty', sets);
  const report = await runEvacuation(config, { clock });
  const cpu = process.cpuUsage(start);
  const cpuSeconds = (cpu.user + cpu.system) / 1e6;
  const accesses = report.guests.reduce(
    (sum, { run }) => sum + (run?.guest.timeline.at(-1)?.accesses ?? 0),
    0,
  );
  const makespan = (report.endedNs - report.startedNs) / 1e9;
  const { events } = report.wall!;
  printTable(`evacuation of ${config.guests.length} guests (preset forty)`, [
    ['emptied in s', 'wall s', 'CPU s', 'events', 'events/CPU s', 'accesses/CPU s', 'peak MiB'],
    [
      makespan.toFixed(1),
      (report.wall!.ns / 1e9).toFixed(1),
      cpuSeconds.toFixed(1),
      String(events),
      (events / cpuSeconds).toFixed(0),
      (accesses / cpuSeconds).toFixed(0),
      (process.resourceUsage().maxRSS / 1024).toFixed(0),
    ],
  ]);
}
