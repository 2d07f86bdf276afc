import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Policy, PolicyAction, PolicyStatistics } from '../../src/migration/policy.ts';

type ActionKind = PolicyAction['kind'];

/** A policy, and what its documentation says about it. */
export interface PolicyKind {
  create(guest: PolicyGuest): Policy;
  /** Every kind of action that the policy gives for the guests below. */
  readonly gives: readonly ActionKind[];
  /** True when the migration has a limiter of its own, which holds the sender back until a window is over. */
  readonly hasWindows: boolean;
}

export interface PolicyGuest {
  readonly pages: number;
  readonly pageSize: number;
  readonly vcpus: number;
  readonly dirtyPagesPerMs: number;
  /** How many different pages are written. */
  readonly writtenPages: number;
  readonly bytesPerMs: number;
}

const WINDOW_MS = 100;
const BATCH_PAGES = 32;
/** After this many decisions a migration is taken to never end, as that of a guest that does not converge. */
const MOST_DECISIONS = 20_000;
/** So many decisions at the start of a migration are made twice; of the later ones every `SAMPLE`-th is. */
const ASKED_TWICE = 500;
/** It is prime, so that the sample does not keep step with windows and batches. */
const SAMPLE = 13;
/** The actions that say how the migration continues. */
const WAYS = new Set<ActionKind>(['continue', 'sync', 'switchover', 'postcopy', 'abort']);
/** The fields that the port defines for each action. */
const FIELDS: Record<ActionKind, readonly string[]> = {
  continue: [],
  sync: [],
  switchover: [],
  postcopy: [],
  throttle: ['share', 'vcpu'],
  stun: ['faults'],
  chunk: [],
  renew: [],
  limit: ['bytesPerSecond'],
  abort: ['reason'],
};

const BASE: PolicyGuest = {
  pages: 8192,
  pageSize: 4096,
  vcpus: 2,
  dirtyPagesPerMs: 5,
  writtenPages: 2000,
  bytesPerMs: 100_000,
};

/** Guests that dirty pages more slowly than they are sent, so that each round leaves less than the one before. */
const CONVERGING: Record<string, PolicyGuest> = {
  'a guest that writes a little': BASE,
  'a guest that writes nothing': { ...BASE, dirtyPagesPerMs: 0 },
  'a guest of one page': { ...BASE, pages: 1, writtenPages: 1, dirtyPagesPerMs: 0.001 },
  'a guest that writes nearly half of what is sent': { ...BASE, dirtyPagesPerMs: 11 },
  'a guest of 2 MiB pages': {
    ...BASE,
    pages: 128,
    pageSize: 2 ** 21,
    dirtyPagesPerMs: 0.01,
    writtenPages: 16,
  },
};

/** A guest that dirties pages faster than they are sent. */
const STUBBORN: PolicyGuest = { ...BASE, dirtyPagesPerMs: 60, writtenPages: 8192 };

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

/** Throws when a condition does not hold. At every decision, `expect` would take most of the test's time. */
function check(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

function checkAction(action: PolicyAction, { vcpus }: PolicyGuest): void {
  const { kind, ...fields } = action;
  check(Object.hasOwn(FIELDS, kind), `an action of the unknown kind ${kind}`);
  const unknown = Object.keys(fields).filter((field) => !FIELDS[kind].includes(field));
  check(unknown.length === 0, `${kind} has the unknown fields ${unknown.join(', ')}`);
  if (action.kind === 'throttle') {
    const { share, vcpu = 0 } = action;
    check(share >= 0 && share <= 0.99, `a throttle of ${share}`);
    check(Number.isInteger(vcpu) && vcpu >= 0 && vcpu < vcpus, `a throttle of vCPU ${vcpu}`);
  }
  if (action.kind === 'limit')
    check(action.bytesPerSecond > 0, `a limit of ${action.bytesPerSecond} bytes a second`);
  if (action.kind === 'stun')
    check(Number.isInteger(action.faults) && action.faults >= 0, `a stun at ${action.faults}`);
  if (action.kind === 'abort') check(action.reason.length > 0, 'an abort without a reason');
}

/** A migration as the source's algorithm performs it, of a guest that consists only of numbers. */
class Migration {
  readonly seen = new Set<ActionKind>();
  decisions = 0;
  readonly #policy: Policy;
  readonly #guest: PolicyGuest;
  readonly #hasWindows: boolean;
  #state: unknown;
  #now: PolicyStatistics;
  #throttle = 0;
  #bytesPerMs: number;
  /** How many pages have been dirtied since the last harvest. */
  #dirty = 0;
  #windowStartMs = 0;
  #windowBytes = 0;

  constructor({ create, hasWindows }: PolicyKind, guest: PolicyGuest) {
    this.#guest = guest;
    this.#hasWindows = hasWindows;
    this.#policy = create(guest);
    this.#state = this.#policy.initial;
    this.#bytesPerMs = guest.bytesPerMs;
    this.#now = {
      event: 'start',
      nowMs: 0,
      round: 1,
      pendingPages: guest.pages,
      pageSize: guest.pageSize,
      transferredBytes: 0,
      accountedBytes: 0,
      sentPages: 0,
      skippedPages: 0,
      dirtiedPages: 0,
      vcpuDirtiedPages: Array.from({ length: guest.vcpus }, () => 0),
      syncs: 1,
      isPostcopy: false,
      isHeldBack: false,
    };
  }

  /** Plays until the migration ends or has taken too many decisions. Returns the last way that it took. */
  play(): ActionKind {
    let way = this.#decide('start');
    while (this.decisions < MOST_DECISIONS) {
      if (way === 'abort' || way === 'postcopy') break;
      if (way === 'switchover') {
        this.#harvest();
        this.#decide('stopped');
        break;
      }
      if (way === 'sync') {
        this.#harvest();
        way = this.#decide('synced');
      } else if (this.#now.isHeldBack) {
        this.#pass(Math.max(1, this.#windowStartMs + WINDOW_MS - this.#now.nowMs));
        way = this.#decide('window');
      } else {
        this.#send();
        way = this.#decide('batch');
      }
    }
    return way;
  }

  #set(news: Partial<PolicyStatistics>): void {
    this.#now = { ...this.#now, ...news };
  }

  #pass(ms: number): void {
    const { dirtyPagesPerMs, writtenPages } = this.#guest;
    const written = dirtyPagesPerMs * ms * (1 - this.#throttle);
    this.#dirty = Math.min(writtenPages, this.#dirty + written);
    const each = written / this.#guest.vcpus;
    const vcpuDirtiedPages = this.#now.vcpuDirtiedPages!.map((pages) => pages + each);
    this.#set({ nowMs: this.#now.nowMs + ms, vcpuDirtiedPages });
  }

  #send(): void {
    const { pageSize, pages } = this.#guest;
    const taken = Math.min(this.#now.pendingPages, Math.max(1, Math.min(BATCH_PAGES, pages >> 4)));
    const skipped = this.#policy.skipsRedirtied ? Math.floor((taken * this.#dirty) / pages) : 0;
    const sent = taken - skipped;
    const bytes = sent * pageSize;
    this.#pass(Math.max(0.01, bytes / this.#bytesPerMs));
    this.#windowBytes += bytes;
    this.#set({
      pendingPages: this.#now.pendingPages - taken,
      sentPages: this.#now.sentPages + sent,
      skippedPages: this.#now.skippedPages + skipped,
      transferredBytes: this.#now.transferredBytes + bytes,
      accountedBytes: this.#now.accountedBytes + bytes,
      isHeldBack: this.#hasWindows && this.#windowBytes > (this.#bytesPerMs * WINDOW_MS) / 2,
    });
  }

  #harvest(): void {
    this.#pass(0.1);
    const dirtiedPages = Math.floor(this.#dirty);
    this.#dirty -= dirtiedPages;
    const isNewRound = this.#now.pendingPages === 0;
    this.#set({
      dirtiedPages,
      pendingPages: Math.min(this.#guest.pages, this.#now.pendingPages + dirtiedPages),
      syncs: this.#now.syncs + 1,
      ...(isNewRound ? { round: this.#now.round + 1, skippedPages: 0 } : {}),
    });
  }

  #decide(event: PolicyStatistics['event']): ActionKind {
    this.decisions++;
    this.#set({ event });
    const isAskedTwice = this.decisions <= ASKED_TWICE || this.decisions % SAMPLE === 0;
    const decision = isAskedTwice ? this.#askTwice() : this.#policy.decide(this.#state, this.#now);
    this.#state = decision.state;
    let way: ActionKind = 'continue';
    for (const action of decision.actions) {
      checkAction(action, this.#guest);
      this.seen.add(action.kind);
      if (WAYS.has(action.kind)) way = action.kind;
      else this.#obey(action);
    }
    return way;
  }

  /** Asks the policy the same question twice; it must answer alike, with plain data, and leave its arguments alone. */
  #askTwice(): ReturnType<Policy['decide']> {
    const again = freeze(structuredClone([this.#state, this.#now] as const));
    // A policy must not change its arguments; they are frozen, so that a store into them throws.
    const decision = this.#policy.decide(freeze(this.#state), freeze(this.#now));
    check(
      isDeepStrictEqual(this.#policy.decide(...again), decision),
      `another answer to the same statistics, at decision ${this.decisions}`,
    );
    check(
      isDeepStrictEqual(structuredClone(decision.state), decision.state),
      'a state that is no plain data',
    );
    return decision;
  }

  #obey(action: PolicyAction): void {
    if (action.kind === 'throttle') this.#throttle = action.share;
    if (action.kind === 'limit')
      this.#bytesPerMs = Math.min(this.#guest.bytesPerMs, action.bytesPerSecond / 1000);
    if (action.kind !== 'renew') return;
    this.#windowStartMs = this.#now.nowMs;
    this.#windowBytes = 0;
    this.#set({ isHeldBack: false });
  }
}

/** Tests what every policy must do. Decisions are made twice, from frozen data. */
export function policyConformance(name: string, kind: PolicyKind): void {
  describe(`the policy ${name}`, () => {
    const seen = new Set<ActionKind>();
    const play = (guest: PolicyGuest): ActionKind => {
      const migration = new Migration(kind, guest);
      const way = migration.play();
      for (const action of migration.seen) seen.add(action);
      return way;
    };

    it('ends a migration of every guest that converges, and gives the actions that it is known for', () => {
      for (const [guest, its] of Object.entries(CONVERGING)) {
        expect(['switchover', 'postcopy'], guest).toContain(play(its));
      }
      for (const guest of [STUBBORN, { ...STUBBORN, pages: 65_536 }]) play(guest);
      expect([...seen].toSorted()).toEqual(kind.gives.toSorted());
    });

    it('begins every migration alike, whatever an earlier one was', () => {
      const policy = kind.create(BASE);
      const before = structuredClone(policy.initial);
      const shared: PolicyKind = { ...kind, create: () => policy };
      const first = new Migration(shared, BASE);
      first.play();
      expect(policy.initial).toEqual(before);
      const second = new Migration(shared, BASE);
      second.play();
      expect(second.decisions).toBe(first.decisions);
    });
  });
}
