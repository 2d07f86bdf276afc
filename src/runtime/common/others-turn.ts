/** Resolves after the event loop has run the rest of the program: timers, signals and output to a terminal. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
