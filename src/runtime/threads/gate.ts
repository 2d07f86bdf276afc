/** A gate that others wait at until it is opened, once, with a value for them. */
export class Gate<Value> {
  /** Resolves to the value when the gate is opened. */
  readonly opened: Promise<Value>;
  #open!: (value: Value) => void;

  constructor() {
    this.opened = new Promise((resolve) => (this.#open = resolve));
  }

  open(value: Value): void {
    this.#open(value);
  }
}
