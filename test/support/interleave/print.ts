import type { SetupPort } from './shared-memory.ts';
import type { Stores } from './state.ts';
import type { Move } from './stepper.ts';
import type { Step } from './thread.ts';

/** Says in words what a move was, for a schedule that is printed. */
export function printMove(
  { store, moment, result }: Move,
  stores: Stores,
  setup: SetupPort,
): string {
  if (store !== undefined) {
    const { access, value } = stores.at(store);
    return `its plain store ${setup.nameOf(access.cell)} = ${value} reaches memory`;
  }
  if (!moment) return 'falls asleep';
  return printStep(moment.step!, result!, setup);
}

function printStep(step: Step, result: number | string, setup: SetupPort): string {
  if (step.kind === 'fence' || step.kind === 'spin') return step.kind;
  if (step.kind === 'choose') return `${step.what}: ${result}`;
  const place = setup.nameOf(step.access.cell);
  switch (step.kind) {
    case 'load':
      return `${step.isAtomic ? 'loads' : 'reads'} ${place}, which is ${result}`;
    case 'store':
      return `stores ${place} = ${step.value}`;
    case 'replace': {
      const { name, given } = step.replacement;
      return `${name}(${given.join(', ')}) on ${place}, which was ${result}`;
    }
    case 'wait':
      return `waits while ${place} is ${step.value}: ${result}`;
    default:
      return `wakes ${result} sleepers on ${place}`;
  }
}
