import { z } from 'zod';
import type { ManagerConfig, PageRange } from '../guest/manager-config.ts';
import { parseDuration } from '../units/duration.ts';
import { beyond, notWhole } from './beyond.ts';
import { formatSize, parseSize } from '../units/size.ts';
import type { Problem } from './problem.ts';
import { DEFAULTS } from './defaults.ts';
import { choice, listOf, period, positiveSize, share, size, whole } from './fields.ts';

const { memoryManager: defaults } = DEFAULTS;
const region = z.strictObject({ start: size.default(0), size: positiveSize });
const regions = (what: string) => listOf(region, `regions of ${what}`).default([]);

/** The key `guest.memoryManager`: which memory is in use, and what the guest does with the memory that is free. */
export const memoryManager = z.strictObject({
  kernel: size.default(0),
  used: regions('memory in use'),
  cache: regions('page cache'),
  deflatePages: whole(1, 1_000_000).default(defaults.deflatePages),
  cacheReclaimShare: share().default(defaults.cacheReclaimShare),
  selfBallooning: z
    .strictObject({
      interval: period.default(defaults.interval),
      share: share().default(defaults.share),
      holdOff: whole(0, 1_000_000).default(defaults.holdOff),
    })
    .optional(),
  release: choice(['none', 'free', 'cache']).default('none'),
});

type ManagerInput = z.output<typeof memoryManager>;
type Regions = ManagerInput['used'];

/** Returns what of a memory manager does not fit its guest. */
export function checkManager(
  input: ManagerInput,
  guest: {
    readonly memory: string | number;
    readonly vcpus: number;
    readonly workloads: readonly {
      readonly region?:
        { readonly start: string | number; readonly size: string | number } | undefined;
      readonly vcpu?: number | undefined;
    }[];
  },
  pageSize: number,
): Problem[] {
  const problems: Problem[] = [];
  const memory = parseSize(guest.memory);
  const path = ['guest', 'memoryManager'];
  if (parseSize(input.kernel) % pageSize !== 0) {
    problems.push({
      path: [...path, 'kernel'],
      sentence: notWhole(parseSize(input.kernel), pageSize),
    });
  }
  if (parseSize(input.kernel) > memory) {
    const sentence = `is more than the guest's ${formatSize(memory)}`;
    problems.push({ path: [...path, 'kernel'], sentence });
  }
  const inUse = [{ start: 0, size: input.kernel }, ...input.used];
  for (const list of ['used', 'cache'] as const) {
    input[list].forEach(({ start, size: bytes }, index) => {
      const at = [...path, list, index];
      const end = parseSize(start) + parseSize(bytes);
      if (parseSize(start) % pageSize !== 0 || parseSize(bytes) % pageSize !== 0) {
        const wrong = [start, bytes].map(parseSize).find((value) => value % pageSize !== 0)!;
        problems.push({ path: at, sentence: notWhole(wrong, pageSize) });
      }
      if (end > memory) problems.push({ path: at, sentence: beyond(end, memory) });
      if (list === 'cache' && inUse.some((one) => overlaps(one, { start, size: bytes }))) {
        const sentence =
          'overlaps kernel or used, which are always in use and so no page cache: move or shorten it';
        problems.push({ path: at, sentence });
      }
    });
  }
  return [...problems, ...checkOwners(guest, memory)];
}

type Span = Regions[number];

function overlaps(a: Span, b: Span): boolean {
  const end = ({ start, size: bytes }: Span): number => parseSize(start) + parseSize(bytes);
  return parseSize(a.start) < end(b) && parseSize(b.start) < end(a);
}

/** Checks that one stream alone touches each page, because its vCPU is the one that zeroes the page. */
function checkOwners(guest: Parameters<typeof checkManager>[1], memory: number): Problem[] {
  const spans: { from: number; to: number; index: number }[] = [];
  const problems: Problem[] = [];
  guest.workloads.forEach(({ region: own, vcpu }, index) => {
    const path = ['guest', 'workloads', index];
    if (vcpu === undefined && guest.vcpus > 1) {
      const sentence =
        'needs a vcpu, as the guest has a memoryManager: name the vCPU that makes its accesses';
      problems.push({ path, sentence });
    }
    const from = own ? parseSize(own.start) : 0;
    const to = own ? from + parseSize(own.size) : memory;
    const other = spans.find((span) => from < span.to && span.from < to);
    if (other) {
      const sentence = `overlaps workload ${other.index}: with a memoryManager each page belongs to one workload`;
      problems.push({ path, sentence });
    }
    spans.push({ from, to, index });
  });
  return problems;
}

/** Returns the numbers of a memory manager; its regions become ranges of pages. */
export function resolveManager(input: ManagerInput, pageSize: number): ManagerConfig {
  const { selfBallooning } = input;
  const ranges = (list: Regions): PageRange[] =>
    list.map(({ start, size: bytes }) => ({
      firstGfn: parseSize(start) / pageSize,
      pages: parseSize(bytes) / pageSize,
    }));
  return {
    kernelPages: parseSize(input.kernel) / pageSize,
    used: ranges(input.used),
    cache: ranges(input.cache),
    deflatePages: input.deflatePages,
    cacheReclaimShare: input.cacheReclaimShare,
    release: input.release,
    ...(selfBallooning
      ? {
          ballooning: {
            intervalNs: parseDuration(selfBallooning.interval),
            share: selfBallooning.share,
            holdOff: selfBallooning.holdOff,
          },
        }
      : {}),
  };
}
