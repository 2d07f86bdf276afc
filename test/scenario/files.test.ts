import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { loadEvacuation } from '../../src/fleet/evacuation/load.ts';
import { loadScenario, loadScenarioText, presets } from '../../src/scenario/load.ts';
import { readBytes } from '../../src/scenario/read-text.ts';
import { withEnoughMemory } from '../support/enough-memory.ts';

withEnoughMemory();

const folder = mkdtempSync(join(tmpdir(), 'files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};

const HEADER = '{"format":"pageferry/trace@1","intervalMs":10,"pageSize":4096}\n';
const TRACE = write('inner/one.pftrace', gzipSync(`${HEADER}[0,1]\n`));
const GUEST =
  'memory: 16MiB, vcpus: 1, workloads: [{ pattern: trace, trace: { file: one.pftrace } }]';
const YAML = write('inner/own.yaml', `guest: { ${GUEST} }\n`);

const traceOf = (guest: unknown): unknown => {
  const { workloads } = guest as { workloads: { trace?: { file: unknown } }[] };
  return workloads[0]?.trace?.file;
};

describe('files of a scenario', () => {
  it('are named in results so that they are found from any folder', () => {
    const { scenario, files } = loadScenario(YAML);
    expect(traceOf(scenario.guest)).toBe(TRACE);
    expect(files).toEqual([YAML, TRACE]);
  });

  it('that come with the program have the same name on all machines', () => {
    expect(traceOf(loadScenario('redis').scenario.guest)).toBe(
      'pageferry:traces/redis-zipf-zf.pftrace',
    );
  });

  it('are relative to the working directory where --set names them', () => {
    const here = relative(process.cwd(), TRACE);
    const file = 'guest.workloads[0].trace.file';
    expect(traceOf(loadScenario(YAML, [`${file}=${here}`]).scenario.guest)).toBe(TRACE);
    const whole = `guest={ ${GUEST.replace('one.pftrace', here)} }`;
    expect(traceOf(loadScenario(YAML, [whole]).scenario.guest)).toBe(TRACE);
    expect(() => loadScenario(YAML, [`${file}=one.pftrace`])).toThrow(
      `--set ${file}: ${join(process.cwd(), 'one.pftrace')} is not there`,
    );
    // The file's own names stay relative to the file when --set changes a key beside them.
    const faster = loadScenario(YAML, ['guest.workloads[0].trace.speed=2']);
    expect(traceOf(faster.scenario.guest)).toBe(TRACE);
  });

  it('of an evacuation are found in the same way', () => {
    const hosts = 'hosts: [{ name: a, nic: 1Gbit/s, cpus: 2 }, { name: b, nic: 1Gbit/s, cpus: 2 }]';
    const yaml = write(
      'inner/evacuation.yaml',
      `${hosts}\nguests: [{ name: g, guest: { ${GUEST} } }]\n`,
    );
    const { file, scenarios, files } = loadEvacuation(yaml);
    expect(traceOf(file.guests[0]!.guest)).toBe(TRACE);
    expect(traceOf(scenarios[0]!.guest)).toBe(TRACE);
    expect(files).toEqual([yaml, TRACE]);
    const again = JSON.stringify({ schema: 'pageferry/evacuation@1', scenario: file });
    expect(loadEvacuation(write('evacuated.json', again)).file).toEqual(file);
  });
});

describe('a result', () => {
  const resultOf = (scenario: unknown): string =>
    JSON.stringify({ schema: 'pageferry/run@1', scenario, guest: { accessesBefore: 1 } });

  it.each(presets().map(({ name }) => name))(
    'of %s can be run again, as can its scenario',
    (name) => {
      const { scenario } = loadScenario(name);
      const again = loadScenario(write('result.json', resultOf(scenario)));
      expect(again.scenario).toEqual(scenario);
      const bare = loadScenario(write('bare.json', JSON.stringify(scenario)));
      expect(bare.scenario).toEqual(scenario);
    },
  );

  it('takes --set, and its mistakes have places', () => {
    const text = resultOf({ guest: { memory: '16MiB', vcpus: 0 } });
    expect(() => loadScenarioText('r.json', text)).toThrow(
      /^r\.json:1:75 guest\.vcpus: expected a whole number from 1 to 256, got 0$/,
    );
    const { config } = loadScenarioText('r.json', text, ['guest.vcpus=3']);
    expect(config.guest.vcpus).toBe(3);
  });
});

describe('an option that sets a key', () => {
  const runtime = (value: string) => [{ flag: '--runtime', key: 'runtime', value }];

  it('is what messages name', () => {
    expect(() => loadScenario('quick', runtime('real'))).toThrow(
      /^--runtime: expected threads or virtual, got "real"$/,
    );
    expect(loadScenario('quick', runtime('virtual')).config.runtime).toBe('virtual');
  });

  it('is text, not YAML', () => {
    expect(() => loadScenario('quick', runtime('null'))).toThrow(/, got "null"$/);
  });
});

describe('a rate that nothing has', () => {
  it.each([
    [
      'guest.workloads[0].rate=1e300',
      /expected at most 10000000000 page accesses a second, or max/,
    ],
    ['guest.workloads[0].rate=1e12', /expected at most 10000000000 page accesses a second, or max/],
    [
      'link.bandwidth=1e12Gbit/s',
      /"1e12Gbit\/s" is more than 100000Gbit\/s: lower it, or write unlimited/,
    ],
    ['migration.maxBandwidth=1e300Gbit/s', /is more than 100000Gbit\/s/],
  ])('%s', (set, message) => {
    expect(() => loadScenario('quick', [set])).toThrow(message);
  });
});

describe('a named pipe', () => {
  it('that nobody writes to does not keep the program waiting', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(() => readBytes(pipe, 100, 2)).toThrow('is a pipe that nobody writes to');
  });

  it('is read to its end', () => {
    const pipe = join(folder, 'written');
    execFileSync('mkfifo', [pipe]);
    execFileSync('sh', ['-c', `{ sleep 0.1; echo hello; } > '${pipe}' 2>&1 &`], {
      stdio: 'ignore',
    });
    expect(readBytes(pipe, 100).toString()).toBe('hello\n');
  });
});
