import { DIRTY_LIMIT, type Setting } from './settings.ts';

/** A setting with what the migration needs besides, for whoever starts it. */
export interface WordsFor {
  readonly setting: Setting;
  readonly maxBytesPerSecond?: number;
  /** The bandwidth that the migration gets. */
  readonly bytesPerSecond: number;
  /** How long the migration may take. */
  readonly maxTotalTimeMs?: number;
  readonly memoryBytes: number;
}

/** A setting in the words of one program, ready to paste. */
export interface Words {
  readonly program: string;
  readonly text: string;
}

const MIB = 2 ** 20;

/** Returns a setting in the words of the programs that run migrations. */
export function wordsFor(what: WordsFor): Words[] {
  return [
    { program: `QEMU, QMP${besides(what)}`, text: qmp(what) },
    { program: `QEMU, HMP${besides(what)}`, text: hmp(what) },
    { program: 'virsh', text: virsh(what) },
    { program: 'KubeVirt', text: kubevirt(what) },
    { program: 'nova', text: nova(what) },
    { program: 'Proxmox', text: proxmox(what) },
  ];
}

/**
 * Says what the commands need besides, as neither monitor has comments: the last command of a hybrid is due after the
 * first pass; post-copy has to be allowed at the destination too (QEMU, docs/devel/migration/postcopy.rst); and the dirty
 * limit needs the dirty ring (migration/options.c, migrate_caps_check).
 */
function besides({ setting: { family } }: WordsFor): string {
  const both = ', the first line at the destination too';
  if (family === 'hybrid') return `${both}, the last line once dirty-sync-count is 2`;
  if (family === 'post-copy') return both;
  return family === 'dirty-limit' ? ', of a VM started with -accel kvm,dirty-ring-size=4096' : '';
}

type Capability = 'auto-converge' | 'dirty-limit' | 'postcopy-ram';

function capabilityOf({ family }: Setting): Capability | undefined {
  if (family === 'auto-converge' || family === 'dirty-limit') return family;
  return family === 'hybrid' || family === 'post-copy' ? 'postcopy-ram' : undefined;
}

const isPostcopy = ({ family }: Setting): boolean => family === 'hybrid' || family === 'post-copy';
const isStopped = ({ family }: Setting): boolean => family === 'stop-and-copy';

const command = (execute: string, given?: unknown): string =>
  JSON.stringify(given === undefined ? { execute } : { execute, arguments: given });

/** QEMU, qapi/migration.json: migrate-set-parameters, migrate-set-capabilities, migrate-start-postcopy. */
function qmp({ setting, maxBytesPerSecond }: WordsFor): string {
  const capability = capabilityOf(setting);
  const parameters = {
    ...(setting.downtimeLimitMs === undefined ? {} : { 'downtime-limit': setting.downtimeLimitMs }),
    ...(maxBytesPerSecond === undefined ? {} : { 'max-bandwidth': Math.round(maxBytesPerSecond) }),
    ...(setting.family === 'dirty-limit'
      ? { 'vcpu-dirty-limit': Number.parseInt(DIRTY_LIMIT) }
      : {}),
  };
  return [
    ...(capability
      ? [
          command('migrate-set-capabilities', {
            capabilities: [{ capability, state: true }],
          }),
        ]
      : []),
    ...(Object.keys(parameters).length > 0 ? [command('migrate-set-parameters', parameters)] : []),
    ...(isStopped(setting) ? [command('stop')] : []),
    command('migrate', { uri: 'tcp:DESTINATION:PORT' }),
    ...(isPostcopy(setting) ? [command('migrate-start-postcopy')] : []),
  ].join('\n');
}

/** QEMU, hmp-commands.hx. */
function hmp({ setting, maxBytesPerSecond }: WordsFor): string {
  const capability = capabilityOf(setting);
  return [
    ...(capability ? [`migrate_set_capability ${capability} on`] : []),
    ...(setting.downtimeLimitMs === undefined
      ? []
      : [`migrate_set_parameter downtime-limit ${setting.downtimeLimitMs}`]),
    ...(maxBytesPerSecond === undefined
      ? []
      : [`migrate_set_parameter max-bandwidth ${Math.round(maxBytesPerSecond)}B`]),
    ...(setting.family === 'dirty-limit'
      ? [`migrate_set_parameter vcpu-dirty-limit ${Number.parseInt(DIRTY_LIMIT)}`]
      : []),
    ...(isStopped(setting) ? ['stop'] : []),
    'migrate -d tcp:DESTINATION:PORT',
    ...(isPostcopy(setting) ? ['migrate_start_postcopy'] : []),
  ].join('\n');
}

/** libvirt, docs/manpages/virsh.rst: migrate, migrate-setmaxdowntime; bandwidths are MiB/s. */
function virsh({ setting, maxBytesPerSecond }: WordsFor): string {
  if (setting.family === 'dirty-limit') {
    return '# virsh migrate has no option for the dirty limit: use the QMP commands by virsh qemu-monitor-command';
  }
  const options = [
    isStopped(setting) ? '' : '--live',
    setting.family === 'auto-converge' ? '--auto-converge' : '',
    setting.family === 'hybrid' ? '--postcopy --postcopy-after-precopy' : '',
    setting.family === 'post-copy' ? '--postcopy' : '',
    maxBytesPerSecond === undefined
      ? ''
      : `--bandwidth ${Math.max(1, Math.round(maxBytesPerSecond / MIB))}`,
  ].filter((option) => option !== '');
  return [
    ...(setting.downtimeLimitMs === undefined
      ? []
      : [`virsh migrate-setmaxdowntime DOMAIN ${setting.downtimeLimitMs}`]),
    `virsh migrate ${[...options, 'DOMAIN', 'qemu+ssh://DESTINATION/system'].join(' ')}`,
    ...(setting.family === 'post-copy'
      ? ['virsh migrate-postcopy DOMAIN    # at once, from another terminal']
      : []),
  ].join('\n');
}

/**
 * Returns the seconds for each of the VM's GiB after which a manager loses its patience: as long as the migration may
 * take, or about a pass where post-copy follows then. Undefined where nothing asks for it.
 */
function secondsFor(what: WordsFor, gib: number): number | undefined {
  const { setting, bytesPerSecond, maxTotalTimeMs, memoryBytes } = what;
  if (isPostcopy(setting)) return Math.max(1, Math.ceil(memoryBytes / bytesPerSecond / gib));
  return maxTotalTimeMs === undefined
    ? undefined
    : Math.max(1, Math.floor(maxTotalTimeMs / 1000 / gib));
}

/** KubeVirt, api migrations.kubevirt.io/v1alpha1, MigrationPolicy; the budget is for each started GB of memory. */
function kubevirt(what: WordsFor): string {
  const { setting, maxBytesPerSecond, memoryBytes } = what;
  if (isStopped(setting))
    return '# KubeVirt: stop the VM (virtctl stop), and start it on another node';
  if (setting.family === 'dirty-limit') return '# KubeVirt has no setting for the dirty limit';
  const perGiB = secondsFor(what, Math.max(1, Math.ceil(memoryBytes / 1e9)));
  return [
    'apiVersion: migrations.kubevirt.io/v1alpha1',
    'kind: MigrationPolicy',
    'metadata: { name: from-what-if }',
    'spec:',
    '  selectors: { virtualMachineInstanceSelector: { migration: from-what-if } }',
    `  allowAutoConverge: ${setting.family === 'auto-converge'}`,
    `  allowPostCopy: ${isPostcopy(setting)}`,
    ...(maxBytesPerSecond === undefined
      ? []
      : [`  bandwidthPerMigration: ${Math.max(1, Math.round(maxBytesPerSecond / MIB))}Mi`]),
    ...(perGiB === undefined ? [] : [`  completionTimeoutPerGiB: ${perGiB}`]),
    ...(isPostcopy(setting) ? ['# post-copy begins when that is over, after about one pass'] : []),
    ...(setting.downtimeLimitMs === undefined || setting.downtimeLimitMs === 300
      ? []
      : [
          `# its downtime limit is QEMU's 300 ms, not ${setting.downtimeLimitMs} ms: releases before 1.9 can't set it`,
        ]),
  ].join('\n');
}

/** Returns how long the fewest and shortest steps of nova's downtime take: three, each 3 s for a GiB of memory (2 at least). */
const downtimeStepsS = (memoryBytes: number): number =>
  3 * Math.floor(3 * Math.max(2, memoryBytes / 2 ** 30));

/** OpenStack nova, nova/conf/libvirt.py: limits in ms (100 at least), bandwidth in MiB/s, timeouts in s for each GiB. */
function nova(what: WordsFor): string {
  const { setting, maxBytesPerSecond, memoryBytes } = what;
  if (isStopped(setting)) return '# nova: openstack server migrate SERVER (a cold migration)';
  if (setting.family === 'dirty-limit') return '# nova has no setting for the dirty limit';
  const perGiB = secondsFor(what, Math.max(2, memoryBytes / 2 ** 30));
  const limit = setting.downtimeLimitMs;
  return [
    '[libvirt]',
    ...(limit === undefined
      ? []
      : [
          `live_migration_downtime = ${Math.max(100, limit)}`,
          `# nova begins with a third of it, and grants all of it after ${downtimeStepsS(memoryBytes)} s: its shortest steps`,
          'live_migration_downtime_steps = 3',
          'live_migration_downtime_delay = 3',
        ]),
    `live_migration_permit_auto_converge = ${setting.family === 'auto-converge'}`,
    `live_migration_permit_post_copy = ${isPostcopy(setting)}`,
    ...(maxBytesPerSecond === undefined
      ? []
      : [`live_migration_bandwidth = ${Math.max(1, Math.round(maxBytesPerSecond / MIB))}`]),
    ...(perGiB === undefined ? [] : [`live_migration_completion_timeout = ${perGiB}`]),
    ...(isPostcopy(setting)
      ? [
          '# post-copy begins when that is over, after about one pass',
          'live_migration_timeout_action = force_complete',
        ]
      : []),
  ].join('\n');
}

/** Proxmox VE, qm(1): migrate_downtime in seconds, migrate_speed in MB/s; QemuMigrate.pm turns auto-converge on itself. */
function proxmox({ setting, maxBytesPerSecond }: WordsFor): string {
  if (isPostcopy(setting)) return '# Proxmox has no post-copy';
  if (setting.family === 'dirty-limit') return '# Proxmox has no setting for the dirty limit';
  if (isStopped(setting))
    return 'qm shutdown VMID && qm migrate VMID TARGET && ssh TARGET qm start VMID';
  const set = [
    ...(setting.downtimeLimitMs === undefined
      ? []
      : [`--migrate_downtime ${setting.downtimeLimitMs / 1000}`]),
    ...(maxBytesPerSecond === undefined
      ? []
      : [`--migrate_speed ${Math.max(1, Math.round(maxBytesPerSecond / 1e6))}`]),
  ];
  return [
    ...(set.length > 0 ? [`qm set VMID ${set.join(' ')}`] : []),
    'qm migrate VMID TARGET --online',
    ...(setting.family === 'auto-converge' ? [] : ['# Proxmox turns auto-converge on by itself']),
  ].join('\n');
}
