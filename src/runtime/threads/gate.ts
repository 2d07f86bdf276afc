/** Something that others wait for, which is opened once, with a value for them. */
export class Gate<Value> {
  readonly opened: Promise<Value>;
  #open!: (value: Value) => void;

  constructor() {
    this.opened = new Promise((resolve) => (this.#open = resolve));
  }

  open(value: Value): void {
    this.#open(value);
  }
}
