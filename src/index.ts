export type { OwnTrace, TraceFacts, TraceFactory } from './guest/trace-file.ts';
export type { Pattern, Workload } from './guest/workload.ts';
export type { PageLine } from './migration/page-orders/line.ts';
export type { PageOrder } from './migration/page-orders/page-order.ts';
export { PAGE_ORDERS } from './migration/page-orders/registry.ts';
export { POLICIES } from './migration/policies/registry.ts';
export type { Policy, PolicyAction, PolicyStatistics } from './migration/policy.ts';
export type {
  PageOrderFacts,
  PageOrderFactory,
  PolicyFacts,
  PolicyFactory,
} from './migration/spec/kinds.ts';
export type { LinkSpec, MigrationSpec } from './migration/spec/migration-spec.ts';
export { OwnKindError } from './migration/spec/own-kinds.ts';
export type { Outage, RunConfig } from './runtime/config.ts';
export { COST_PROFILES, type CostProfile, type Costs } from './runtime/costs.ts';
export type { VirtualOptions } from './runtime/virtual/options.ts';
export { runVirtual } from './runtime/virtual/run.ts';
export type { Difference, Proof, RunReport } from './runtime/report.ts';
export { WorkerPool } from './runtime/threads/pool.ts';
export {
  type LiveView,
  type RunOptions,
  type RunPhase,
  RunSetupError,
  runThreads,
} from './runtime/threads/run.ts';
export type { OwnKind } from './units/keys.ts';
export { InputError, type InputProblem } from './scenario/input-error.ts';
export { scenarioJsonSchema } from './scenario/json-schema.ts';
export {
  type LoadedScenario,
  loadScenario,
  loadScenarioText,
  type Preset,
  presets,
} from './scenario/load.ts';
export type { Scenario } from './scenario/schema.ts';
export { buildResult } from './result/build.ts';
export { type RunResult, resultSchema } from './result/schema.ts';
export { writeAtomically } from './result/write.ts';
export type { EvacuationConfig } from './fleet/evacuation/config.ts';
export { loadEvacuation, type LoadedEvacuation } from './fleet/evacuation/load.ts';
export type {
  EvacuationOptions,
  EvacuationProgress,
  EvacuationReport,
} from './fleet/evacuation/report.ts';
export { buildEvacuationResult } from './fleet/evacuation/result.ts';
export { type EvacuationResult, evacuationResultSchema } from './fleet/evacuation/result-schema.ts';
export { evacuationJsonSchema } from './fleet/evacuation/json-schema.ts';
export { runEvacuation } from './fleet/evacuation/run.ts';
export { ThreadWorld } from './runtime/threads/world.ts';
export { VirtualWorld } from './runtime/virtual/world.ts';
export type { HostSpec } from './runtime/world/host-spec.ts';
export type {
  Director,
  GuestSpec,
  World,
  WorldMigration,
  WorldOptions,
  WorldSpec,
} from './runtime/world/world.ts';
export { experimentNames } from './lab/papers/experiment.ts';
export type { Outcome } from './lab/papers/outcome.ts';
export { runExperiment } from './lab/papers/run.ts';
export { readMeasured } from './lab/validate/measured.ts';
export { validate, type Validation } from './lab/validate/validate.ts';
