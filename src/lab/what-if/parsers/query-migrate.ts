import { jsonObjects, numberAt } from './json-values.ts';
import { findingOf, type MigrationFigures } from './migration-figures.ts';
import { known, type PasteParser, PasteError } from './parser.ts';

/**
 * QMP's `query-migrate` (QEMU, qapi/migration.json, MigrationInfo and MigrationStats): sizes in bytes, times in ms, `mbps`
 * in Mbit/s. `virsh qemu-monitor-command DOMAIN '{"execute":"query-migrate"}'` prints the same.
 */
const TOOL = 'query-migrate';
const MBIT = 1e6 / 8;

type Map = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Map =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A migration that has not begun, or failed at once, has a status and no memory. */
const isMigration = (value: Map): boolean =>
  isMap(value['ram']) || ('total-time' in value && 'status' in value);

export const queryMigrate: PasteParser = {
  tool: TOOL,
  recognises: (text) => /"ram"\s*:\s*\{/.test(text) || /"total-time"\s*:/.test(text),
  parse(text) {
    // The last one is the latest.
    const info = jsonObjects(text).findLast(isMigration);
    const ram = info?.['ram'];
    if (!info || !isMap(ram)) {
      throw new PasteError(
        'query-migrate shows no memory ("ram"): paste what it returns while a migration runs, or after one',
      );
    }
    const mbps = numberAt(ram, 'mbps');
    return findingOf(
      TOOL,
      known<MigrationFigures>({
        total: numberAt(ram, 'total'),
        remaining: numberAt(ram, 'remaining'),
        pageSize: numberAt(ram, 'page-size'),
        bytesPerSecond: mbps === undefined ? undefined : mbps * MBIT,
        dirtyPagesPerSecond: numberAt(ram, 'dirty-pages-rate'),
        syncs: numberAt(ram, 'dirty-sync-count'),
        zeroPages: numberAt(ram, 'duplicate'),
        normalPages: numberAt(ram, 'normal'),
        totalTimeMs: numberAt(info, 'total-time'),
        expectedDowntimeMs: numberAt(info, 'expected-downtime'),
        downtimeMs: numberAt(info, 'downtime'),
        throttle: numberAt(info, 'cpu-throttle-percentage'),
        isOver: info['status'] === 'completed',
      }),
    );
  },
};
