/** Lets the rest of the program have its turn: timers, signals, what a terminal shows. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
