import { Generator } from '../../../random/generator.ts';
import type { FuzzResult } from '../fuzz.ts';
import { mutate } from './mutate.ts';
import { receive } from './receiver.ts';
import { recordSample } from './sample.ts';
import { createScriptMemory, type ScriptMemory } from './scripted-link.ts';

const MUTATION_DRAWS = 0x6d757461;
/** So many mutated streams are made of each real one. */
export const STREAMS_A_SEED = 100;
/** What all streams of a seed may leave behind, in bytes; each of them is some hundred kilobytes long. */
const MOST_GROWTH = 512 * 1024 * 1024;

let shared: ScriptMemory | undefined;

/**
 * Records what a real source sends, makes a hundred streams of it by mutation and has a destination take each. A stream
 * may complete or fail with one sentence. The destination may not throw, hang, write outside its guest's memory, or
 * take much memory for what a length in the stream has said.
 */
export async function fuzzHostile(seed: number, streams = STREAMS_A_SEED): Promise<FuzzResult> {
  const sample = await recordSample(seed);
  const random = new Generator(seed, MUTATION_DRAWS);
  const memory = (shared ??= createScriptMemory());
  const ends: Record<string, number> = {};
  const wrongs: string[] = [];
  const before = process.memoryUsage();
  const whole = receive(
    sample.config,
    memory,
    sample.frames.map((bytes) => ({ bytes, isSealed: true })),
  );
  if (whole.report?.outcome !== 'completed') {
    wrongs.push(`the real stream was not taken: ${whole.report?.error ?? whole.wrongs.join('; ')}`);
  }
  for (let stream = 0; stream < streams; stream++) {
    const { script, done } = mutate(random, sample);
    const { report, wrongs: found } = receive(sample.config, memory, script);
    for (const wrong of found) wrongs.push(`stream ${stream} (${done.join(', ')}): ${wrong}`);
    const end = report?.outcome === 'failed' ? kindOf(report.error!) : (report?.outcome ?? 'wrong');
    ends[end] = (ends[end] ?? 0) + 1;
  }
  const after = process.memoryUsage();
  const growth = after.heapUsed + after.external - before.heapUsed - before.external;
  if (growth > MOST_GROWTH) wrongs.push(`memory has grown by ${growth} bytes`);
  return { seed, outcome: 'played', trouble: 'hostile', wrongs, recoveries: 0, ends };
}

/** Returns a sentence without its numbers and names. */
const kindOf = (sentence: string): string =>
  sentence.replaceAll(/"[^"]*"/g, '"…"').replaceAll(/\d+(\.\d+)?(e\+?\d+)?/g, 'N');
