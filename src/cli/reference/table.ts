/** Returns a table in Markdown. A column is left out when all of its cells are empty. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const kept = head.map((_, i) => i).filter((i) => rows.some((row) => row[i] !== ''));
  const line = (cells: readonly string[]): string =>
    `| ${kept.map((i) => cells[i]!.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${kept.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** Returns a text as code. */
export const code = (text: string): string => `\`${text}\``;

/** Returns a phrase as a sentence. A name that it begins with, such as a value or a key, stays as it is. */
export function sentence(text: string): string {
  if (text === '') return '';
  const end = /[.!?]$/.test(text) ? '' : '.';
  const isName = /^(?:\S+[:,]|[a-z]+[A-Z]\w*)(?: |$)/.test(text);
  return `${isName ? text[0]! : text[0]!.toUpperCase()}${text.slice(1)}${end}`;
}

/** The first line of a page, for whoever is about to edit it. */
export const GENERATED = '<!-- `npm run reference` writes this page from the code: edit that. -->';
