/**
 * A queue of events in the order of (time, class, sequence): of the events at one time those of the lower class
 * come first, and of those of one class the one that was scheduled first. So the same schedule always plays in
 * the same order. An item has at most one place in the queue; scheduling it again moves it. The queue is a
 * binary heap: scheduling and taking cost the logarithm of its size.
 */
export class EventQueue<Item> {
  readonly #heap: Entry<Item>[] = [];
  readonly #entries = new Map<Item, Entry<Item>>();
  #sequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** The time of the first event in nanoseconds; Infinity when there is none. */
  get nextNs(): number {
    return this.#heap[0]?.atNs ?? Infinity;
  }

  /** Schedules an item, or moves it to another time or class. With `atNs` Infinity it leaves the queue. */
  schedule(item: Item, atNs: number, eventClass = 0): void {
    const known = this.#entries.get(item);
    if (known) this.#removeAt(known.place);
    this.#entries.delete(item);
    if (atNs === Infinity) return;
    const place = this.#heap.length;
    const entry = { item, atNs, eventClass, sequence: this.#sequence++, place };
    this.#entries.set(item, entry);
    this.#heap.push(entry);
    this.#rise(place);
  }

  /** Takes the first event out of the queue and returns it; undefined when there is none. */
  take(): { readonly item: Item; readonly atNs: number } | undefined {
    const first = this.#heap[0];
    if (!first) return undefined;
    this.#removeAt(0);
    this.#entries.delete(first.item);
    return first;
  }

  #removeAt(place: number): void {
    const last = this.#heap.pop()!;
    if (place === this.#heap.length) return;
    this.#put(last, place);
    this.#rise(place);
    this.#sink(last.place);
  }

  #rise(from: number): void {
    let place = from;
    const entry = this.#heap[place]!;
    while (place > 0) {
      const parent = this.#heap[(place - 1) >>> 1]!;
      if (!isBefore(entry, parent)) break;
      this.#put(parent, place);
      place = (place - 1) >>> 1;
    }
    this.#put(entry, place);
  }

  #sink(from: number): void {
    let place = from;
    const entry = this.#heap[place]!;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#heap.length) break;
      const right = this.#heap[child + 1];
      if (right && isBefore(right, this.#heap[child]!)) child++;
      if (!isBefore(this.#heap[child]!, entry)) break;
      this.#put(this.#heap[child]!, place);
      place = child;
    }
    this.#put(entry, place);
  }

  #put(entry: Entry<Item>, place: number): void {
    entry.place = place;
    this.#heap[place] = entry;
  }
}

interface Entry<Item> {
  readonly item: Item;
  readonly atNs: number;
  readonly eventClass: number;
  readonly sequence: number;
  /** Its index in the heap. */
  place: number;
}

function isBefore<Item>(a: Entry<Item>, b: Entry<Item>): boolean {
  if (a.atNs !== b.atNs) return a.atNs < b.atNs;
  if (a.eventClass !== b.eventClass) return a.eventClass < b.eventClass;
  return a.sequence < b.sequence;
}
