import { describe, expect, it } from 'vitest';
import { exitCodeOf as exitCodeOfEvacuation } from '../../src/cli/evacuate.ts';
import { exitCodeOf } from '../../src/cli/run.ts';
import type { EvacuationResult } from '../../src/fleet/evacuation/result-schema.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunResult } from '../../src/result/schema.ts';
import type { Proof, RunReport } from '../../src/runtime/report.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

type Verify = NonNullable<RunResult['verify']>;

const OUTCOMES = ['completed', 'diverged', 'cancelled', 'failed'] as const;
const proved: Verify = { kind: 'replay', ok: true };
const differs: Verify = { kind: 'full', ok: false };

describe('the exit code of a run', () => {
  it.each(OUTCOMES)('is 3 when a byte differs, and it is %s', (outcome) => {
    expect(exitCodeOf({ outcome, verify: differs })).toBe(3);
  });

  it.each([
    ['completed', proved, 0],
    ['completed', { kind: 'off' }, 0],
    // A guest that was lost, or whose proof is missing, is not proved.
    ['completed', undefined, 1],
    ['completed', { kind: 'replay' }, 1],
    ['diverged', proved, 1],
    ['cancelled', proved, 1],
    ['failed', { kind: 'off' }, 1],
    ['failed', undefined, 1],
  ] as const)('of one that is %s with the proof %j is %i', (outcome, verify, code) => {
    expect(exitCodeOf({ outcome, ...(verify ? { verify } : {}) })).toBe(code);
  });

  it('is 3 for whatever a proof finds: pages, problems, or both', async () => {
    const { source, proof, ...rest } = await runVirtual(smallRun({ runtime: 'virtual' }));
    const codeWith = (found: Partial<Proof>, outcome = source.outcome): number => {
      const report: RunReport = {
        ...rest,
        source: { ...source, outcome },
        proof: { ...proof!, ...found },
      };
      const result = buildResult({}, report);
      expect(result.verify!.problems).toEqual(found.problems);
      return exitCodeOf(result);
    };
    const firstDifference = { gfn: 1, offset: 2, expected: 3, found: 4 };
    const page = { ok: false, differingPages: 1, firstDifference };
    const problem = { ok: false, problems: ['the reads of vCPU 0 differ'] };
    expect(codeWith({})).toBe(0);
    for (const outcome of OUTCOMES) {
      expect(codeWith(page, outcome)).toBe(3);
      expect(codeWith(problem, outcome)).toBe(3);
      expect(codeWith({ ...page, ...problem }, outcome)).toBe(3);
    }
  });
});

describe('the exit code of an evacuation', () => {
  const guest = (outcome: string, verify: Verify | undefined, hasRun = true) => ({
    outcome,
    ...(hasRun ? { run: { outcome, ...(verify ? { verify } : {}) } } : {}),
  });
  const code = (...runs: readonly (readonly unknown[])[]): number =>
    exitCodeOfEvacuation(runs.map((guests) => ({ guests })) as unknown as EvacuationResult[]);

  const moved = guest('completed', proved);
  const wrong = guest('completed', differs);
  const stayed = guest('diverged', proved);
  const unmoved = guest('left', undefined, false);

  it('is 3 when a byte of any guest of any repetition differs, whatever became of the others', () => {
    expect(code([wrong])).toBe(3);
    expect(code([moved, wrong, moved])).toBe(3);
    expect(code([moved, moved], [moved, wrong])).toBe(3);
    expect(code([wrong, moved], [moved, moved])).toBe(3);
    expect(code([stayed, unmoved, wrong])).toBe(3);
    expect(code([moved, guest('failed', differs)])).toBe(3);
  });

  it('is 0 when every guest has moved and is proved, else 1', () => {
    expect(code([moved, guest('completed', { kind: 'off' })])).toBe(0);
    expect(code([moved, guest('completed', undefined)])).toBe(1);
    expect(code([moved, stayed])).toBe(1);
    expect(code([moved, unmoved])).toBe(1);
    expect(code([moved], [stayed])).toBe(1);
    expect(code([stayed], [moved])).toBe(1);
    expect(code()).toBe(1);
  });
});
