import { escapeText } from './chart/svg.ts';
import { figureHtml } from './figure-html.ts';
import { pageScript } from './inline.ts';
import type { Block, Report, Section } from './model.ts';
import { figuresOf } from './model.ts';
import { STYLE } from './style.ts';
import { tableHtml } from './table-html.ts';

/** What a page may load: nothing. Its own style and script stand in it. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Returns a report as one HTML document that needs nothing else. */
export function reportHtml(report: Report): string {
  const { kind, title, answer, tone, facts, sections, origin } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(`${title} – Pageferry`)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<div class="top"><div><p class="kind">${escapeText(kind)}</p><h1>${escapeText(title)}</h1></div><button type="button" class="theme" hidden>Theme: system</button></div>
<p class="answer ${tone}">${escapeText(answer)}</p>
${factsHtml(facts)}
${navHtml(sections)}
</header>
<main>
${sections.map(sectionHtml).join('\n')}
</main>
<footer>${origin.map((line) => `<p>${escapeText(line)}</p>`).join('')}</footer>
<script type="application/json" id="figures">${jsonText(figuresOf(report))}</script>
<script>${pageScript()}</script>
</body>
</html>
`;
}

/** Writes JSON so that no text in it can end the element that it stands in. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll('<', String.raw`\u003c`)
    .replaceAll('\u2028', String.raw`\u2028`)
    .replaceAll('\u2029', String.raw`\u2029`);

function factsHtml(facts: Report['facts']): string {
  if (facts.length === 0) return '';
  const items = facts.map(({ label, value, detail }) => {
    const more =
      detail === undefined ? '' : `<br><span class="detail">${escapeText(detail)}</span>`;
    return `<div><dt>${escapeText(label)}</dt><dd>${escapeText(value)}${more}</dd></div>`;
  });
  return `<dl class="facts">${items.join('')}</dl>`;
}

function navHtml(sections: readonly Section[]): string {
  if (sections.length < 3) return '';
  const items = sections.map(
    ({ title }, i) => `<li><a href="#part-${i}">${escapeText(title)}</a></li>`,
  );
  return `<nav aria-label="Parts of the report"><ul>${items.join('')}</ul></nav>`;
}

function sectionHtml({ title, blocks }: Section, index: number): string {
  return `<section aria-labelledby="part-${index}"><h2 id="part-${index}">${escapeText(title)}</h2>\n${blocks.map(blockHtml).join('\n')}\n</section>`;
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'text':
      return `<p>${escapeText(block.text)}</p>`;
    case 'warning':
      return `<p class="warning">${escapeText(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${escapeText(item)}</li>`).join('')}</ul>`;
    case 'figure':
      return figureHtml(block.figure);
    case 'figures':
      return `<div class="grid">${block.figures.map(figureHtml).join('')}</div>`;
    case 'code':
      return block.isFolded
        ? `<details><summary>${escapeText(block.caption)}</summary>${codeHtml('', block.text)}</details>`
        : codeHtml(block.caption, block.text);
    default: {
      const { caption, table, isFilterable = false, isFolded = false } = block;
      const html = tableHtml(table, caption, { isFilterable, isTall: isFilterable || isFolded });
      return isFolded
        ? `<details><summary>${escapeText(caption)}</summary>${html}</details>`
        : html;
    }
  }
}

const codeHtml = (caption: string, text: string): string =>
  `<div class="code"><div class="caption"><span>${escapeText(caption)}</span><button type="button" class="copy" hidden>Copy</button></div><pre tabindex="0">${escapeText(text)}</pre></div>`;
