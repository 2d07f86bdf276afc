import type { DirtyRateSource, Facts, MeasuredRate } from '../facts.ts';
import { known, type PasteParser, PasteError } from './parser.ts';

/**
 * `virsh domstats --dirtyrate DOMAIN`, and with `--balloon` and `--vcpu` too. The names are libvirt's
 * (docs/manpages/virsh.rst, domstats): `dirtyrate.calc_status` is virDomainDirtyRateStatus, 0 unstarted, 1 measuring, 2
 * measured; `calc_period` is in seconds, `megabytes_per_second` in MiB/s, `balloon.current` in KiB.
 */
const TOOL = 'virsh domstats --dirtyrate';
const MIB = 2 ** 20;
const MEASURED = 2;

export const domstats: PasteParser = {
  tool: TOOL,
  recognises: (text) => /^\s*Domain: '/m.test(text) || /^\s*dirtyrate\./m.test(text),
  parse(text) {
    if ((text.match(/^\s*Domain: '/gm) ?? []).length > 1) {
      throw new PasteError(
        'virsh domstats shows several domains: name the one that is to migrate, as in virsh domstats --dirtyrate DOMAIN',
      );
    }
    const rate = rateOf(text);
    const kib = numberAt(text, 'balloon.current') ?? numberAt(text, 'balloon.maximum');
    const rss = numberAt(text, 'balloon.rss');
    const facts = known<Facts>({
      memoryBytes: kib === undefined ? undefined : kib * 1024,
      usedBytes: kib !== undefined && rss !== undefined ? Math.min(kib, rss) * 1024 : undefined,
      vcpus: numberAt(text, 'vcpu.current'),
      rates: rate ? [rate] : undefined,
    });
    if (Object.keys(facts).length === 0) {
      throw new PasteError(
        'virsh domstats shows no dirty rate: measure one by virsh domdirtyrate-calc DOMAIN --seconds 1, wait, and paste virsh domstats --dirtyrate DOMAIN',
      );
    }
    return { tool: TOOL, facts, notes: [] };
  },
};

function rateOf(text: string): MeasuredRate | undefined {
  const status = numberAt(text, 'dirtyrate.calc_status');
  if (status === undefined) return undefined;
  if (status !== MEASURED) {
    throw new PasteError(
      `virsh domstats shows a measurement that is not over (dirtyrate.calc_status=${status}, expected ${MEASURED}): wait for its period, and paste virsh domstats --dirtyrate DOMAIN again`,
    );
  }
  const rate = numberAt(text, 'dirtyrate.megabytes_per_second');
  const period = numberAt(text, 'dirtyrate.calc_period');
  if (rate === undefined || period === undefined || rate < 0 || !(period > 0)) {
    throw new PasteError(
      'virsh domstats shows no dirtyrate.megabytes_per_second with its dirtyrate.calc_period: paste all of its lines',
    );
  }
  // libvirt before 8.1 knows one mode only, and does not name it.
  const mode = /^\s*dirtyrate\.calc_mode=(\S+)/m.exec(text)?.[1] ?? 'page-sampling';
  const vcpus = [...text.matchAll(/^\s*dirtyrate\.vcpu\.\d+\.megabytes_per_second=(\d+)/gm)];
  return known<MeasuredRate>({
    source: mode as DirtyRateSource,
    bytesPerSecond: rate * MIB,
    periodMs: period * 1000,
    roundingBytesPerSecond: MIB,
    vcpuBytesPerSecond:
      vcpus.length > 0 ? vcpus.map(([, value]) => Number(value) * MIB) : undefined,
  });
}

/** Returns the number of a line `NAME=NUMBER`; undefined when there is no such line. Throws PasteError. */
function numberAt(text: string, name: string): number | undefined {
  const line = new RegExp(String.raw`^\s*${name.replaceAll('.', String.raw`\.`)}=(.*?)\s*$`, 'm');
  const value = line.exec(text)?.[1];
  if (value === undefined) return undefined;
  if (!/^-?\d+(?:\.\d+)?$/.test(value)) {
    throw new PasteError(`expected a number after "${name}=", got "${value}"`);
  }
  return Number(value);
}
