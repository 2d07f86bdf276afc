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

const OTHERS: Descriptions = {
  others: 'further hosts, to which guests may have migrated; absent when there are none.',
  'others[].name': 'its name.',
  'others[].memoryBytes': 'its machine memory.',
  'others[].minFreeBytes': 'the least memory that was free at a sample.',
  'others[].states': "each change of the state of its memory; it begins in 'high'.",
  'others[].states[].atMs': 'when it changed.',
  'others[].states[].state': 'the state from then on.',
  'others[].timeMs': 'how long its memory was in each state, by its name.',
  ...Object.fromEntries(
    Object.entries(HOST).flatMap(([key, about]) => {
      const isOwn = key.startsWith('host.sharing') || key.startsWith('host.paging');
      const isFirst = /tableBytes|readBytes|writtenBytes/.test(key);
      return isOwn && !isFirst ? [[key.replace('host.', 'others[].'), about]] : [];
    }),
  ),
};

const MIGRATIONS: Descriptions = {
  migrations:
    'the migrations between the hosts, in the order in which they were asked for; absent when there were none.',
  'migrations[].guest': 'the guest that was to move.',
  'migrations[].from': "the host that it was on; the first host is called 'host'.",
  'migrations[].to': 'the host that it was to move to.',
  'migrations[].askedMs': 'when the migration was asked for.',
  'migrations[].startMs':
    'when it began, later when the balloon was inflated before; absent when it was refused.',
  'migrations[].endMs': 'when it had ended.',
  'migrations[].refusal': 'why it did not begin.',
  'migrations[].balloonedBytes': "the guest's balloon when the migration began.",
  'migrations[].fetchedPages':
    "swapped pages that the source's host brought in because they were to be sent.",
  'migrations[].swappedPages':
    'pages that stayed in the swap store, of which the slots moved; absent unless the hosts share it.',
  'migrations[].usedBytes': 'what both hosts had in use of their machine memory together.',
  'migrations[].usedBytes.before': 'when the migration began.',
  'migrations[].usedBytes.peak': 'at most while it went on, looked at every 10 ms.',
  'migrations[].usedBytes.after': 'when the source had freed what the guest had there.',
  'migrations[].run':
    "the result of the migration, as a run of this guest alone would have it; its proof is that of the guest's whole life.",
  ...Object.fromEntries(
    Object.entries(RESULT_DESCRIPTIONS).map(([key, about]) => [`migrations[].run.${key}`, about]),
  ),
};

const SERIES: Descriptions = {
  series: 'samples over time; each list has a value for each of timesMs.',
  'series.timesMs': 'the times of the samples.',
  'series.freeBytes': 'machine memory that was free.',
  'series.reclaimedBytes': 'machine memory that sharing saved.',
  'series.states': "the state of the host's memory.",
  'series.others': 'the same of further hosts; absent when there are none.',
  'series.others[].name': 'the name of the host.',
  'series.others[].freeBytes': 'machine memory that was free.',
  'series.others[].reclaimedBytes': 'machine memory that sharing saved.',
  'series.others[].states': "the state of the host's memory.",
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
  ...OTHERS,
  ...GUESTS,
  ...MIGRATIONS,
  ...SERIES,
  problems: "sentences about what in the host's own records contradicts itself.",
  ok: 'whether all guests and records were proved; absent when nobody tried.',
};
