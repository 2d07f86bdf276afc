/** Makes tables with many rows filterable by words and comparisons, and sortable by their heads. */
export function armTables(): void {
  for (const place of document.querySelectorAll<HTMLElement>('.data.filterable')) armTable(place);
}

function armTable(place: HTMLElement): void {
  const [body] = place.querySelectorAll('tbody');
  const bar = place.querySelector<HTMLElement>('.filter');
  const [input] = place.querySelectorAll('input');
  const [output] = place.querySelectorAll('output');
  if (!body || !bar || !input || !output) return;
  const heads = [...place.querySelectorAll('th')];
  const names = heads.map((head) => (head.textContent ?? '').toLowerCase());
  const rows = [...body.rows];
  const filter = (): void => {
    const wanted = conditionsOf(input.value, names);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !wanted.every((holds) => holds(row));
      if (!row.hidden) shown++;
    }
    output.textContent = `${shown} of ${rows.length}`;
  };
  bar.hidden = false;
  input.addEventListener('input', filter);
  filter();
  for (const [column, head] of heads.entries()) armHead(head, column, body);
}

type Condition = (row: HTMLTableRowElement) => boolean;

/** Parses a filter: words that a row must have, and comparisons of a column such as `downtimeMs<100`. */
function conditionsOf(text: string, names: readonly string[]): Condition[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const [, name = '', sign = '', value = ''] = /^([^<>=]+)(<=|>=|<|>|=)(.+)$/.exec(word) ?? [];
      const column = names.findIndex((one) => one === name || one.replaceAll(' ', '') === name);
      if (column < 0) return (row) => (row.textContent ?? '').toLowerCase().includes(word);
      return (row) => compares(cellText(row, column).toLowerCase(), sign, value);
    });
}

function compares(cell: string, sign: string, value: string): boolean {
  const [left, right] = [numberOf(cell), Number(value)];
  if (Number.isNaN(left) || Number.isNaN(right)) return sign === '=' && cell === value;
  if (sign === '<') return left < right;
  if (sign === '<=') return left <= right;
  if (sign === '>') return left > right;
  return sign === '>=' ? left >= right : left === right;
}

const cellText = (row: HTMLTableRowElement, column: number): string =>
  row.cells[column]?.textContent ?? '';

/** Reads a number as it is shown, with narrow spaces between thousands and a typographic minus. */
const numberOf = (text: string): number =>
  text.trim() === '' ? NaN : Number(text.replaceAll(/\s/g, '').replace('−', '-'));

function armHead(head: HTMLTableCellElement, column: number, body: HTMLTableSectionElement): void {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener('click', () => {
    const isUp = head.getAttribute('aria-sort') !== 'ascending';
    for (const other of head.parentElement?.children ?? []) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', isUp ? 'ascending' : 'descending');
    const sign = isUp ? 1 : -1;
    const rows = [...body.rows].toSorted(
      (a, b) => sign * order(cellText(a, column), cellText(b, column)),
    );
    body.append(...rows);
  });
}

function order(a: string, b: string): number {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (!Number.isNaN(left) && !Number.isNaN(right)) return left - right;
  return a.localeCompare(b);
}
