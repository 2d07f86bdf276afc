import { loadHostDocument } from '../dist/fleet/host/load.js';
import type { PageSharing } from '../dist/overcommit/page-sharing.js';
import { Generator } from '../dist/random/generator.js';
import { VirtualOvercommittedHost } from '../dist/runtime/virtual/overcommitted-host.js';
import { ScenarioDocument } from '../dist/scenario/document.js';
import { isToy, printTable } from './report.ts';

const GIB = 1024 ** 3;
const PAGE = 4096;
const GUEST_GIB = isToy ? 1 / 16 : 64;
const GUESTS = isToy ? 4 : 16;
const RANDOM_PAGES = isToy ? 10_000 : 2_000_000;

/**
 * A host of 1 TiB that has given all of it to its guests. A quarter of each guest's memory is equal in all of them, and a
 * tenth of that is zero; the rest is its own.
 */
const HOST = `duration: 1s
verify: off
host: { memory: ${GUEST_GIB * GUESTS}GiB, sharing: { guestRate: 1, rate: 1 }, thresholds: { high: 0, soft: 0, hard: 0, low: 0, margin: 0 } }
guests:
  - name: guest
    count: ${GUESTS}
    min: 1GiB
    guest:
      memory: ${GUEST_GIB}GiB
      backing: versions
      vcpus: 1
      contents:
        - { kind: random }
        - { kind: random, seed: 1, zeroShare: 0.1, region: { start: 0, size: ${GUEST_GIB / 4}GiB } }
`;

/**
 * Scans all pages of a host of 1 TiB once, with versions in place of bytes, and some of them again, and prints what that
 * takes.
 */
export async function sharingFigures(): Promise<void> {
  const text = isToy ? HOST.replace('min: 1GiB', 'min: 1MiB') : HOST;
  const { config } = loadHostDocument(new ScenarioDocument('host', text), '.');
  const startNs = process.hrtime.bigint();
  const host = new VirtualOvercommittedHost(config.host);
  await host.settle(config.guests);
  await host.live(0);
  const setUpSeconds = secondsSince(startNs);
  const { memory, guests } = host;
  const sharing = memory.sharing!;
  const pages = (GUEST_GIB * GIB) / PAGE;
  const all = scan(sharing, GUESTS * pages, (i) => {
    // Guests take turns, so that equal pages meet early.
    sharing.scan(guests[i % GUESTS]!.resident.pages, Math.floor(i / GUESTS));
  });
  const random = new Generator(1);
  const some = scan(sharing, RANDOM_PAGES, (i) => {
    sharing.scan(guests[i % GUESTS]!.resident.pages, random.below(pages));
  });
  const residentGib = (process.resourceUsage().maxRSS * 1024) / GIB;
  const checkNs = process.hrtime.bigint();
  const problems = memory.problems();
  const rows = [
    ['machine memory', `${((memory.machine.pages * PAGE) / GIB).toFixed(2)} GiB`],
    ['set-up: fill, admit, populate', `${setUpSeconds.toFixed(1)} s`],
    ['all pages once, in the order of gfns', all],
    ['then pages picked at random, as a host does', some],
    [
      'pages that share',
      `${sharing.counts.shared}, which saves ${sharing.savedPages} machine pages`,
    ],
    ['bytes of table a frame', sharing.table.bytesPerFrame.toFixed(1)],
    ['resident memory of the process', `${residentGib.toFixed(2)} GiB`],
    ['check of all records', `${secondsSince(checkNs).toFixed(1)} s, ${problems.length} problems`],
    [
      'resident memory with that check',
      `${((process.resourceUsage().maxRSS * 1024) / GIB).toFixed(2)} GiB`,
    ],
  ];
  printTable('Page sharing in a host of 1 TiB, versions in place of bytes', rows);
  if (problems.length > 0) process.exitCode = 1;
}

/** Looks at `count` pages; returns how many of them could be scanned, in what time. */
function scan(sharing: PageSharing, count: number, look: (i: number) => void): string {
  const { scanned } = sharing.counts;
  const startNs = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  for (let i = 0; i < count; i++) look(i);
  const { user, system } = process.cpuUsage(cpu);
  const done = sharing.counts.scanned - scanned;
  const seconds = secondsSince(startNs).toFixed(1);
  const rate = (done / (user + system)).toFixed(2);
  return `${(done / 1e6).toFixed(2)} million in ${seconds} s, ${rate} million a second of CPU time`;
}

const secondsSince = (ns: bigint): number => Number(process.hrtime.bigint() - ns) / 1e9;
