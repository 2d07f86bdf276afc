import type { Figure } from './chart/figure.ts';
import type { Block, Report } from './model.ts';

/** Joins the reports of results that stand in one file, such as those of several limits of an evacuation. */
export function listReport(reports: readonly Report[]): Report {
  const tones = reports.map(({ tone }) => tone);
  return {
    kind: reports[0]!.kind,
    title: `${reports.length} results`,
    answer: reports.map(({ answer }, i) => `${i + 1}. ${answer}`).join(' '),
    tone: tones.includes('bad') ? 'bad' : tones.every((tone) => tone === 'good') ? 'good' : 'plain',
    facts: [],
    sections: reports.flatMap(({ title, answer, facts, sections }, i) => [
      {
        title: `${i + 1}. ${title}`,
        blocks: [
          { kind: 'text' as const, text: answer },
          {
            kind: 'list' as const,
            items: facts.map(
              ({ label, value, detail }) =>
                `${label}: ${value}${detail === undefined ? '' : ` (${detail})`}`,
            ),
          },
        ],
      },
      ...sections.map((section) => ({
        title: `${i + 1}. ${section.title}`,
        blocks: section.blocks.map((block) => renamed(block, i + 1)),
      })),
    ]),
    origin: reports[0]!.origin,
  };
}

/** Numbers the names of charts, so that each is there once. */
function renamed(block: Block, number: number): Block {
  const named = (figure: Figure): Figure => ({ ...figure, id: `${number}-${figure.id}` });
  if (block.kind === 'figure') return { ...block, figure: named(block.figure) };
  return block.kind === 'figures' ? { ...block, figures: block.figures.map(named) } : block;
}
