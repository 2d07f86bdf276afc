import { expect, it } from 'vitest';
import { unsupportedReason } from '../../../src/lab/validate/mapping.ts';
import { type MeasuredRun, readMeasured } from '../../../src/lab/validate/measured.ts';
import { dirtiedPages } from '../../../src/lab/what-if/growth.ts';
import { outcomeOf } from '../../../src/lab/what-if/outcome.ts';
import type { Play } from '../../../src/lab/what-if/play.ts';
import type { Question } from '../../../src/lab/what-if/question.ts';
import { whatIf } from '../../../src/lab/what-if/what-if.ts';
import { median, quantile } from '../../../src/lab/statistics.ts';
import { buildResult } from '../../../src/result/build.ts';
import { runVirtual } from '../../../src/runtime/virtual/run.ts';

const PAGE = 4096;
/** What calc-dirty-rate was asked for: three periods, in seconds. */
const PERIODS = [0.1, 1, 10];

const play: Play = async (runs) => {
  const outcomes = [];
  for (const { scenario, config, scale } of runs) {
    outcomes.push(outcomeOf(buildResult(scenario, await runVirtual(config)), config, scale));
  }
  return outcomes;
};

/** Asks what an operator can ask who knows the memory in use, the limits, and what calc-dirty-rate says. */
function questionOf(run: MeasuredRun): Question {
  const { inputs, guest_before: before, qemu_version: qemu } = run;
  const isIdle = inputs.rate < 0 || inputs.mode === 'stopcopy' || inputs.wws_pages === 0;
  const written = {
    pages: inputs.wws_pages,
    rate: before.page_writes_per_s,
    isInOrder: inputs.pattern === 'seq',
  };
  const rates = PERIODS.map((seconds) => ({
    source: 'dirty-bitmap' as const,
    bytesPerSecond: ((isIdle ? 1 : dirtiedPages([written], seconds)) * PAGE) / seconds,
    periodMs: seconds * 1000,
  }));
  const isHybrid = inputs.mode === 'postcopy';
  const throttles = inputs.caps.includes('auto-converge');
  const postcopy =
    inputs.postcopy_bandwidth === 0 ? 'unlimited' : `${inputs.postcopy_bandwidth}B/s`;
  return {
    facts: {
      memoryBytes: inputs.ram_mib * 2 ** 20,
      usedBytes: inputs.fill_mib * 2 ** 20 * (1 - inputs.zero_pct / 100),
      vcpus: inputs.smp,
      linkBytesPerSecond: 2e9,
      ...(inputs.max_bandwidth > 0 ? { maxBytesPerSecond: inputs.max_bandwidth } : {}),
      rates,
      downtimeLimitMs: inputs.downtime_limit_ms,
    },
    runs: 4,
    seed: 1,
    timeoutMs: inputs.timeout_s * 1000,
    only: [isHybrid ? 'hybrid' : throttles ? 'auto-converge' : 'precopy'],
    sets: [
      'costs.profile=qemu-tcg',
      'guest.deviceProfile=none',
      `migration.qemuVersion="${qemu.major >= 8 ? '10' : '7.2'}"`,
      ...(isHybrid
        ? [
            `migration.postcopyAfter=${inputs.postcopy_after_pass - 1}`,
            `migration.postcopyBandwidth=${postcopy}`,
          ]
        : []),
    ],
  };
}

it('what-if is right about every measured migration, and about how long it takes', async () => {
  const file = readMeasured('fixtures/measured/qemu-two-cores.json');
  const wrong: string[] = [];
  const errors: number[] = [];
  for (const run of file.runs) {
    if (unsupportedReason(run, file.folder) !== undefined) continue;
    // No setting of what-if compares pages or has several channels.
    if (run.inputs.caps.some((cap) => cap === 'xbzrle' || cap === 'multifd')) continue;
    const { settings } = await whatIf(questionOf(run), play);
    const { completed, runs, totalTimeMs } = settings[0]!;
    const isOver = run.outcome === 'completed';
    if (completed >= runs / 2 !== isOver) wrong.push(run.id);
    const { total_time_ms: measuredMs, cpu_disturbed: isDisturbed } = run.derived;
    const isHostPaced = !(run.inputs.max_bandwidth <= file.host.hostPacedAboveBytesPerSecond);
    if (!isOver || isDisturbed === true || isHostPaced || !totalTimeMs || !measuredMs) continue;
    errors.push(Math.abs(totalTimeMs.median / measuredMs - 1));
  }
  expect(wrong).toEqual([]);
  expect(errors.length).toBe(35);
  expect(median(errors)).toBeLessThan(0.03);
  expect(quantile(errors, 0.9)).toBeLessThan(0.1);
}, 600_000);
