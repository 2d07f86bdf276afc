import type { Needs } from '../../units/keys.ts';
import { type CompressorName, levelsOf } from '../../wire/compressors/registry.ts';
import { type ChosenEncoding, compressorOf } from '../../wire/encodings.ts';

/** Rules for keys that have an effect with some of the algorithms only. */

const LIVE: ReadonlySet<unknown> = new Set(['precopy', 'hybrid']);
const POSTCOPY: ReadonlySet<unknown> = new Set(['postcopy', 'hybrid']);

const only =
  (what: string, has: (algorithm: unknown, mayForcePostcopy: boolean) => boolean): Needs =>
  (_, { algorithm, mayForcePostcopy }) =>
    has(algorithm, mayForcePostcopy === true)
      ? undefined
      : `has an effect only with ${what}, the migration is ${String(algorithm)}: leave it out`;

/** The key needs live rounds, in which the guest runs while its pages are sent. */
export const needsRounds = only('live rounds', (algorithm) => LIVE.has(algorithm));
/** The key needs a policy that decides, which pure post-copy never asks. */
export const needsDecisions = only('pre-copy', (algorithm) => algorithm !== 'postcopy');
/** A policy of the user's own needs decisions; one that is known by name also has its limiter with pure post-copy. */
export const needsOwnDecisions: Needs = (siblings, { algorithm }) =>
  typeof siblings['policy'] === 'string' || algorithm !== 'postcopy'
    ? undefined
    : 'is a policy of your own, which postcopy never asks: leave it out, or choose another algorithm';
/** The key needs post-copy, which a pre-copy may be forced to. */
export const needsPostcopy = only(
  'post-copy',
  (algorithm, mayForcePostcopy) =>
    POSTCOPY.has(algorithm) || (algorithm === 'precopy' && mayForcePostcopy),
);
/** The key needs algorithm `hybrid`. */
export const needsHybrid = only('hybrid', (algorithm) => algorithm === 'hybrid');

/**
 * The key needs live rounds that never turn into post-copy. QEMU starts no free-page hinting if post-copy is possible
 * (hw/virtio/virtio-balloon.c, virtio_balloon_free_page_hint_notify), since a page that is hinted and requested later
 * would never be sent; here that is an error, so that nobody waits for hints in vain.
 */
export const needsNoPostcopy: Needs = (_, { algorithm, mayForcePostcopy }) => {
  if (algorithm === 'precopy' && mayForcePostcopy !== true) return undefined;
  const why = 'a hinted page that is requested after a switch to post-copy would never come';
  return `has an effect only with pre-copy that never turns into post-copy, as ${why}: leave it out`;
};
/** The key needs pages that are sent before a switch to post-copy. */
export const needsOrdinaryPages = only(
  'pages that are sent before a switch to post-copy',
  (algorithm) => algorithm !== 'postcopy',
);
/** The key needs several channels. */
export const needsChannels: Needs = ({ channels, encodings }) => {
  if (typeof channels !== 'number' || channels < 2) {
    return 'has an effect only with channels: leave it out, or set channels: 2';
  }
  const seeksZeros = Array.isArray(encodings) && encodings.includes('zero');
  return seeksZeros
    ? undefined
    : 'has an effect only with the encoding zero: leave it out, or add zero to encodings';
};
/** The key needs `freePageHints`. */
export const needsHints: Needs = (siblings) =>
  siblings['freePageHints'] === true
    ? undefined
    : 'has an effect only with freePageHints: leave it out, or set freePageHints: true';

/** The key needs the encoding `xbzrle`. */
export const needsXbzrle: Needs = ({ encodings }) =>
  Array.isArray(encodings) && encodings.includes('xbzrle')
    ? undefined
    : 'has an effect only with the encoding xbzrle: leave it out, or add xbzrle to encodings';

const compressorIn = (encodings: unknown): CompressorName | undefined =>
  Array.isArray(encodings) ? compressorOf(encodings as ChosenEncoding[]) : undefined;

/** The key needs an encoding that compresses pages. */
export const needsCompressor: Needs = ({ encodings }) =>
  compressorIn(encodings) !== undefined
    ? undefined
    : 'has an effect only with an encoding that compresses pages: leave it out, or add zlib, lz4 or zstd to encodings';

/** The key needs an encoding that compresses pages at a level of several. */
export const needsLevels: Needs = (siblings, part) => {
  const { encodings } = siblings;
  const name = compressorIn(encodings);
  if (!name) return needsCompressor(siblings, part);
  return levelsOf(name)
    ? undefined
    : `has no effect on ${name}, which has one level: leave it out, or choose zlib or zstd`;
};

/** Says why a migration with this algorithm can't be forced to its end; undefined when it can. */
export function unforcedReason(algorithm: string): string | undefined {
  return LIVE.has(algorithm)
    ? undefined
    : `has an effect only with live rounds, which may go on for ever, and the migration is ${algorithm}: leave it out`;
}
