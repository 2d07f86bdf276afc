import { beforeEach, describe, expect, it } from 'vitest';
import { SecondaryNews } from '../../src/replication/colo/secondary-news.ts';
import { encodeEpochOutputs, type EpochOutputs } from '../../src/wire/epoch-outputs.ts';
import { encodeEpoch, type EpochMessage, packEpoch } from '../../src/wire/epochs.ts';
import { type Frame, type FrameMemory, openFrame } from '../../src/wire/frame.ts';
import { encodeRanges } from '../../src/wire/ranges.ts';
import { sampleMemory } from '../support/frame-samples.ts';

const PAGES = 20;

function frameOf(encode: (memory: FrameMemory) => number): Frame {
  const memory = sampleMemory();
  return openFrame(memory, 0, encode(memory), 0);
}

const message = (one: EpochMessage): Frame =>
  frameOf((memory) => encodeEpoch(memory, 0, one.name, packEpoch(one), 0));

const paused = (epoch: number, pages: number) =>
  message({ name: 'paused', body: { epoch, pages } });
const committed = (epoch: number) => message({ name: 'committed', body: { epoch } });
const loaded = (epoch: number) => message({ name: 'loaded', body: { epoch } });
const outputs = (epoch: number) =>
  frameOf((memory) =>
    encodeEpochOutputs(memory, 0, { epoch, stream: 0, from: 1, sums: [1, 2] }, 0),
  );
const dirty = (...ranges: number[]) =>
  frameOf((memory) => encodeRanges(memory, 0, 'dirty', ranges, 0, ranges.length / 2, 0));

describe('what a primary hears of its secondary', () => {
  let news: SecondaryNews;
  let heard: EpochOutputs[];

  /** The secondary runs from the first checkpoint on. */
  beforeEach(() => {
    heard = [];
    news = new SecondaryNews({ pages: PAGES, streams: 1 }, (one) => void heard.push(one));
    news.sent = 0;
    news.take(committed(0));
    news.take(loaded(0));
  });

  it('is a checkpoint step by step, with the packets and dirty pages before it', () => {
    expect(news.take(message({ name: 'heartbeat', body: {} }))).toBe(false);
    expect(news.take(outputs(0))).toBe(true);
    expect(heard).toHaveLength(1);
    news.asked = 1;
    news.take(dirty(3, 2, 9, 1));
    news.take(paused(1, 3));
    news.sent = 1;
    news.take(committed(1));
    news.take(loaded(1));
    expect(news).toMatchObject({ paused: 1, committed: 1, loaded: 1 });
    const runs: number[][] = [];
    const count = news.moveDirtyTo({ addRun: (...run: number[]) => runs.push(run) } as never);
    expect([count, runs]).toEqual([
      3,
      [
        [3, 2],
        [9, 1],
      ],
    ]);
  });

  it.each<[string, string, (to: SecondaryNews) => void]>([
    ['a pause that nobody has asked for', 'paused out of turn', (to) => to.take(paused(1, 0))],
    ['a checkpoint that has not been sent', 'committed out of turn', (to) => to.take(committed(1))],
    ['a load before its checkpoint', 'loaded out of turn', (to) => to.take(loaded(1))],
    ['packets of another checkpoint', 'outputs came out of turn', (to) => to.take(outputs(1))],
    ['dirty pages while it runs', 'dirty pages came out of turn', (to) => to.take(dirty(1, 1))],
    [
      'fewer dirty pages than it says',
      'dirty pages are missing',
      (to) => {
        to.asked = 1;
        to.take(dirty(1, 1));
        to.take(paused(1, 2));
      },
    ],
    [
      'more dirty pages than there are',
      'has dirtied too many pages',
      (to) => {
        to.asked = 1;
        for (let i = 0; i < 2; i++) to.take(dirty(0, PAGES));
      },
    ],
    [
      "a primary's message",
      'pause out of turn',
      (to) => to.take(message({ name: 'pause', body: { epoch: 1 } })),
    ],
  ])('is refused with %s', (_, why, act) => {
    expect(() => act(news)).toThrow(why);
  });
});
