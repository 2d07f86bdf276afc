import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist/cli/main.js');

interface Loaded {
  readonly stdout: string;
  /** npm packages of which some file was loaded. */
  readonly packages: readonly string[];
  /** The project's own compiled files, by their paths below dist. */
  readonly own: readonly string[];
}

/** Every file that a Node process loads, its worker threads included, as V8's coverage lists them. */
async function loadedBy(args: readonly string[], input = ''): Promise<Loaded> {
  const folder = mkdtempSync(join(tmpdir(), 'loaded-'));
  try {
    const { stdout } = await execa(process.execPath, args, {
      cwd: ROOT,
      input,
      extendEnv: false,
      env: { PATH: process.env['PATH'] ?? '', NODE_V8_COVERAGE: folder },
    });
    const urls = readdirSync(folder).flatMap((file) => {
      const { result } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        result: { url: string }[];
      };
      return result.map(({ url }) => url);
    });
    const files = urls.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url));
    const packages = files.flatMap(
      (file) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [],
    );
    const own = files.filter((file) => file.startsWith(join(ROOT, 'dist/')));
    return {
      stdout,
      packages: [...new Set(packages)],
      own: [...new Set(own)].map((file) => file.slice(join(ROOT, 'dist/').length)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const SMALL = `guest: { memory: 1MiB, vcpus: 1 }
link: { bandwidth: 1Gbit/s }
migration: { startAfter: 10ms, runAfter: 10ms }
`;

const chartingOf = ({ packages }: Loaded): string[] =>
  packages.filter((name) => /^(?:echarts|zrender|@resvg\/.*)$/.test(name));
const roomsOf = ({ own }: Loaded): string[] => [...new Set(own.map((file) => file.split('/')[0]!))];

describe('what a command loads', () => {
  it('is next to nothing for --version', async () => {
    const loaded = await loadedBy([MAIN, '--version']);
    expect(loaded.stdout).toMatch(/^\d+\.\d+\.\d+$/);
    expect(loaded.packages).toEqual(['commander']);
    expect(loaded.own.toSorted()).toEqual([
      'cli/commands.js',
      'cli/exit.js',
      'cli/interrupt.js',
      'cli/main.js',
      'cli/stdout.js',
      'result/version.js',
      'result/write.js',
      'scenario/input-error.js',
      'units/system-error.js',
    ]);
  });

  it.each(['threads', 'virtual'])(
    'is no chart and no experiment for a run, %s',
    async (runtime) => {
      const loaded = await loadedBy([MAIN, 'run', '-', '-q', '--runtime', runtime], SMALL);
      expect(loaded.packages).toContain('zod');
      expect(chartingOf(loaded)).toEqual([]);
      expect(roomsOf(loaded)).not.toContain('lab');
      expect(roomsOf(loaded)).not.toContain('report');
      expect(loaded.own).not.toContain('cli/bench.js');
    },
  );

  it('is no chart for a help and for a list of experiments', async () => {
    expect(chartingOf(await loadedBy([MAIN, '--help']))).toEqual([]);
    const list = await loadedBy([MAIN, 'paper']);
    expect(roomsOf(list)).toContain('lab');
    expect(chartingOf(list)).toEqual([]);
  });

  it('is the charting library where a chart is drawn: the checks here would see it', async () => {
    const program = `import '${new URL('../../dist/report/chart.js', import.meta.url).href}'`;
    const loaded = await loadedBy(['--input-type=module', '-e', program]);
    expect(chartingOf(loaded)).toEqual(
      expect.arrayContaining(['echarts', 'zrender', '@resvg/resvg-js']),
    );
  });

  it('is no chart for a program that imports the package', async () => {
    const program = `import { presets } from 'pageferry'; console.log(presets().length > 0)`;
    const loaded = await loadedBy(['--input-type=module', '-e', program]);
    expect(loaded.stdout).toBe('true');
    expect(chartingOf(loaded)).toEqual([]);
  });
});
