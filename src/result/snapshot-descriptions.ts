import type { Descriptions } from '../scenario/descriptions.ts';
import { RESULT_DESCRIPTIONS } from './descriptions.ts';

/** Says what each field of the results of saves and restores means, for the reference. */

/** Returns the descriptions of the keys of a run's result that begin with one of these. */
const ofRun = (...heads: readonly string[]): Descriptions =>
  Object.fromEntries(
    Object.entries(RESULT_DESCRIPTIONS).filter(([key]) =>
      heads.some(
        (head) => key === head || key.startsWith(`${head}.`) || key.startsWith(`${head}[`),
      ),
    ),
  );

const COMMON: Descriptions = {
  ...ofRun('version', 'scenario', 'host', 'runtime', 'clock', 'verify'),
  outcome: 'how it ended.',
  error: 'why it did not complete.',
};

export const SAVE_DESCRIPTIONS: Descriptions = {
  ...COMMON,
  ...ofRun('rounds'),
  schema: 'the name of this shape.',
  mode: 'how the guest was saved: paused, while it ran until the last pages, or as it was when the save began.',
  file: 'the snapshot.',
  'file.path': 'its path, as it was given.',
  'file.base': 'the snapshot of which only differing pages were written.',
  'file.direct': 'whether pages went to the disk past the page cache.',
  'file.channels': 'how many threads wrote pages; 1 is the thread that reads them, too.',
  totalTimeMs: 'how long the save took, until the file was complete and on the disk.',
  pausedMs:
    'how long the vCPUs stood still: until the file was complete or, in the background, until they went on.',
  pages: 'pages of the guest.',
  'pages.pageSize': 'the size of a page.',
  'pages.total': 'how many the guest has.',
  'pages.here': 'how many have their bytes in the file.',
  'pages.base': 'how many have their bytes in the base.',
  'pages.zero': 'how many are zero and take no room.',
  'pages.written': 'how often a page was written; a live save writes some again.',
  'pages.same': 'how often a page was found to be the same as in the base.',
  'pages.copied':
    'how many were copied because the guest was about to write them; only in the background.',
  writtenBytesPerSecond: 'the bytes of the written pages over the total time.',
  guest: 'what the guest did.',
  'guest.savedAccesses': 'how many accesses it had made when its state was saved.',
  'guest.accesses': 'how many it had made in the end; more if it ran on.',
  'guest.achievedRate': 'the accesses a second of each workload before the save.',
  ...Object.fromEntries(
    Object.entries(ofRun('verify')).map(([key, about]) => [`guestV${key.slice(1)}`, about]),
  ),
  verify: 'the proof of the file, which is read again for it.',
  guestVerify: 'the proof of a guest that ran on after the save.',
};

export const RESTORE_DESCRIPTIONS: Descriptions = {
  ...COMMON,
  ...ofRun('faults'),
  schema: 'the name of this shape.',
  guestLost: 'the guest ran, but pages of it could not be read any more.',
  file: 'the snapshot.',
  'file.path': 'its path, as it was given.',
  'file.mode': 'how the guest was saved.',
  'file.identity': 'the SHA-256 of its header, which covers the checksums of all pages.',
  'file.bases':
    'the paths of the files that have the other pages, in the order in which they refer to one another.',
  lazy: 'whether the guest ran before all pages were read.',
  readBytes: 'the bytes of the pages that were read.',
  runningMs: 'when the guest ran, from the start of the restore.',
  firstAccessMs: 'when it had made its first access.',
  fullSpeedMs:
    'when it made nine tenths of the accesses that it usually made later; known to the length of a period of the timeline.',
  presentMs: 'when all of its pages were there.',
  readBytesPerSecond: 'the bytes that were read over that time.',
  pages: 'pages of the guest.',
  'pages.pageSize': 'the size of a page.',
  'pages.total': 'how many the guest has.',
  workingSet: 'the pages that the guest needed first.',
  'workingSet.prefetchedPages':
    'how many were read before the others, as an earlier restore had recorded.',
  'workingSet.recordedPages': 'how many this restore has recorded.',
  guest: 'what the guest did.',
  'guest.savedAccesses': 'how many accesses it had made when it was saved.',
  'guest.accesses': 'how many it had made in the end.',
  ...ofRun('guest.timeline'),
  verify: 'the proof over all of its lives, from its initial contents on.',
};
