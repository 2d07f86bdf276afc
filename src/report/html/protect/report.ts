import { endText } from '../../../fleet/protect/end-words.ts';
import type { ProtectResult } from '../../../fleet/protect/result-schema.ts';
import type { Block, Cell, Report, Table, Tone } from '../model.ts';
import { countText, msText, plural, sizeText } from '../words.ts';
import { rolesChart } from './chart.ts';

/** Returns the report of a guest that was protected. */
export function protectReport(result: ProtectResult): Report {
  const { version, clock, runtime, protections, takeovers, packets } = result;
  const name = result.scenario['name'];
  const first = protections.find(({ epochs }) => epochs > 1);
  return {
    kind: `Protected guest in ${runtime === 'virtual' ? 'virtual' : 'real'} time`,
    title: `${typeof name === 'string' ? `${name}: ` : ''}${msText(result.durationMs)} of a protected guest`,
    answer: answerOf(result),
    tone: toneOf(result),
    facts: [
      ...(first
        ? [
            { label: 'epochs a second', value: countText(first.epochsPerSecond) },
            {
              label: 'mean pause',
              value: msText(first.pauseMs.mean),
              detail: `longest ${msText(first.pauseMs.max)}`,
            },
            { label: 'dirty pages an epoch', value: countText(first.pagesPerEpoch) },
          ]
        : []),
      ...(packets.delayMs
        ? [
            {
              label: 'median delay of packets',
              value: msText(packets.delayMs.p50),
              detail: `99 of 100 within ${msText(packets.delayMs.p99)}`,
            },
          ]
        : []),
      ...takeovers.slice(0, 1).map(({ totalMs, detectMs }) => ({
        label: 'takeover',
        value: msText(totalMs),
        detail: `${msText(detectMs)} of it silence`,
      })),
    ],
    sections: [
      {
        title: 'Over time',
        blocks: result.durationMs > 0 ? [{ kind: 'figure', figure: rolesChart(result) }] : [],
      },
      {
        title: 'Epochs',
        blocks: [
          { kind: 'table', caption: 'Each pair of hosts', table: protectionsTable(result) },
          ...coloBlocks(result),
          ...codesBlocks(result),
        ],
      },
      ...(takeovers.length > 0
        ? [
            {
              title: 'Takeovers',
              blocks: [
                { kind: 'table' as const, caption: 'Their parts', table: takeoversTable(result) },
              ],
            },
          ]
        : []),
      { title: 'Packets', blocks: [packetsText(result)] },
      { title: 'Proof', blocks: proofBlocks(result) },
    ],
    origin: [`Pageferry ${version}, clock: ${clock}`],
  };
}

function toneOf({ ok, outcome, problems }: ProtectResult): Tone {
  if (ok === false || problems.length > 0 || outcome !== 'completed') return 'bad';
  return ok ? 'good' : 'plain';
}

const ENDS: Readonly<Record<ProtectResult['outcome'], string>> = {
  completed: 'The guest lives on',
  split: 'Two hosts ran the guest at once, which a fence prevents',
  stale:
    'The guest went on from an older state, although it had run on without protection; a fence prevents that',
  lost: 'The guest is lost',
  cancelled: 'The guest was stopped before its end',
  failed: 'It could not go on',
};

function answerOf({ outcome, error, takeovers, packets, ok, problems }: ProtectResult): string {
  if (ok === false || problems.length > 0) {
    return 'A byte or a packet is not what it must be: see the proof.';
  }
  const moves = takeovers.length > 0 ? `, after ${plural(takeovers.length, 'takeover')}` : '';
  const reason = error === undefined ? '' : `: ${error}`;
  const seen =
    packets.undone > 0
      ? ` ${countText(packets.undone)} packets left whose state is lost.`
      : packets.released > 0
        ? ' Nothing that anybody has seen is lost.'
        : '';
  const isWhole = outcome === 'completed';
  return `${ENDS[outcome]}${moves}${reason}.${isWhole ? seen : ''}`;
}

function protectionsTable({ protections }: ProtectResult): Table {
  const numbers = [
    'epochs',
    'a second',
    'pages',
    'pause',
    'acknowledged after',
    'sent',
    'a second sent',
  ];
  return {
    columns: [
      { name: 'hosts' },
      ...numbers.map((name) => ({ name, isNumber: true })),
      { name: 'end' },
      { name: 'reason' },
    ],
    rows: protections.map((one): (string | Cell)[] => [
      `${one.primary} → ${one.backup}`,
      countText(one.epochs),
      // The first epoch is in none of the means.
      ...(one.epochs > 1
        ? [
            one.epochsPerSecond.toFixed(1),
            countText(one.pagesPerEpoch),
            msText(one.pauseMs.mean),
            msText(one.ackMs.mean),
          ]
        : ['', '', '', '']),
      sizeText(one.bytes),
      sizeText(one.bytesPerSecond),
      endText(one),
      one.reason ?? '',
    ]),
  };
}

/** Why COLO made its checkpoints, and what the two guests had dirtied by then. */
function coloBlocks({ protections }: ProtectResult): Block[] {
  const rows = protections.flatMap(({ primary, backup, colo, pagesPerEpoch }) =>
    colo
      ? [
          [
            `${primary} → ${backup}`,
            ...[colo.differences, colo.silences, colo.periods].map(countText),
            ...[colo.primaryPages, colo.secondaryPages, pagesPerEpoch].map(countText),
          ],
        ]
      : [],
  );
  if (rows.length === 0) return [];
  const numbers = ['differences', 'silences', 'periods', 'pages of the primary'];
  const columns = [
    { name: 'hosts' },
    ...[...numbers, 'of the secondary', 'of both'].map((name) => ({ name, isNumber: true })),
  ];
  return [{ kind: 'table', caption: 'Why COLO made checkpoints', table: { columns, rows } }];
}

/** How the pages of all epochs were encoded. */
function codesBlocks({ protections }: ProtectResult): Block[] {
  const rows = protections.flatMap(({ primary, backup, codes }) =>
    Object.entries(codes)
      .filter(([, { pages }]) => pages > 0)
      .map(([code, { pages, bytes }]) => [
        `${primary} → ${backup}`,
        code,
        countText(pages),
        sizeText(bytes),
        sizeText(bytes / pages),
      ]),
  );
  if (rows.length === 0) return [];
  const columns = [
    { name: 'hosts' },
    { name: 'encoding' },
    ...['pages', 'bytes', 'a page'].map((name) => ({ name, isNumber: true })),
  ];
  return [{ kind: 'table', caption: 'Encodings of pages', table: { columns, rows } }];
}

function takeoversTable({ takeovers, protections }: ProtectResult): Table {
  // The second guest of COLO runs on from where it is.
  const runsOn = protections.some(({ colo }) => colo);
  const parts = ['silence', 'lease', 'disk’s buffer', 'activation', 'start', 'all'];
  return {
    columns: [
      { name: 'hosts' },
      { name: 'from', isNumber: false },
      ...parts.map((name) => ({ name, isNumber: true })),
    ],
    rows: takeovers.map((one) => [
      `${one.from} → ${one.to}`,
      runsOn ? 'where its own guest was' : `the end of epoch ${countText(one.epoch)}`,
      ...[one.detectMs, one.fenceMs, one.drainMs, one.activateMs, one.startMs, one.totalMs].map(
        msText,
      ),
    ]),
  };
}

/** Returns how many there are of something, if there are any. */
const some = (count: number, text: string): string[] =>
  count > 0 ? [`${countText(count)} ${text}`] : [];

function packetsText({ packets, splitMs, protections }: ProtectResult): Block {
  const isColo = protections.some(({ colo }) => colo);
  const { released, lost, undone, held, repeated } = packets;
  const parts = [
    `${countText(released)} packets were released`,
    ...some(lost, isColo ? 'never left' : 'that nobody has seen were lost with their host'),
    ...some(undone, 'left whose state is lost'),
    ...some(repeated, 'left twice, or out of order'),
    ...some(held, 'are held at the end'),
  ];
  const split = splitMs > 0 ? ` Two hosts ran the guest for ${msText(splitMs)}.` : '';
  return { kind: splitMs > 0 ? 'warning' : 'text', text: `${parts.join('; ')}.${split}` };
}

function proofBlocks({ proofs, problems, ok }: ProtectResult): Block[] {
  if (ok === undefined) return [{ kind: 'text', text: 'Nobody proved the guest’s memory.' }];
  const pages = proofs.reduce((sum, { verify }) => sum + (verify.pagesCompared ?? 0), 0);
  const differing = proofs
    .filter(({ verify, differingBlocks = 0 }) => verify.ok === false || differingBlocks > 0)
    .map(({ host, of }) => `The ${of === 'image' ? 'image' : 'guest'} at host ${host} differs.`);
  if (ok) {
    const text = `All ${countText(pages)} pages of ${plural(proofs.length, 'image')} are what a replay of the guest’s accesses makes them, with the blocks of its disk, and the packets left once at most, in order.`;
    return [{ kind: 'text', text }];
  }
  return [...differing, ...problems].map((text): Block => ({ kind: 'warning', text }));
}
