import type { ColoConfig } from '../../replication/colo/config.ts';
import type { Problem } from '../../scenario/problem.ts';
import { parseDuration } from '../../units/duration.ts';
import type { ProtectFile } from './schema.ts';

/** This module has what is special to `replication.mode: colo` in the file of a protected guest. */

/**
 * What a file of this mode has if it does not say otherwise. The interval is QEMU's `x-checkpoint-delay`
 * (DEFAULT_MIGRATE_X_CHECKPOINT_DELAY in migration/options.c).
 */
const COLO_DEFAULTS = { interval: '20s', compression: 'raw', colo: {} };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Returns a file as it was written, with the defaults that only COLO has, if that is its mode. */
export function withColoDefaults(written: unknown): unknown {
  if (!isObject(written) || !isObject(written['replication'])) return written;
  const { replication } = written;
  if (replication['mode'] !== 'colo') return written;
  return { ...written, replication: { ...COLO_DEFAULTS, ...replication } };
}

const problem = (key: string, sentence: string): Problem[] => [
  { path: ['replication', key], sentence },
];

/** Returns what does not go together with the mode of a file. */
export function checkColo({ replication }: ProtectFile): Problem[] {
  const { mode, colo, interval, buffer, compression, netBuffer, diskBuffer } = replication;
  const { deadline, optimisations } = replication;
  if (mode === 'remus') {
    const sentence = 'only with mode colo does a second guest run: leave it out, or set the mode';
    return colo ? problem('colo', sentence) : [];
  }
  const canCompress = compression === 'raw' || compression === 'gzip';
  return [
    ...(interval === 'fastest'
      ? problem(
          'interval',
          'COLO makes few checkpoints: expected a duration such as 20s, got fastest',
        )
      : []),
    ...(buffer === 'staging'
      ? []
      : problem('buffer', 'both guests of COLO stand still while pages are sent: leave it out')),
    ...(canCompress
      ? []
      : problem(
          'compression',
          `COLO's second guest changes the pages that it was sent, so there is no old copy: expected raw or gzip, got ${compression}`,
        )),
    ...(deadline === false
      ? []
      : problem('deadline', 'COLO makes a checkpoint when the guests differ: leave it out')),
    ...(Object.values(optimisations).every((isOn) => isOn)
      ? []
      : problem('optimisations', 'they are those of checkpoints of Remus: leave them out')),
    ...(netBuffer ? [] : problem('netBuffer', 'COLO holds what it compares: leave it out')),
    ...(diskBuffer
      ? []
      : problem('diskBuffer', 'COLO goes back to the disk of the first guest: leave it out')),
  ];
}

/** Returns the configuration of a mode's own keys; `seed` is that of the file. */
export function coloConfig(
  { colo }: ProtectFile['replication'],
  seed: number,
): { readonly colo?: ColoConfig } {
  if (!colo) return {};
  return {
    colo: {
      silenceNs: parseDuration(colo.silence),
      divergence: colo.divergence,
      secondaryShare: colo.secondarySpeed,
      seed: colo.seed ?? seed,
    },
  };
}
