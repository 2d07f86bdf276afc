import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { settingsFor } from '../../../src/lab/what-if/settings.ts';
import { wordsFor } from '../../../src/lab/what-if/words.ts';

/** Returns a setting's words by program, whose names end before what else it needs. */
function say(id: string, more: { maxBytesPerSecond?: number; maxTotalTimeMs?: number } = {}) {
  const setting = settingsFor(240).find((one) => one.id === id)!;
  const vm = { memoryBytes: 16 * 2 ** 30, bytesPerSecond: 1.25e9 };
  const words = wordsFor({ setting, ...vm, ...more });
  const named = words.map(
    ({ program, text }) => [program.replace(/, (?:the|of a) .*/, ''), text] as const,
  );
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
    // nova/virt/libvirt/migration.py, downtime_steps: 3 s for each of 16 GiB, three times.
    expect(nova).toContain('with a third of it, and grants all of it after 144 s');
    expect(say('hybrid')['nova']).toContain('live_migration_timeout_action = force_complete');
    expect(say('precopy', { maxBytesPerSecond: 5e8 })['Proxmox']).toContain(
      'qm set VMID --migrate_downtime 0.24 --migrate_speed 500',
    );
    expect(say('hybrid')['Proxmox']).toBe('# Proxmox has no post-copy');
  });

  it.each([
    ['precopy', ''],
    ['dirty-limit', ' of a VM started with -accel kvm,dirty-ring-size=4096'],
    ['postcopy', ' the first line at the destination too'],
  ])('QEMU names what %s needs besides', (id, needed) => {
    const setting = settingsFor(240).find((one) => one.id === id)!;
    const [qmp] = wordsFor({ setting, memoryBytes: 2 ** 30, bytesPerSecond: 1e9 });
    expect(qmp!.program).toBe(needed === '' ? 'QEMU, QMP' : `QEMU, QMP,${needed}`);
  });
});
