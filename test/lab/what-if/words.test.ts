import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { settingsFor } from '../../../src/lab/what-if/settings.ts';
import { wordsFor } from '../../../src/lab/what-if/words.ts';

/** Returns a setting's words by program, whose names end at the first comma but one. */
function say(id: string, more: { maxBytesPerSecond?: number; maxTotalTimeMs?: number } = {}) {
  const setting = settingsFor(240).find((one) => one.id === id)!;
  const vm = { memoryBytes: 16 * 2 ** 30, bytesPerSecond: 1.25e9 };
  const words = wordsFor({ setting, ...vm, ...more });
  const named = words.map(({ program, text }) => [program.split(', the last')[0]!, text] as const);
  return Object.fromEntries(named) as Record<string, string>;
}

describe('a setting in the words of', () => {
  it('QMP is one JSON command a line', () => {
    const { 'QEMU, QMP': qmp } = say('auto-converge', { maxBytesPerSecond: 5e8 });
    expect(qmp!.split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        execute: 'migrate-set-capabilities',
        arguments: { capabilities: [{ capability: 'auto-converge', state: true }] },
      },
      {
        execute: 'migrate-set-parameters',
        arguments: { 'downtime-limit': 240, 'max-bandwidth': 500_000_000 },
      },
      { execute: 'migrate', arguments: { uri: 'tcp:DESTINATION:PORT' } },
    ]);
    expect(say('hybrid')['QEMU, QMP']).toMatch(/"postcopy-ram"[^]*\n.*"migrate-start-postcopy"\}$/);
    expect(say('dirty-limit')['QEMU, QMP']).toContain('"vcpu-dirty-limit":1');
    expect(say('stop-and-copy')['QEMU, QMP']).toMatch(/^\{"execute":"stop"\}/);
  });

  it('HMP and virsh has the limits in their units', () => {
    const words = say('precopy', { maxBytesPerSecond: 100 * 2 ** 20 });
    expect(words['QEMU, HMP']).toBe(
      'migrate_set_parameter downtime-limit 240\nmigrate_set_parameter max-bandwidth 104857600B\nmigrate -d tcp:DESTINATION:PORT',
    );
    expect(words['virsh']).toBe(
      'virsh migrate-setmaxdowntime DOMAIN 240\nvirsh migrate --live --bandwidth 100 DOMAIN qemu+ssh://DESTINATION/system',
    );
    expect(say('hybrid')['virsh']).toContain('--postcopy --postcopy-after-precopy');
  });

  it('KubeVirt is YAML, with the budget for each GB', () => {
    const policy = parse(say('auto-converge', { maxTotalTimeMs: 300_000 })['KubeVirt']!);
    expect(policy).toMatchObject({
      kind: 'MigrationPolicy',
      spec: { allowAutoConverge: true, allowPostCopy: false, completionTimeoutPerGiB: 16 },
    });
    // Post-copy begins when the budget is over, so that lasts about a pass, which takes 14 s for 18 GB.
    const { spec } = parse(say('hybrid', { maxTotalTimeMs: 300_000 })['KubeVirt']!);
    expect(spec).toMatchObject({ allowPostCopy: true, completionTimeoutPerGiB: 1 });
  });

  it('nova and Proxmox is what their options take', () => {
    const nova = say('precopy', { maxTotalTimeMs: 320_000 })['nova'];
    expect(nova).toContain('live_migration_downtime = 240');
    expect(nova).toContain('live_migration_completion_timeout = 20');
    expect(say('hybrid')['nova']).toContain('live_migration_timeout_action = force_complete');
    expect(say('precopy', { maxBytesPerSecond: 5e8 })['Proxmox']).toContain(
      'qm set VMID --migrate_downtime 0.24 --migrate_speed 500',
    );
    expect(say('hybrid')['Proxmox']).toBe('# Proxmox has no post-copy');
  });
});
