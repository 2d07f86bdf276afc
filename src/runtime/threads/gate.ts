/** A gate that others wait at until somebody opens it once, with a value for them, or says why it stays shut. */
export class Gate<Value> {
  readonly opened: Promise<Value>;
  #open!: (value: Value) => void;
  #fail!: (error: unknown) => void;

  constructor() {
    this.opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
    // When nobody waits, nobody has to hear of a failure.
    this.opened.catch(() => undefined);
  }

  open(value: Value): void {
    this.#open(value);
  }

  /** Those who wait get the error thrown. */
  fail(error: unknown): void {
    this.#fail(error);
  }
}
