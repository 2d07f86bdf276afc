import type { SharingConfig } from '../../overcommit/config.ts';

export type SharingPreset = 'esx2' | 'esx4' | 'ksm';

/** How fast hosts scan for equal pages by default, in pages a second. */
export const SHARING_PRESETS: Readonly<Record<SharingPreset, SharingConfig>> = {
  /** The manual of ESX 2 (chapter 12): Mem.ShareScanVM is 50 and Mem.ShareScanTotal is 200 pages a second. */
  esx2: { guestPagesPerSecond: 50, pagesPerSecond: 200 },
  /**
   * The manual of ESX 4: Mem.ShareScanGHz allows 4 MB a second for each GHz of the host's CPUs; 8 GHz are assumed here.
   * Mem.ShareScanTime, 60 minutes for a whole guest, is the limit of a guest: 73 pages a second for 1 GiB.
   */
  esx4: { guestPagesPerSecond: 73, pagesPerSecond: 8192 },
  /** Linux KSM (Documentation/admin-guide/mm/ksm.rst): pages_to_scan 100 every sleep_millisecs 20. */
  ksm: { guestPagesPerSecond: 5000, pagesPerSecond: 5000 },
};

export const SHARING_PRESET_NAMES = Object.keys(SHARING_PRESETS) as [
  SharingPreset,
  ...SharingPreset[],
];
