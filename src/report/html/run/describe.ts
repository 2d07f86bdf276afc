import type { RunResult } from '../../../result/schema.ts';
import { plural } from '../words.ts';

interface Migration {
  readonly algorithm?: string;
  readonly policy?: string | { readonly export?: string };
  readonly downtimeLimit?: string | number;
}

/** Returns the keys of a run's migration that reports speak of. */
export function migrationOf({ scenario }: RunResult): Migration {
  const migration: Migration = scenario['migration'] ?? {};
  return migration;
}

/** Returns what kind of migration it is, such as "pre-copy (policy qemu)". */
export function methodOf(result: RunResult): string {
  const { algorithm = 'migration', policy } = migrationOf(result);
  const names: Readonly<Record<string, string>> = { precopy: 'pre-copy', postcopy: 'post-copy' };
  const name = names[algorithm] ?? algorithm;
  const kind = typeof policy === 'string' ? policy : policy?.export;
  return kind === undefined || !/precopy|hybrid/.test(algorithm)
    ? name
    : `${name} (policy ${kind})`;
}

/** Returns what the proof says. */
export function proofOf({ verify, guestLost }: RunResult): string {
  if (!verify)
    return guestLost ? 'There is no proof, because the guest is lost.' : 'The proof was given up.';
  const {
    kind,
    ok,
    pagesCompared = 0,
    differingPages = 0,
    firstDifference,
    replayedBy,
    readsChecked = 0,
  } = verify;
  if (kind === 'off') return 'The proof was turned off (verify: off).';
  if (ok) {
    return `Every byte of ${plural(pagesCompared, 'page')} and ${plural(readsChecked, 'read checksum')} are what the source would have had: the accesses were replayed by the ${replayedBy ?? 'twin'}.`;
  }
  const first = firstDifference
    ? `, the first in gfn ${firstDifference.gfn} at offset ${firstDifference.offset}: expected ${firstDifference.expected}, found ${firstDifference.found}`
    : '';
  return `${plural(differingPages, 'page')} differ${first}.`;
}
