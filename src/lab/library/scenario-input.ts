import type { z } from 'zod';
import type { completeFleetSchema } from '../../fleet/datacentre/schema.ts';
import type { completeSchema } from '../../fleet/evacuation/schema.ts';
import type { completeHostSchema } from '../../fleet/host/schema.ts';
import type { protectSchema } from '../../fleet/protect/schema.ts';
import type { TraceFactory } from '../../guest/trace-file.ts';
import type { PageOrderFactory, PolicyFactory } from '../../migration/spec/kinds.ts';
import type { scenarioSchema } from '../../scenario/schema.ts';
import type { sweepSchema } from '../sweep/spec.ts';

/** The types of what a program gives in place of a file: the same keys, of which only the required ones must be there. */

type Frozen<Value> = Value extends (...args: never[]) => unknown
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]: Frozen<Value[Key]> }
    : Value;

type Replaced<Value, Others> = Omit<Value, keyof Others> & Others;

type Written = Frozen<z.input<typeof scenarioSchema>>;
type WrittenGuest = Written['guest'];
type WrittenMigration = NonNullable<Written['migration']>;
type WrittenWorkload = NonNullable<WrittenGuest['workloads']>[number];

/** A workload, whose trace may be made by a function. */
export type WorkloadInput = WrittenWorkload extends infer Workload
  ? Workload extends { readonly trace: infer Trace extends { readonly file: unknown } }
    ? Replaced<
        Workload,
        { readonly trace: Replaced<Trace, { readonly file: Trace['file'] | TraceFactory }> }
      >
    : Workload
  : never;

export type GuestInput = Replaced<
  WrittenGuest,
  { readonly workloads?: readonly WorkloadInput[] | undefined }
>;

/** A migration, whose policy and page order may be functions in virtual runs. */
export type MigrationInput = Replaced<
  WrittenMigration,
  {
    readonly policy?: WrittenMigration['policy'] | PolicyFactory;
    readonly pageOrder?: WrittenMigration['pageOrder'] | PageOrderFactory;
  }
>;

/** A scenario as it is written, without its defaults. */
export type ScenarioInput = Replaced<
  Written,
  { readonly guest: GuestInput; readonly migration?: MigrationInput | undefined }
>;

/** An evacuation as it is written, without its defaults. */
export type EvacuationInput = Frozen<z.input<ReturnType<typeof completeSchema>>>;

/** An overcommitted host as it is written, without its defaults. */
export type HostInput = Frozen<z.input<ReturnType<typeof completeHostSchema>>>;

/** A protected guest as it is written, without its defaults. */
export type ProtectionInput = Replaced<
  Frozen<z.input<typeof protectSchema>>,
  Pick<Written, 'guest' | 'link' | 'migration' | 'costs'>
>;

/** A data centre as it is written, without its defaults. */
export type FleetInput = Frozen<z.input<ReturnType<typeof completeFleetSchema>>>;

/** A grid of scenarios as it is written. */
export type SweepInput = Replaced<
  Frozen<z.input<typeof sweepSchema>>,
  { readonly scenario?: string | Written | undefined }
>;
