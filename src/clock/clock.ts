/** The source of all time. One run has one clock, and every part of the run is handed that clock. */
export interface Clock {
  /** Returns the nanoseconds since the clock's origin, never less than before. */
  now(): number;
}
