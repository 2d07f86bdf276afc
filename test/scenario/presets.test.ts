import { describe, expect, it } from 'vitest';
import { ScenarioDocument } from '../../src/scenario/document.ts';
import { InputError } from '../../src/scenario/input-error.ts';
import { loadScenario, presets } from '../../src/scenario/load.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { nearest } from '../../src/scenario/suggest.ts';
import { withEnoughMemory } from '../support/enough-memory.ts';

withEnoughMemory();

describe('presets', () => {
  it('are there, each with a summary', () => {
    expect(presets().map(({ name }) => name)).toEqual(
      expect.arrayContaining(['quick', 'redis', 'web-server']),
    );
    for (const { summary } of presets()) expect(summary).toMatch(/\w{3}/);
  });

  it.each(presets().map(({ name }) => name))('%s loads', (name) => {
    const { scenario, config } = loadScenario(name);
    expect(scenario.name).toBe(name);
    expect(config.guest.workloads.length).toBeGreaterThan(0);
  });

  it('can be overridden', () => {
    const { scenario, config } = loadScenario('quick', [
      'guest.workloads[1].rate=max',
      'link.latency=1ms',
      'verify=full',
      'migration={algorithm: stop-and-copy}',
    ]);
    expect(config.guest.workloads[1]!.rate).toBe(Infinity);
    expect(config.link.latencyNs).toBe(1e6);
    expect(config.verify).toBe('full');
    expect(scenario.migration.algorithm).toBe('stop-and-copy');
    expect(scenario.migration.downtimeLimit).toBe('300ms');
  });
});

describe('names of scenarios', () => {
  it.each([
    ['quik', 'quik: is no preset (did you mean quick?); write ./quik for a file of that name'],
    [
      'zzzzzzzz',
      `zzzzzzzz: is no preset (there are ${presets()
        .map(({ name }) => name)
        .join(', ')}); write ./zzzzzzzz for a file of that name`,
    ],
    ['./gone', './gone: there is no such file'],
    ['gone.yaml', 'gone.yaml: there is no such file'],
    ['/', '/: is a folder: name a file in it (EISDIR)'],
  ])('%s is none', (name, message) => {
    expect(() => loadScenario(name)).toThrow(new InputError([toProblem(message)]));
  });

  it('a preset is what errors of it name', () => {
    expect(() => loadScenario('quick', ['guest.vcpus=1', 'guest.pageSize=8KiB'])).toThrow(
      /^--set guest\.pageSize/,
    );
    const document = new ScenarioDocument('preset quick', 'seed: x\n');
    expect(() => parseScenario(document)).toThrow(/^preset quick:1:1 guest: is missing/m);
  });
});

function toProblem(message: string): { place: string; key: string; sentence: string } {
  const [place, ...rest] = message.split(': ');
  return { place: place!, key: '', sentence: rest.join(': ') };
}

describe('suggestions', () => {
  it('name the nearest word, but none far away', () => {
    expect(nearest('Bandwith', ['latency', 'bandwidth'])).toBe('bandwidth');
    expect(nearest('tick', ['pattern', 'wordsPerPage'])).toBeUndefined();
    expect(nearest('anything', [])).toBeUndefined();
  });
});
