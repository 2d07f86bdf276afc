import type { GuestMemory } from '../../memory/guest-memory.ts';
import { MOST_TABLE_BYTES, SentPages } from '../../migration/references/sent-pages.ts';
import type { OpenPeerPages } from '../../wire/reference-reader.ts';
import { giveBackGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import type { RunConfig } from '../config.ts';
import type { GuestSpec, ReferenceTable } from '../world/world.ts';
import type { VirtualGuest } from './guest.ts';

/** The guests that move from one host to another and may name each other's pages. */
export interface Gang {
  /** What the source host knows of the pages that it has sent. */
  readonly sent: SentPages;
  /** The guests at the target host. */
  readonly peers: GangPeers;
}

/**
 * The memory of guests at their target host, by number. A guest that has moved and that nobody has looked at since is
 * advanced to the present before a reference to one of its pages is checked.
 */
export class GangPeers implements OpenPeerPages {
  readonly #now: () => number;
  readonly #memories = new Map<number, GuestMemory>();
  readonly #guests = new Map<GuestMemory, VirtualGuest>();

  /** `now` is the world's time. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Notes whose memory it is that joins later. */
  announce(memory: GuestMemory, guest: VirtualGuest): void {
    this.#guests.set(memory, guest);
  }

  has(number: number): boolean {
    return this.#memories.has(number);
  }

  set(number: number, memory: GuestMemory): void {
    this.#memories.set(number, memory);
  }

  get(number: number): GuestMemory | undefined {
    const memory = this.#memories.get(number);
    const guest = memory && this.#guests.get(memory);
    if (guest && !guest.isMigrating) guest.advance(this.#now());
    return memory;
  }

  /** Takes a guest's memory away, which is about to be freed. */
  forget(memory: GuestMemory): void {
    this.#guests.delete(memory);
    for (const [number, other] of this.#memories) {
      if (other === memory) this.#memories.delete(number);
    }
  }

  clear(): void {
    this.#memories.clear();
    this.#guests.clear();
  }
}

const mayRefer = ({ migration }: Pick<RunConfig, 'migration'>): boolean =>
  migration.encodings.includes('reference');

/**
 * The gangs of a world. The memory of a guest that has moved is kept at its target until the world's end, where it
 * stands still once its `runAfter` is over, because references of later guests may name its pages.
 */
export class Gangs {
  readonly #gangs = new Map<string, Gang & Pick<ReferenceTable, 'from' | 'to' | 'pageSize'>>();
  readonly #kept: SharedGuestSide[] = [];
  readonly #now: () => number;
  #pages = 0;

  /** `now` is the world's time. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts the pages of a guest that is settled, by which the tables get their sizes. */
  expect({ config }: GuestSpec): void {
    const { memoryBytes, pageSize } = config.guest;
    if (mayRefer(config)) this.#pages += memoryBytes / pageSize;
  }

  /** Returns the gang of a guest that begins to move; undefined if its pages are never sent as references. */
  of(from: string, to: string, config: RunConfig): Gang | undefined {
    if (!mayRefer(config)) return undefined;
    const { pageSize } = config.guest;
    const key = JSON.stringify([from, to, pageSize]);
    const known = this.#gangs.get(key);
    if (known) return known;
    const sent = new SentPages(pageSize, MOST_TABLE_BYTES, this.#pages);
    const gang = { sent, peers: new GangPeers(this.#now), from, to, pageSize };
    this.#gangs.set(key, gang);
    return gang;
  }

  /** Keeps a guest's memory at its target until the world's end. */
  keep(side: SharedGuestSide): void {
    this.#kept.push(side);
  }

  /** Gives back all memory that was kept. */
  giveBack(): void {
    for (const side of this.#kept.splice(0)) giveBackGuestSide(side);
    for (const { peers } of this.#gangs.values()) peers.clear();
  }

  /** The tables of what was sent, in the order in which their first guests began to move. */
  get tables(): readonly ReferenceTable[] {
    return [...this.#gangs.values()].map(({ sent, from, to, pageSize }) => ({
      from,
      to,
      pageSize,
      entries: sent.table.entries,
      bytes: sent.table.bytes,
    }));
  }
}
