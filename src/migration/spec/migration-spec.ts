import type { OwnKind } from '../../units/keys.ts';
import type { BubblingSpec } from '../page-orders/bubbling.ts';
import type { PageOrderName } from '../page-orders/registry.ts';
import type { ClarkSpec } from '../policies/clark2005.ts';
import type { CloudHypervisorSpec } from '../policies/cloud-hypervisor.ts';
import type { QemuSpec } from '../policies/qemu-kind.ts';
import type { PolicyName } from '../policies/registry.ts';
import type { RoundsSpec } from '../policies/rounds.ts';
import type { CommonSpec } from './common-spec.ts';

export type { LinkSpec } from './common-spec.ts';
export type { PageOrderName, PolicyName };

/**
 * One migration, complete and checked, in numbers. Infinity stands for `unlimited`. A policy uses only its
 * own part. For a policy or page order of the user's own, the path of its module is absolute.
 */
export interface MigrationSpec
  extends CommonSpec, RoundsSpec, QemuSpec, ClarkSpec, CloudHypervisorSpec, BubblingSpec {
  readonly policy: PolicyName | OwnKind;
  readonly pageOrder: PageOrderName | OwnKind;
}
