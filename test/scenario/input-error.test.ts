import { describe, expect, it } from 'vitest';
import { formatProblem, InputError } from '../../src/scenario/input-error.ts';

const long = 'x'.repeat(5000);

describe('a message about bad input', () => {
  it('repeats no more of a long value than its beginning', () => {
    const one = formatProblem({
      place: '--rates',
      key: '',
      sentence: `expected a rate, got "${long}"`,
    });
    expect(one).toBe(`--rates: expected a rate, got "${'x'.repeat(199)}…"`);
    const two = formatProblem({ place: 'f', key: '', sentence: `"${long}" or '${long}': which?` });
    expect(two).toBe(`f: "${'x'.repeat(199)}…" or '${'x'.repeat(199)}…': which?`);
  });

  it('shortens values with quotation marks of their own as well', () => {
    const value = JSON.stringify(`a"${long}`);
    const line = formatProblem({ place: 'f', key: '', sentence: `got ${value}: write less` });
    expect(line.length).toBeLessThan(250);
    expect(line).toMatch(/^f: got "a\\"x+…": write less$/);
  });

  it('keeps the line and the column of a file with a long name', () => {
    const line = formatProblem({ place: `${long}.yaml:12:14`, key: long, sentence: 'is wrong' });
    expect(line.length).toBeLessThan(650);
    expect(line).toMatch(/^x+…x+\.yaml:12:14 x+…: is wrong$/);
  });

  it('leaves what is short as it is', () => {
    const problem = { place: 'a.yaml:1:2', key: 'k', sentence: `expected "it's" or 'b', got "c"` };
    expect(new InputError([problem]).message).toBe(`a.yaml:1:2 k: expected "it's" or 'b', got "c"`);
  });
});
