import { z } from 'zod';
import { COST_PROFILES, type Costs } from '../runtime/costs.ts';
import { MAX_CHANNELS } from '../wire/limits.ts';
import { parseDuration } from '../units/duration.ts';
import { parseRate } from '../units/rate.ts';
import { parseSize } from '../units/size.ts';
import { choice, duration, flag, positiveDuration, rate, size, whole } from './fields.ts';

/** The key `costs`: the profile of the virtual runtime's costs, and the costs that differ from it. */
export const costs = z.strictObject({
  profile: choice(['kvm', 'qemu-tcg', 'none']).default('kvm'),
  access: positiveDuration.optional(),
  firstWrite: duration.optional(),
  harvestPerGiB: duration.optional(),
  encode: duration.optional(),
  zeroPage: duration.optional(),
  install: duration.optional(),
  hash: duration.optional(),
  xbzrle: duration.optional(),
  compress: duration.optional(),
  decompress: duration.optional(),
  words: duration.optional(),
  handPage: duration.optional(),
  scan: duration.optional(),
  channelCpus: whole(1, MAX_CHANNELS).optional(),
  rawSend: rate.optional(),
  firstSend: rate.optional(),
  senderCpuPerMB: duration.optional(),
  kick: duration.optional(),
  state: duration.optional(),
  stateSize: size.optional(),
  setup: duration.optional(),
  start: duration.optional(),
  wake: duration.optional(),
  faultHandler: duration.optional(),
  minorFault: duration.optional(),
  ringFull: duration.optional(),
  balloonPage: duration.optional(),
  pressure: duration.optional(),
  pseudoPage: duration.optional(),
  hintBlock: duration.optional(),
  hintClear: duration.optional(),
  harvestWaitsForVcpus: flag.optional(),
  windowLag: duration.optional(),
  windowLagPerMB: duration.optional(),
});

type CostsInput = z.output<typeof costs>;
type Quantity = string | number | undefined;

const ns = (value: Quantity, fallback: number): number =>
  value === undefined ? fallback : parseDuration(value);
/** Returns a cost that a profile may lack. */
const nsIfAny = <Name extends string>(
  name: Name,
  value: Quantity,
  fallback: number | undefined,
): Partial<Record<Name, number>> => {
  const cost = value === undefined ? fallback : parseDuration(value);
  return cost === undefined ? {} : ({ [name]: cost } as Record<Name, number>);
};
const nsPerByte = (perMB: Quantity, fallback: number): number =>
  perMB === undefined ? fallback : parseDuration(perMB) / 1e6;
const perSecond = (value: Quantity, fallback: number): number =>
  value === undefined ? fallback : parseRate(value);

/** Returns the numbers of a `costs` section; a cost that it leaves out is that of its profile. */
export function resolveCosts(given: CostsInput): Costs {
  const base = COST_PROFILES[given.profile];
  return {
    accessNs: ns(given.access, base.accessNs),
    firstWriteNs: ns(given.firstWrite, base.firstWriteNs),
    harvestNsPerGiB: ns(given.harvestPerGiB, base.harvestNsPerGiB),
    encodeNs: ns(given.encode, base.encodeNs),
    zeroPageNs: ns(given.zeroPage, base.zeroPageNs),
    installNs: ns(given.install, base.installNs),
    hashNs: ns(given.hash, base.hashNs),
    xbzrleNs: ns(given.xbzrle, base.xbzrleNs),
    ...nsIfAny('compressNs', given.compress, base.compressNs),
    ...nsIfAny('decompressNs', given.decompress, base.decompressNs),
    wordsNs: ns(given.words, base.wordsNs),
    handPageNs: ns(given.handPage, base.handPageNs),
    scanNs: ns(given.scan, base.scanNs),
    channelCpus: given.channelCpus ?? base.channelCpus,
    rawSendBytesPerSecond: perSecond(given.rawSend, base.rawSendBytesPerSecond),
    firstSendBytesPerSecond: perSecond(
      given.firstSend ?? given.rawSend,
      base.firstSendBytesPerSecond,
    ),
    senderCpuNsPerByte: nsPerByte(given.senderCpuPerMB, base.senderCpuNsPerByte),
    kickNs: ns(given.kick, base.kickNs),
    stateNs: ns(given.state, base.stateNs),
    stateBytes: given.stateSize === undefined ? base.stateBytes : parseSize(given.stateSize),
    setupNs: ns(given.setup, base.setupNs),
    startNs: ns(given.start, base.startNs),
    wakeNs: ns(given.wake, base.wakeNs),
    faultHandlerNs: ns(given.faultHandler, base.faultHandlerNs),
    minorFaultNs: ns(given.minorFault, base.minorFaultNs),
    ringFullNs: ns(given.ringFull, base.ringFullNs),
    balloonPageNs: ns(given.balloonPage, base.balloonPageNs),
    pressureNs: ns(given.pressure, base.pressureNs),
    pseudoPageNs: ns(given.pseudoPage, base.pseudoPageNs),
    hintBlockNs: ns(given.hintBlock, base.hintBlockNs),
    hintClearNs: ns(given.hintClear, base.hintClearNs),
    harvestWaitsForVcpus: given.harvestWaitsForVcpus ?? base.harvestWaitsForVcpus,
    windowLagNs: ns(given.windowLag, base.windowLagNs),
    windowLagNsPerByte: nsPerByte(given.windowLagPerMB, base.windowLagNsPerByte),
  };
}
