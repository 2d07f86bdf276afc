import type { PolicyKind } from '../spec/kinds.ts';
import { clark2005, xen3 } from './clark2005.ts';
import { cloudHypervisor } from './cloud-hypervisor.ts';
import { qemu } from './qemu-kind.ts';
import { rounds } from './rounds.ts';
import { sdps } from './sdps.ts';
import { xen } from './xen.ts';

/** All policies that are known by name. To add one, write its file and add a line here. */
export const POLICIES = [rounds, qemu, xen, xen3, clark2005, cloudHypervisor, sdps] as const;

export type PolicyName = (typeof POLICIES)[number]['name'];

const BY_NAME: ReadonlyMap<string, PolicyKind> = new Map(
  POLICIES.map((kind) => [kind.name, kind as PolicyKind]),
);

/** Returns the policy kind of a name. Throws if there is none, which can't happen with a checked spec. */
export function policyNamed(name: string): PolicyKind {
  const kind = BY_NAME.get(name);
  if (!kind) throw new Error(`there is no policy ${name}`);
  return kind;
}
