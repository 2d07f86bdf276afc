import { InputError } from '../../scenario/input-error.ts';
import { formatSize } from '../../units/size.ts';
import { type Facts, type Finding, mergeFacts } from './facts.ts';
import { PasteError } from './parsers/parser.ts';
import { parsePaste } from './parsers/registry.ts';
import type { WholeFacts } from './scenario.ts';

/** A text that was pasted, and what messages call it. */
export interface Paste {
  readonly name: string;
  readonly text: string;
}

/** What is known, and where it is from. */
export interface Gathered {
  readonly facts: WholeFacts;
  readonly sources: { name: string; tool: string; notes: string[] }[];
}

const PAGE = 4096;
const DEFAULT_VCPUS = 2;

/**
 * Puts together what pasted outputs and flags say; a flag counts for more than any output. Throws InputError when an
 * output can't be used, or when something that every answer needs is missing.
 */
export function gather(pastes: readonly Paste[], flags: Facts): Gathered {
  const found = pastes.flatMap(({ name, text }) =>
    findingsIn(name, text).map((finding) => ({ name, ...finding })),
  );
  const pasted = mergeFacts(found.map(({ facts }) => facts));
  // A rate that is given stands in the place of those that were pasted.
  const { memoryBytes, usedBytes, linkBytesPerSecond, rates, ...others } = {
    ...pasted,
    ...flags,
  };
  const link = linkBytesPerSecond ?? pasted.seenBytesPerSecond;
  if (memoryBytes === undefined)
    throw missing('--memory', 'how much memory the VM has, as in 16GiB');
  if (link === undefined) throw missing('--link', 'the bandwidth of the link, as in 10Gbit/s');
  if (!rates || rates.length === 0) {
    throw missing('--dirty-rate', 'how fast it dirties its memory, as in 300MB/s@1s');
  }
  checkWithin(memoryBytes, flags);
  const memory = Math.max(1, Math.floor(memoryBytes / PAGE)) * PAGE;
  const notes = assumed(others.vcpus, linkBytesPerSecond, pasted.seenBytesPerSecond);
  return {
    facts: {
      ...others,
      memoryBytes: memory,
      ...(usedBytes === undefined ? {} : { usedBytes: Math.min(memory, usedBytes) }),
      linkBytesPerSecond: link,
      vcpus: others.vcpus ?? DEFAULT_VCPUS,
      rates,
    },
    sources: [
      ...found.map(({ name, tool, notes: own }) => ({ name, tool, notes: [...own] })),
      ...(notes.length > 0 ? [{ name: 'defaults', tool: 'pageferry', notes }] : []),
    ],
  };
}

/** Refuses flags that say that a part of the memory is larger than the memory, as one of the two is a mistake. */
function checkWithin(memoryBytes: number, { usedBytes = 0, workingSetBytes = 0 }: Facts): void {
  for (const [flag, bytes] of [
    ['--used', usedBytes],
    ['--working-set', workingSetBytes],
  ] as const) {
    if (bytes <= memoryBytes) continue;
    const sentence = `${formatSize(bytes)} is more than the memory of the VM, which is ${formatSize(memoryBytes)}: correct one of them`;
    throw new InputError([{ place: flag, key: '', sentence }]);
  }
}

function assumed(
  vcpus: number | undefined,
  link: number | undefined,
  seen: number | undefined,
): string[] {
  return [
    ...(vcpus === undefined
      ? [`The number of vCPUs is not known, so ${DEFAULT_VCPUS} were assumed (--vcpus).`]
      : []),
    ...(link === undefined && seen !== undefined
      ? [
          'The link was taken to carry what that migration sent, which a limit of its own may have kept low (--link).',
        ]
      : []),
  ];
}

function findingsIn(name: string, text: string): Finding[] {
  try {
    return parsePaste(text);
  } catch (error) {
    if (!(error instanceof PasteError)) throw error;
    throw new InputError([{ place: name, key: '', sentence: error.message }]);
  }
}

function missing(flag: string, what: string): InputError {
  const sentence = `is missing: say ${what}, or paste an output that has it`;
  return new InputError([{ place: flag, key: '', sentence }]);
}
