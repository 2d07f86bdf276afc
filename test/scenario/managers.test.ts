import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/scenario/input-error.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';

const load = (migration: string) =>
  loadScenarioText('s', `guest: { memory: 64MiB }\nmigration: ${migration}`);

function complaint(migration: string): string {
  try {
    load(migration);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return '';
}

const limitMs = (migration: string): number =>
  load(migration).config.migration.downtimeLimitNs / 1e6;

describe('the downtime limit under a manager', () => {
  it.each([
    ['nova', 500],
    ['kubevirt', 1050],
    ['proxmox', 100],
    ['ovirt', 100],
    ['kubevirt-timeouts', 300],
    ['kubevirt-stall', 900],
  ])('is by default that of %s, and otherwise as given', (ladder, milliseconds) => {
    expect(limitMs(`{ downtimeLadder: ${ladder} }`)).toBe(milliseconds);
    expect(limitMs(`{ downtimeLadder: ${ladder}, downtimeLimit: 700ms }`)).toBe(700);
  });

  it("may stand under KubeVirt's own name", () => {
    const text = '{ downtimeLadder: kubevirt, kubevirt: { maxDowntime: 2s } }';
    expect(limitMs(text)).toBe(2000);
    expect(complaint(text.replace('}', '}, downtimeLimit: 1s'))).toBe(
      's:2:65 migration.kubevirt.maxDowntime: says the same as migration.downtimeLimit, which is 1s: leave one of them out',
    );
  });

  it('is the same when the scenario of a result runs again', () => {
    const { scenario, config } = load(
      '{ downtimeLadder: kubevirt, kubevirt: { maxDowntime: 2s } }',
    );
    const again = loadScenarioText('s', JSON.stringify(scenario));
    expect(again.config.migration).toEqual(config.migration);
  });
});

describe('the settings of managers', () => {
  it('have the defaults of the programs', () => {
    expect(load('{ downtimeLadder: nova }').config.migration).toMatchObject({
      nova: {
        steps: 10,
        delayPerGiBMs: 75_000,
        completionTimeoutPerGiBMs: 800_000,
        timeoutAction: 'abort',
      },
    });
    const { migration } = load('{ downtimeLadder: proxmox }').config;
    expect(migration.proxmox).toEqual({ pollMs: 1000, fastPollMs: 100, mostRises: 5, factor: 2 });
    expect(migration.autoConverge).toBeDefined();
    expect(load('{ downtimeLadder: kubevirt }').config.migration.kubevirt).toMatchObject({
      completionTimeoutPerGiBMs: 150_000,
      progressTimeoutMs: 150_000,
      allowWorkloadDisruption: false,
      initialDowntimeMs: 150,
      steps: 7,
      startAfterIteration: 3,
      cooldownMs: 10_000,
    });
  });

  it('leave auto-converge off where that is given', () => {
    const { migration } = load('{ downtimeLadder: proxmox, autoConverge: false }').config;
    expect(migration.autoConverge).toBeUndefined();
  });

  it("turn nova's forced end into post-copy where the algorithm has it", () => {
    const forced = '{ downtimeLadder: nova, nova: { timeoutAction: force_complete } }';
    expect(load(forced).config.migration.nova!.timeoutAction).toBe('suspend');
    const hybrid = forced.replace('{', '{ algorithm: hybrid,');
    expect(load(hybrid).config.migration.nova!.timeoutAction).toBe('postcopy');
  });

  it.each([
    [
      '{ downtimeLadder: nova, proxmox: { factor: 3 } }',
      's:2:45 migration.proxmox: has an effect only with downtimeLadder proxmox, the migration has nova: leave it out',
    ],
    [
      '{ downtimeLadder: kubevirt-timeouts, kubevirt: { cooldown: 1s } }',
      's:2:71 migration.kubevirt.cooldown: has an effect only with downtimeLadder kubevirt, the migration has kubevirt-timeouts: leave it out',
    ],
    [
      '{ downtimeLadder: nova, nova: { steps: 2 } }',
      's:2:51 migration.nova.steps: expected a whole number from 3 to 1000, got 2',
    ],
    [
      '{ downtimeLadder: proxmox, proxmox: { factor: 0.5 } }',
      's:2:58 migration.proxmox.factor: expected a factor of 1 or more, got 0.5',
    ],
    [
      '{ algorithm: hybrid, downtimeLadder: nova, nova: { timeoutAction: force_complete }, postcopyAfter: 2 }',
      's:2:111 migration.postcopyAfter: is decided on by downtimeLadder nova: leave it out',
    ],
    [
      '{ algorithm: hybrid, downtimeLadder: kubevirt, postcopyAfter: 2 }',
      's:2:74 migration.postcopyAfter: is decided on by downtimeLadder kubevirt: leave it out',
    ],
  ])('are input errors where they have no effect: %s', (migration, message) => {
    expect(complaint(migration)).toBe(message);
  });
});
