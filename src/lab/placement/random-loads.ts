import { unit } from '../../fleet/datacentre/applications/distribution.ts';
import type { Generator } from '../../random/generator.ts';

/** How busy hosts are, as shares of one CPU each. */
export interface LoadSpec {
  readonly vmsPerHost: number;
  /** The mean CPU use of hot hosts and of the others, and by how much that of a host may differ. */
  readonly hot: { readonly mean: number; readonly spread: number };
  readonly other: { readonly mean: number; readonly spread: number };
  /** A VM's share of its host's use differs from that of the others by as much as this. */
  readonly vmSpread: number;
}

/** Draws what the VMs of a host use of its CPU. */
export function drawLoads(isHot: boolean, spec: LoadSpec, random: Generator): number[] {
  const vary = (spread: number): number => spread * (2 * unit(random) - 1);
  const { mean, spread } = isHot ? spec.hot : spec.other;
  const cpus = mean + vary(spread);
  const parts = Array.from({ length: spec.vmsPerHost }, () => 1 + vary(spec.vmSpread));
  const whole = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => (cpus * part) / whole);
}
