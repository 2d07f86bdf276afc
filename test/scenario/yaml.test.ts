import { describe, expect, it } from 'vitest';
import { scenarioFolder, MINIMAL, type Row, withMore } from '../support/scenarios.ts';

const { complaints } = scenarioFolder();

describe('what is not YAML', () => {
  it.each<Row>([
    [
      'a map without an end',
      'guest: { memory: 64MiB\n',
      '2:1: Flow map in block collection must be sufficiently indented and end with a }',
    ],
    [
      'keys at different columns',
      'guest:\n  memory: 64MiB\n vcpus: 2\n',
      '3:1: All mapping items must start at the same column',
    ],
    ['tabs', 'guest:\n\tmemory: 64MiB\n', '2:1: Tabs are not allowed as indentation'],
    ['a key twice', withMore('seed: 3\nseed: 4'), '3:1: this key is there twice: leave one out'],
    [
      'a key twice, nested',
      'guest: { memory: 64MiB, memory: 32MiB }\n',
      '1:25: this key is there twice: leave one out',
    ],
    [
      'two documents',
      `${MINIMAL}---\n${MINIMAL}`,
      '2:1: a second document begins here: one file is one scenario',
    ],
    [
      'an alias of nothing',
      'guest: *it\n',
      '1:8: *it has no &it before it: add one, or write the value out',
    ],
    [
      'an alias within itself',
      'guest: &it { memory: *it }\n',
      '1:22: *it stands within the value that it repeats: write a value out',
    ],
    [
      'aliases that unfold without end',
      `a: &a [1, 1, 1, 1, 1, 1]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b]
guest: [*c, *c, *c, *c, *c]\n`,
      '1:1: its aliases repeat too many values: write some of the values out',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});
