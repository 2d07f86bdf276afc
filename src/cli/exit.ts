/** The exit codes of all commands. */
export const EXIT = {
  done: 0,
  /** The run was cancelled, diverged or failed; or a bench or a comparison found a regression. */
  notCompleted: 1,
  badInput: 2,
  /** A byte differed. This code comes before all others. */
  differs: 3,
  /** The user pressed Ctrl-C twice. */
  interrupted: 130,
} as const;
