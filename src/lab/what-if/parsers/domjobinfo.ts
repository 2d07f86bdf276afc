import { type MigrationFigures, findingOf } from './migration-figures.ts';
import { fieldOf, known, numberOf, type PasteParser, PasteError, sizeField } from './parser.ts';

/**
 * `virsh domjobinfo DOMAIN`, with or without `--completed`. The lines and their units are those that cmdDomjobinfo prints
 * (libvirt, tools/virsh-domain.c): sizes with three decimals in B to TiB, times in ms, `Dirty rate` in pages a second.
 */
const TOOL = 'virsh domjobinfo';

export const domjobinfo: PasteParser = {
  tool: TOOL,
  recognises: (text) => /^\s*Job type:/m.test(text),
  parse(text) {
    const type = fieldOf(text, 'Job type') ?? '';
    if (type.startsWith('None')) {
      throw new PasteError(
        'virsh domjobinfo shows no job: paste what it prints while a migration runs, or what virsh domjobinfo --completed prints after one',
      );
    }
    return findingOf(
      TOOL,
      known<MigrationFigures>({
        total: sizeField(text, 'Memory total') ?? sizeField(text, 'Data total'),
        remaining: sizeField(text, 'Memory remaining'),
        bytesPerSecond: sizeField(text, 'Memory bandwidth'),
        dirtyPagesPerSecond: numberOf(text, 'Dirty rate'),
        pageSize: numberOf(text, 'Page size'),
        syncs: numberOf(text, 'Iteration'),
        zeroPages: numberOf(text, 'Constant pages'),
        normalPages: numberOf(text, 'Normal pages'),
        totalTimeMs: numberOf(text, 'Time elapsed'),
        expectedDowntimeMs: numberOf(text, 'Expected downtime'),
        downtimeMs: numberOf(text, 'Total downtime'),
        throttle: numberOf(text, 'Auto converge throttle'),
        isOver: type.startsWith('Completed'),
      }),
    );
  },
};
