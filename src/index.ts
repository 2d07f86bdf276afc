/**
 * What a program may import: `import { run } from 'pageferry'`. docs/library.md describes it, and what is not in it may
 * change at any time. A test keeps the list and the page the same.
 */

// Runs.
export { checkScenario, run, type RunOptions, type RunProgress } from './lab/library/run.ts';
export { evacuate, type EvacuateOptions } from './lab/library/evacuate.ts';
export { host, type HostOptions, type HostProgress } from './lab/library/host.ts';
export { protect, type ProtectOptions, type ProtectProgress } from './lab/library/protect.ts';
export { fleet, type FleetOptions } from './lab/library/fleet.ts';
export {
  openStore,
  type RunRow,
  sweep,
  type SweepOptions,
  type SweepResult,
  type SweepStore,
} from './lab/library/sweep.ts';
export { compare, type ComparedInput, type CompareOptions } from './lab/library/compare.ts';
export {
  whatIf,
  type WhatIfOptions,
  type WhatIfProgress,
  type WhatIfQuestion,
} from './lab/library/what-if.ts';
export { paper, type SeriesOptions, validate } from './lab/library/measured.ts';
export { type PresetKind, presets } from './lab/library/presets.ts';
export { report } from './report/html/library.ts';

// What is given.
export type { InputOptions } from './lab/library/input.ts';
export type {
  EvacuationInput,
  FleetInput,
  GuestInput,
  HostInput,
  MigrationInput,
  ProtectionInput,
  ScenarioInput,
  SweepInput,
  WorkloadInput,
} from './lab/library/scenario-input.ts';
export { scenarioJsonSchema } from './scenario/json-schema.ts';
export { evacuationJsonSchema } from './fleet/evacuation/json-schema.ts';
export { hostJsonSchema } from './fleet/host/json-schema.ts';
export { protectJsonSchema } from './fleet/protect/json-schema.ts';
export { fleetJsonSchema } from './fleet/datacentre/json-schema.ts';

// What comes out.
export type { RunResult } from './result/schema.ts';
export type { Scenario } from './scenario/schema.ts';
export type { Preset } from './scenario/load.ts';
export type { EvacuationProgress } from './fleet/evacuation/report.ts';
export type { EvacuationResult } from './fleet/evacuation/result-schema.ts';
export type { HostResult } from './fleet/host/result-schema.ts';
export type { ProtectResult } from './fleet/protect/result-schema.ts';
export type { FleetResult } from './fleet/datacentre/result-schema.ts';
export type { FleetProgress } from './fleet/datacentre/report.ts';
export type { CompareResult } from './lab/compare/result.ts';
export type { WhatIfResult } from './lab/what-if/result.ts';
export type { SweepProgress } from './lab/sweep/execute.ts';
export type { Outcome as PaperOutcome } from './lab/papers/outcome.ts';
export type { Validation } from './lab/validate/validate.ts';
export { VERSION } from './result/version.ts';

// Policies, page orders and workloads of one's own.
export type { Policy, PolicyAction, PolicyStatistics } from './migration/policy.ts';
export type {
  PageOrderFacts,
  PageOrderFactory,
  PolicyFacts,
  PolicyFactory,
} from './migration/spec/kinds.ts';
export type { PageOrder } from './migration/page-orders/page-order.ts';
export type { OwnTrace, TraceFacts, TraceFactory } from './guest/trace-file.ts';
export type { OwnKind } from './units/keys.ts';

export type {
  Decision as FleetDecision,
  FleetPolicy,
  FleetView,
  HostView,
  VmView,
} from './fleet/datacentre/policies/policy.ts';

// Errors.
export { InputError, type InputProblem } from './scenario/input-error.ts';
export { RunSetupError } from './runtime/threads/run.ts';
export { StoreError } from './lab/sweep/store.ts';
export { MeasuredFileError } from './lab/validate/measured.ts';
export { LostByteError } from './lab/validate/validate.ts';
export { NoReportError } from './report/html/of-result.ts';
