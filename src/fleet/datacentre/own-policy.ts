import { OwnKindError } from '../../migration/spec/own-kinds.ts';
import { made } from '../../runtime/common/own-kinds.ts';
import type { FleetConfig } from './config.ts';
import type { FleetPolicy, PolicyFacts } from './policies/policy.ts';
import { FLEET_POLICIES } from './policies/registry.ts';

/** Makes the policy of a fleet. Throws OwnKindError when it is one of the user's own that can't be made. */
export function policyOf({ policy, seed, hosts, vms }: FleetConfig): FleetPolicy {
  const facts: PolicyFacts = { seed, hosts: hosts.length, vms: vms.length };
  const { kind, options } = policy;
  if (typeof kind === 'string') return FLEET_POLICIES[kind]!.create(options, facts);
  const own = made(kind, facts, 'policy');
  if (isPolicy(own)) return own;
  const shape = 'an object with name and the function decide';
  throw new OwnKindError('export', `${kind.export} of ${kind.module} makes no policy: ${shape}`);
}

const isPolicy = (value: unknown): value is FleetPolicy =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<FleetPolicy>).name === 'string' &&
  typeof (value as Partial<FleetPolicy>).decide === 'function';
