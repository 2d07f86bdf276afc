import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../src/lab/papers/experiment.ts';
import { ScenarioDocument } from '../../src/scenario/document.ts';

const SWEEP = `title: a guest
paper: Somebody, 2005
about: It writes.
scenario: quick
x: { label: round }
y: { label: sent, unit: MiB }
series:
  - name: sent
    ours: bytes
    paper: [1, 2]
    goal: 0.05
`;

const read = (text: string) => parseExperiment(new ScenarioDocument('x.yaml', text));

describe('the file of an experiment', () => {
  it('is read with its defaults', () => {
    expect(read(SWEEP)).toMatchObject({ title: 'a guest', series: [{ per: 1, whole: false }] });
  });

  it.each([
    ['a wrong type', ['title: a guest', 'title: 5'], '1:8 title: expected text, got 5'],
    ['a missing key', ['paper: Somebody, 2005\n', ''], '1:1 paper: is missing: expected text'],
    [
      'a misspelt key',
      ['    goal:', '    gaol:'],
      '11:5 series[0].gaol: unknown key: did you mean goal?',
    ],
    ['a goal of nothing', ['0.05', '0'], '11:11 series[0].goal: expected a number above 0, got 0'],
    [
      'no list of values',
      ['[1, 2]', '{ a: 1 }'],
      '10:12 series[0].paper: expected a list, got a map of keys',
    ],
    [
      'no scenario',
      ['quick', '[1]'],
      '4:11 scenario: expected the name of a preset, or a scenario, got [1]',
    ],
    ['no map', [SWEEP, 'just text'], '1:1: expected a map of keys'],
    ['no YAML', ['[1, 2]', '[1, 2'], /^x\.yaml:11:\d+: /],
  ] as const)('with %s is refused with its place', (_, [from, to], message) => {
    const wrong = SWEEP.replace(from, to);
    expect(() => read(wrong)).toThrow(
      typeof message === 'string'
        ? new RegExp(`^x\\.yaml:${message.replaceAll(/[[\]?.]/g, '\\$&')}`)
        : message,
    );
  });
});
