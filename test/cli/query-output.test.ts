import { describe, expect, it } from 'vitest';
import { formatRows, renameColumns } from '../../src/cli/query-output.ts';

const rows = {
  columns: ['id', 'text', 'number'],
  rows: [
    ['32fb504e9d496c272ce9ec32f94cd794', 'one\ntwo\u001b[31m\u007f', 1.5],
    ['8e7c158205f65140f4eafc148e30aebd', null, 20],
  ],
};
const terminal = (columns: number) => ({ isTTY: true, columns });

describe('the rows of a query', () => {
  it('are a line each, whatever control characters their values have', () => {
    const lines = formatRows(rows, {}, {}).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(
      /^32fb504e9d496c272ce9ec32f94cd794  one\\ntwo\\u001b\[31m\\u007f +1\.5$/,
    );
    expect(lines[2]).toMatch(/^8e7c158205f65140f4eafc148e30aebd +20$/);
  });

  it('are never shortened: a narrow terminal has fewer columns, and says which are not shown', () => {
    const lines = formatRows(rows, {}, terminal(50)).split('\n');
    expect(lines[0]).toBe('id');
    expect(lines[1]).toBe('32fb504e9d496c272ce9ec32f94cd794');
    expect(lines.slice(3).join(' ')).toBe(
      '(not shown for lack of room: text, number; --json, --csv or a wider terminal has them) ',
    );
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(50);
    expect(formatRows(rows, {}, terminal(10)).split('\n')[1]).toBe(
      '32fb504e9d496c272ce9ec32f94cd794',
    );
  });

  it('are whole as JSON and as CSV, however narrow the terminal is', () => {
    expect(JSON.parse(formatRows(rows, { json: true }, terminal(20)))).toEqual([
      { id: rows.rows[0]![0], text: rows.rows[0]![1], number: 1.5 },
      { id: rows.rows[1]![0], text: null, number: 20 },
    ]);
    expect(formatRows(rows, { csv: true }, terminal(20))).toContain(
      '\n8e7c158205f65140f4eafc148e30aebd,,20\n',
    );
  });
});

describe('columns of equal names', () => {
  it('are numbered, and no number is taken twice', () => {
    expect(renameColumns(['b', 'a', 'b', 'b_1', 'b']).map(([, now]) => now)).toEqual([
      'b',
      'a',
      'b_2',
      'b_1',
      'b_3',
    ]);
  });
});
