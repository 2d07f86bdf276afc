import type { RunResult } from '../result/schema.ts';
import { formatSize } from '../units/size.ts';
import { formatMs } from './format.ts';

type DevicePart = NonNullable<RunResult['devices']>['parts'][number];

/** The summary shows the times of this many kinds of devices. */
const MOST_KINDS = 8;

/** Returns the lines about a guest's devices; none when it has none. */
export function deviceLines({ devices, downtimeMs, outageMs }: RunResult): string[] {
  if (!devices || devices.parts.length === 0) return [];
  const kinds = [...new Set(devices.parts.map(({ kind }) => kind))];
  const shown = kinds.slice(0, MOST_KINDS).map((kind) => describe(kind, devices.parts));
  const more = kinds.length > MOST_KINDS ? [`… ${kinds.length - MOST_KINDS} more kinds`] : [];
  const sent = [
    ...(downtimeMs === undefined
      ? []
      : [`${formatSize(devices.downtimeBytes)} sent in the downtime`]),
    ...(devices.precopyBytes > 0
      ? [`${formatSize(devices.precopyBytes)} sent while the guest ran`]
      : []),
  ];
  const ack =
    devices.switchoverAckMs === undefined
      ? ''
      : `, switchover acknowledged after ${formatMs(devices.switchoverAckMs)}`;
  const outage =
    outageMs === undefined || downtimeMs === undefined || outageMs <= downtimeMs
      ? ''
      : `; from outside, the outage lasts ${formatMs(outageMs)}`;
  return [
    `devices: ${sent.length > 0 ? sent.join(', ') : 'nothing sent'}${ack}${outage}`,
    ...(downtimeMs === undefined ? [] : [...shown, ...more]).map((line) => `  ${line}`),
  ];
}

/** Describes all devices of a kind in a line; of several, the times are those of all together. */
function describe(kind: string, all: readonly DevicePart[]): string {
  const parts = all.filter((part) => part.kind === kind);
  const sum = (of: (part: DevicePart) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  // Backends connect at the same time.
  const reconnectMs = Math.max(...parts.map((part) => part.reconnectMs));
  const times = [
    ['saved and sent in', sum(({ saveMs }) => saveMs)],
    ['initial bytes loaded in', sum(({ loadInitialMs = 0 }) => loadInitialMs)],
    ['loaded in', sum(({ loadMs }) => loadMs)],
    ['connected after', reconnectMs],
  ] as const;
  const list = times.filter(([, ms]) => ms > 0).map(([what, ms]) => `${what} ${formatMs(ms)}`);
  const name = parts.length === 1 ? kind : `${parts.length} × ${kind}`;
  return `${name}: ${list.length > 0 ? list.join(', ') : 'no time'}`;
}
