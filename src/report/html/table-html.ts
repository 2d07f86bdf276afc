import { escapeText } from './chart/svg.ts';
import type { Cell, Column, Table } from './model.ts';

/** Returns a table in a box that scrolls when it is wider, or taller, than its place. */
export function tableHtml(
  { columns, rows }: Table,
  caption: string,
  { isFilterable = false, isTall = false }: { isFilterable?: boolean; isTall?: boolean },
): string {
  const head = columns.map(
    ({ name, isNumber }) =>
      `<th scope="col"${isNumber ? ' class="n"' : ''}>${escapeText(name)}</th>`,
  );
  const body = rows.map(
    (row) => `<tr>${row.map((cell, i) => cellHtml(cell, columns[i])).join('')}</tr>`,
  );
  const filter = isFilterable
    ? `<div class="filter" hidden><label>Show rows with <input type="search" placeholder="words, or name&lt;100"></label><output></output></div>`
    : '';
  // Long tables scroll in a box of their own, which keyboards must reach.
  return `<div class="data${isFilterable ? ' filterable' : ''}">${filter}<div class="scroll${isTall ? ' tall' : ''}" tabindex="0" role="region" aria-label="${escapeText(caption)}"><table><caption${isTall ? ' class="hidden"' : ''}>${escapeText(caption)}</caption><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div></div>`;
}

function cellHtml(cell: string | Cell, column: Column | undefined): string {
  const { text, tone = 'plain' } = typeof cell === 'string' ? { text: cell } : cell;
  const shown =
    tone === 'plain' ? escapeText(text) : `<span class="${tone}-text">${escapeText(text)}</span>`;
  return `<td class="${column?.isNumber ? 'n' : 'text'}">${shown}</td>`;
}
