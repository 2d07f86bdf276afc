import type { RunResult } from '../../../result/schema.ts';
import { formatBitRate } from '../../../units/rate.ts';
import type { Fact, Report, Tone } from '../model.ts';
import { countText, msText, percentText, plural, sizeText } from '../words.ts';
import { bytesChart } from './charts.ts';
import { methodOf, migrationOf, proofOf } from './describe.ts';
import { migrationChart } from './migration-chart.ts';
import { pagesSection } from './pages.ts';
import {
  downtimeSection,
  faultsSection,
  modelsSection,
  pagesTable,
  roundsSection,
  slowdowns,
  whatRan,
} from './sections.ts';

/** Returns the report of a run. */
export function runReport(result: RunResult): Report {
  const { scenario, version, runtime, clock } = result;
  return {
    kind: runtime === 'virtual' ? 'Run in virtual time' : 'Run in real time',
    title: titleOf(result),
    answer: answerOf(result),
    tone: toneOf(result),
    facts: factsOf(result),
    sections: [
      { title: 'What ran', blocks: whatRan(result) },
      {
        title: 'Over time',
        blocks: [{ kind: 'figure', figure: migrationChart(result) }, ...slowdowns(result)],
      },
      ...roundsSection(result),
      ...downtimeSection(result),
      {
        title: 'Bytes',
        blocks: [{ kind: 'figure', figure: bytesChart(result) }, pagesTable(result)],
      },
      ...faultsSection(result),
      ...pagesSection(result),
      ...modelsSection(result),
      { title: 'Proof', blocks: [{ kind: 'text', text: proofOf(result) }] },
      {
        title: 'Scenario',
        blocks: [
          {
            kind: 'code',
            caption: 'The complete scenario, which can be run again as it is',
            text: JSON.stringify(scenario, null, 2),
            isFolded: true,
          },
        ],
      },
    ],
    origin: [`Pageferry ${version}, clock: ${clock}`, ...hostOf(result)],
  };
}

function titleOf(result: RunResult): string {
  const name = typeof result.scenario['name'] === 'string' ? `${result.scenario['name']}: ` : '';
  return `${name}${methodOf(result)} of a ${sizeText(result.ram.total)} guest`;
}

function toneOf({ outcome, verify }: RunResult): Tone {
  if (verify?.ok === false || outcome !== 'completed') return 'bad';
  return 'good';
}

/** Returns the sentence that a reader came for: whether it worked, how long the guest stood still, and why not. */
export function answerOf(result: RunResult): string {
  const { outcome, totalTimeMs, downtimeMs, error, verify, guestLost, ram, resumeTimeMs, faults } =
    result;
  if (verify?.ok === false)
    return `A byte at the destination differs from the source's: ${proofOf(result)}`;
  const stayed = guestLost ? 'The guest is lost.' : 'The guest stayed at the source.';
  const why = error === undefined ? '' : ` ${sentence(error)}`;
  if (outcome !== 'completed') {
    const what = { cancelled: 'was cancelled', diverged: 'did not converge', failed: 'failed' }[
      outcome
    ];
    return `The migration ${what} after ${msText(totalTimeMs)}. ${stayed}${why}`;
  }
  const stop = downtimeMs === undefined ? '' : ` and stood still for ${msText(downtimeMs)}`;
  const sent = `It sent ${sizeText(ram.transferred)} of pages, ${percentText(ram.transferred / ram.total)} of the guest's memory.`;
  const later =
    resumeTimeMs === undefined || ram.postcopyBytes === 0
      ? ''
      : ` All pages were there ${msText(resumeTimeMs)} after the guest ran at the destination${faults ? `, and its vCPUs waited ${msText(faults.blockedMs)} for pages` : ''}.`;
  return `The guest moved in ${msText(totalTimeMs)}${stop}. ${sent}${later}`;
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

/** Returns a figure with its label, or nothing when it is unknown. */
function fact(label: string, value: string | undefined, detail?: string): Fact[] {
  return value === undefined ? [] : [{ label, value, ...(detail === undefined ? {} : { detail }) }];
}

function factsOf(result: RunResult): Fact[] {
  const { totalTimeMs, downtimeMs, blackoutMs, ram, rounds, link, resumeTimeMs, outcome, faults } =
    result;
  const { downtimeLimit } = migrationOf(result);
  const live = rounds.filter(({ stopped }) => !stopped).length;
  const limit = downtimeLimit === undefined ? undefined : `limit ${downtimeLimit}`;
  return [
    ...fact('outcome', outcome),
    ...fact('total time', msText(totalTimeMs)),
    ...fact('downtime', downtimeMs === undefined ? undefined : msText(downtimeMs), limit),
    ...fact(
      'blackout',
      blackoutMs === undefined ? undefined : msText(blackoutMs),
      'as the vCPUs saw it',
    ),
    ...(ram.postcopyBytes > 0 && resumeTimeMs !== undefined
      ? fact('resume time', msText(resumeTimeMs))
      : []),
    ...(faults
      ? fact(
          'demand faults',
          countText(faults.count),
          faults.latencyUs && `p99 ${msText(faults.latencyUs.p99 / 1000)}`,
        )
      : []),
    ...fact(
      'pages sent',
      sizeText(ram.transferred),
      `${percentText(ram.transferred / ram.total)} of the memory`,
    ),
    ...fact('live rounds', String(live), plural(ram.dirtySyncCount, 'dirty sync')),
    ...fact(
      'rate',
      link.achievedBytesPerSecond === undefined
        ? undefined
        : formatBitRate(link.achievedBytesPerSecond),
      'achieved on the link',
    ),
  ];
}

function hostOf({ host }: RunResult): string[] {
  return host
    ? [
        `${host.cpus} cores of ${host.cpuModel}, ${sizeText(host.memoryBytes)} of memory, Node ${host.node.replace(/^v/, '')}`,
      ]
    : [];
}
