import { RESULT_DESCRIPTIONS } from '../../result/descriptions.ts';
import type { Descriptions } from '../../scenario/descriptions.ts';

const HOST: Descriptions = {
  host: 'the host itself.',
  'host.memoryBytes': 'its machine memory.',
  'host.commitment':
    "the guests' memory as a share of the host's; above 1 the host is overcommitted.",
  'host.minFreeBytes': 'the least memory that was free at a sample.',
  'host.states': "each change of the state of its memory; it begins in 'high'.",
  'host.states[].atMs': 'when it changed.',
  'host.states[].state': 'the state from then on.',
  'host.timeMs': 'how long its memory was in each state, by its name.',
  'host.sharing': 'what the scan for equal pages did; absent when the host does not share.',
  'host.sharing.scanned': 'pages that were hashed and looked up.',
  'host.sharing.shared': 'pages that came to share a machine page.',
  'host.sharing.copied': 'shared pages that were copied because their guest wrote.',
  'host.sharing.takenOver': 'shared pages that their last sharer took over when it wrote.',
  'host.sharing.staleHints': 'hints whose page had changed.',
  'host.sharing.falseMatches': 'pages with the hash of another page, and other bytes.',
  'host.sharing.tableBytesPerFrame': 'the size of the hash table for each page in it.',
  'host.paging': 'what the host paged, as counts of pages.',
  'host.paging.swappedOut': 'written to the swap store.',
  'host.paging.swappedIn': 'read from it.',
  'host.paging.sharedInstead':
    'victims that were not written, because they were found to be equal to other pages.',
  'host.paging.zeroed': 'first touches of pages without contents.',
  'host.paging.readBytes': 'what the swap device read.',
  'host.paging.writtenBytes': 'what it wrote.',
};

const GUESTS: Descriptions = {
  guests: 'one entry for each guest, in the order of the file.',
  'guests[].name': 'its name.',
  'guests[].memoryBytes': 'its memory.',
  'guests[].minBytes': 'what it was guaranteed.',
  'guests[].shares': 'its shares at first.',
  'guests[].startMs': 'when it started.',
  'guests[].stopMs': 'when it stopped; absent when it ran to the end.',
  'guests[].resetMs': 'when it reset; absent when it never did.',
  'guests[].accesses': 'the accesses that it made.',
  'guests[].accessesPerSecond': 'the same a second, while it ran.',
  'guests[].pagedOut': 'pages that it wrote to its own disk.',
  'guests[].pagedIn': 'pages that it read from there.',
  'guests[].doublePaged': 'pages that it wrote there and that the host had to swap in first.',
  'guests[].popped':
    "pages of its balloon that it touched after its reset, until the balloon's driver was reset too; absent when it never reset.",
  'guests[].verify': 'the proof of its memory; absent when the host was not proved.',
  ...Object.fromEntries(
    Object.entries(RESULT_DESCRIPTIONS).flatMap(([key, about]) =>
      key.startsWith('verify.') ? [[`guests[].${key}`, about]] : [],
    ),
  ),
};

const SERIES: Descriptions = {
  series: 'samples over time; each list has a value for each of timesMs.',
  'series.timesMs': 'the times of the samples.',
  'series.freeBytes': 'machine memory that was free.',
  'series.reclaimedBytes': 'machine memory that sharing saved.',
  'series.states': "the state of the host's memory.",
  'series.guests': 'the series of each guest; a value is null while the guest does not run.',
  'series.guests[].name': 'its name.',
  'series.guests[].allocatedBytes':
    'pages that have machine memory; those that share it are counted as well.',
  'series.guests[].targetBytes': 'what the host wants it to have.',
  'series.guests[].activeBytes': "the host's estimate of what it uses.",
  'series.guests[].balloonedBytes': 'its balloon.',
  'series.guests[].sharedBytes': 'pages that share machine memory.',
  'series.guests[].swappedBytes': 'pages in the swap store.',
};

/** The fields of `pageferry/host@1`. */
export const HOST_RESULT_DESCRIPTIONS: Descriptions = {
  schema: 'the name and the version of this format.',
  version: 'the version of the program.',
  scenario: 'the file with its defaults; it can be used again as it is.',
  runtime: 'as the file says.',
  clock: 'the clock on which times were measured.',
  outcome: 'cancelled: by a person; failed: the error says why.',
  error: 'why the host could not go on.',
  durationMs: 'how long it lived.',
  ...HOST,
  ...GUESTS,
  ...SERIES,
  problems: "sentences about what in the host's own records contradicts itself.",
  ok: 'whether all guests and records were proved; absent when nobody tried.',
};
