import { deviceNamed } from '../guest/devices/registry.ts';
import { MOST_DEVICES } from '../guest/devices/resolve.ts';
import type { OwnershipOptions } from '../migration/spec/ownership.ts';
import { parseSize } from '../units/size.ts';
import type { Problem } from './problem.ts';
import type { Scenario } from './schema.ts';

/** Returns what is impossible about the devices of a guest, and about a switchover that waits for them. */
export function checkDevices(
  { guest, migration }: Scenario,
  { mayForcePostcopy = false }: OwnershipOptions = {},
): Problem[] {
  const { devices = [] } = guest;
  const problems: Problem[] = [];
  const all = devices.reduce((sum, { count }) => sum + count, 0);
  if (all > MOST_DEVICES) {
    const sentence = `${all} devices are too many, there may be ${MOST_DEVICES}: leave some out`;
    problems.push({ path: ['guest', 'devices'], sentence });
  }
  const { algorithm } = migration;
  const isPostcopy = algorithm === 'postcopy' || algorithm === 'hybrid';
  const remedy = isPostcopy
    ? 'set migration.algorithm to precopy or stop-and-copy'
    : 'set onDiverged to leave or stop-and-copy';
  for (const [index, { kind }] of devices.entries()) {
    if (!(isPostcopy || mayForcePostcopy) || !deviceNamed(kind).isVfio) continue;
    const sentence = `${kind} can't be migrated by post-copy (QEMU, docs/devel/migration/vfio.rst): ${remedy}, or leave it out`;
    problems.push({ path: ['guest', 'devices', index, 'kind'], sentence });
  }
  const hasInitial = devices.some(({ initial = 0 }) => parseSize(initial) > 0);
  if (migration.switchoverAck === true && !hasInitial) {
    const sentence =
      'has an effect only with a device that has initial bytes, such as vfio: leave it out, or add one to guest.devices';
    problems.push({ path: ['migration', 'switchoverAck'], sentence });
  }
  return problems;
}
