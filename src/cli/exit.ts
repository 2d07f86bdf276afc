/** Exit codes of every command. */
export const EXIT = {
  done: 0,
  /** The run did not complete: cancelled, diverged, failed. */
  notCompleted: 1,
  badInput: 2,
  /** A byte differed; over all others. */
  differs: 3,
  /** Second Ctrl-C. */
  interrupted: 130,
} as const;
