import type { ProtectResult } from '../../../fleet/protect/result-schema.ts';
import type { FigureBar, RowsFigure } from '../chart/figure.ts';
import { msText, timeUnit } from '../words.ts';

/** What a host is for the guest at a time, in the order of the legend. */
export const ROLES = [
  { name: 'runs the guest, which nobody protects', colour: 'c2' },
  { name: 'runs the guest, which is protected', colour: 'good' },
  { name: 'gets its first image', colour: 'grey' },
  { name: 'is its backup', colour: 'c1' },
] as const;

/** A span of time in which a host is something for the guest, in milliseconds; `role` is an index into ROLES. */
export interface RoleSpan {
  readonly host: number;
  readonly role: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns what each host was for the guest, and when. */
export function rolesOf(result: ProtectResult): RoleSpan[] {
  const { protections, durationMs } = result;
  const spans: RoleSpan[] = [];
  const add = (host: number, role: number, fromMs: number, toMs: number): void => {
    if (toMs > fromMs) spans.push({ host, role, fromMs, toMs });
  };
  for (const { primary, backup, startMs, protectedMs, endMs } of protections) {
    const end = endMs ?? durationMs;
    add(backup, 2, startMs, Math.min(protectedMs ?? end, end));
    if (protectedMs !== undefined) add(backup, 3, protectedMs, end);
    if (protectedMs !== undefined)
      add(primary, 1, protectedMs, Math.min(end, diedMs(result, primary)));
  }
  for (const { host, fromMs, toMs } of livesOf(result)) {
    let at = fromMs;
    const own = protections.filter((one) => one.primary === host && one.protectedMs !== undefined);
    for (const { protectedMs, endMs } of own) {
      add(host, 0, at, Math.min(protectedMs!, toMs));
      at = endMs ?? durationMs;
    }
    add(host, 0, at, toMs);
  }
  return spans;
}

/** Returns when each host ran the guest, in the order in which they began. */
function livesOf(result: ProtectResult): { host: number; fromMs: number; toMs: number }[] {
  const { protections, durationMs } = result;
  const begun = [
    { host: 1, fromMs: 0 },
    ...protections
      .filter(({ end }) => end === 'tookOver')
      .map(({ backup, endMs }) => ({ host: backup, fromMs: endMs! })),
  ];
  return begun.map(({ host, fromMs }) => {
    const fenced = protections.find((one) => one.primary === host && one.end === 'fenced');
    const toMs = Math.min(diedMs(result, host, fromMs), fenced?.endMs ?? durationMs);
    return { host, fromMs, toMs };
  });
}

/** Returns when a host died that ran the guest; a host that lived to the end did so after it. */
function diedMs(
  { takeovers, failures, outcome, durationMs }: ProtectResult,
  host: number,
  fromMs = 0,
): number {
  const died = takeovers.find(({ from }) => from === host)?.diedMs;
  if (died !== undefined) return died;
  const isLast = host === (takeovers.at(-1)?.to ?? 1);
  // After a takeover without a spare, the death of either side is that of the guest's only host.
  const last = failures.findLast(
    ({ what, atMs }) => atMs > fromMs && (what === 'primary' || (host > 1 && what === 'backup')),
  )?.atMs;
  return outcome === 'lost' && isLast && last !== undefined ? last : durationMs;
}

/** Returns a row of bars for each host, and a line where something failed. */
export function rolesChart(result: ProtectResult): RowsFigure {
  const { durationMs, failures } = result;
  const unit = timeUnit(durationMs);
  const spans = rolesOf(result);
  const hosts = [...new Set(spans.map(({ host }) => host))].toSorted((a, b) => a - b);
  return {
    kind: 'rows',
    id: 'hosts',
    title: 'What each host was for the guest',
    x: { label: 'time', unit: unit.name, min: 0, max: durationMs / unit.ms },
    kinds: ROLES,
    rows: hosts.map((host) => ({
      label: `host ${host}`,
      bars: spans
        .filter((span) => span.host === host)
        .map(({ role, fromMs, toMs }): FigureBar => ({
          kind: role,
          from: fromMs / unit.ms,
          to: toMs / unit.ms,
          text: `${ROLES[role]!.name}, for ${msText(toMs - fromMs)}`,
        })),
    })),
    marks: failures
      .filter(({ atMs }) => atMs <= durationMs)
      .map(({ atMs, what }) => ({ name: `${what} fails`, at: atMs / unit.ms })),
  };
}
