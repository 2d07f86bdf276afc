import type { Finding } from '../facts.ts';
import { domjobinfo } from './domjobinfo.ts';
import { domstats } from './domstats.ts';
import { infoDirtyRate } from './info-dirty-rate.ts';
import { infoMigrate } from './info-migrate.ts';
import { PasteError, type PasteParser } from './parser.ts';
import { queryDirtyRate } from './query-dirty-rate.ts';
import { queryMigrate } from './query-migrate.ts';

/** All parsers of pasted outputs. To add one, write its file and add a line here. */
export const PARSERS: readonly PasteParser[] = [
  queryMigrate,
  queryDirtyRate,
  domjobinfo,
  domstats,
  infoMigrate,
  infoDirtyRate,
];

/**
 * Returns what a pasted text says, which may hold the outputs of several tools. Throws PasteError when no tool is
 * recognised, or when one shows nothing that can be used.
 */
export function parsePaste(text: string): Finding[] {
  const parsers = PARSERS.filter((parser) => parser.recognises(text));
  if (parsers.length > 0) return parsers.map((parser) => parser.parse(text));
  if (/calculate.*dirty rate/i.test(text)) {
    throw new PasteError(
      'virsh domdirtyrate-calc says only that it measures: wait for its period, and paste what virsh domstats --dirtyrate DOMAIN prints',
    );
  }
  const tools = PARSERS.map(({ tool }) => tool).join(', ');
  throw new PasteError(
    `${text.trim() === '' ? 'is empty' : 'is not recognised'}: paste what one of ${tools} prints`,
  );
}
