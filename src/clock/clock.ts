/** Where all time comes from. One run has one clock, and every part of it is handed that clock. */
export interface Clock {
  /** Nanoseconds since the clock's origin; never goes back. */
  now(): number;
}
