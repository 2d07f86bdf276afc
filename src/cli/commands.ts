import type { Command } from 'commander';

/**
 * The commands in the order of the help, each with a function that loads it, so that a command starts
 * without the modules of the others.
 */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.ts')).runCommand(),
  send: async () => (await import('./send.ts')).sendCommand(),
  receive: async () => (await import('./receive.ts')).receiveCommand(),
  evacuate: async () => (await import('./evacuate.ts')).evacuateCommand(),
  host: async () => (await import('./host.ts')).hostCommand(),
  protect: async () => (await import('./protect.ts')).protectCommand(),
  fleet: async () => (await import('./fleet.ts')).fleetCommand(),
  save: async () => (await import('./save.ts')).saveCommand(),
  restore: async () => (await import('./restore.ts')).restoreCommand(),
  'dirty-rate': async () => (await import('./dirty-rate.ts')).dirtyRateCommand(),
  validate: async () => (await import('./validate.ts')).validateCommand(),
  wws: async () => (await import('./wws.ts')).wwsCommand(),
  paper: async () => (await import('./paper.ts')).paperCommand(),
  sweep: async () => (await import('./sweep.ts')).sweepCommand(),
  query: async () => (await import('./query.ts')).queryCommand(),
  compare: async () => (await import('./compare.ts')).compareCommand(),
  merge: async () => (await import('./merge.ts')).mergeCommand(),
  report: async () => (await import('./report.ts')).reportCommand(),
  'what-if': async () => (await import('./what-if.ts')).whatIfCommand(),
  bench: async () => (await import('./bench.ts')).benchCommand(),
  schema: async () => (await import('./schema.ts')).schemaCommand(),
};
