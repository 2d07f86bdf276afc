/**
 * What the source is doing. In `postcopy-paused` it has no connection, and in `postcopy-recover` it asks
 * which pages have arrived; these two names are QEMU's.
 */
export type SourcePhase =
  | 'setup'
  | 'live'
  | 'stopped'
  | 'handover'
  | 'postcopy'
  | 'over'
  | 'postcopy-paused'
  | 'postcopy-recover';
