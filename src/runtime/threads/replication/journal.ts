import { deserialize, serialize } from 'node:v8';
import type { VcpuState } from '../../../guest/vcpu-state.ts';
import { RingConsumer, RingProducer, type SharedRing } from '../../../link/ring.ts';
import type { CodeCounts } from '../../../replication/compression.ts';
import type { PacketRun } from '../../../replication/net-buffer.ts';
import type { BackupEnd, EpochRecord, PrimaryEnd } from '../../../replication/ports.ts';
import { RunAborted } from '../driver.ts';

/** What the sender of a pair of hosts has done so far. */
export interface SenderTotals {
  readonly bytes: number;
  readonly codes: CodeCounts;
  readonly cache: { readonly hits: number; readonly lookUps: number };
  /** How long it has encoded pages, in nanoseconds. */
  readonly senderNs: number;
}

/** What the thread of a host tells the world. Pairs of hosts count from 0; times are on the threads' clock. */
export type HostNews =
  /** These packets have left the host. */
  | { readonly kind: 'packets'; readonly run: PacketRun; readonly atNs: number }
  /** This epoch has been acknowledged, and its packets have left. */
  | {
      readonly kind: 'epoch';
      readonly pair: number;
      readonly record: EpochRecord;
      readonly totals: SenderTotals;
      readonly writtenBlocks: number;
      readonly mostHeldBytes: number;
    }
  /** The state of a complete epoch has been loaded, and the guest is about to run from there. */
  | {
      readonly kind: 'ready';
      readonly pair: number;
      readonly epoch: number;
      readonly vcpus: readonly VcpuState[];
      readonly atNs: number;
    }
  | {
      readonly kind: 'primaryEnd';
      readonly pair: number;
      readonly end: PrimaryEnd;
      readonly totals: SenderTotals;
    }
  | { readonly kind: 'backupEnd'; readonly pair: number; readonly end: BackupEnd };

/** A writer that finds the journal full looks again after this time. */
const FULL_MS = 1;
/** No more bytes than this are in one record. */
const MOST_NEWS_BYTES = 1024 * 1024;

/**
 * The journal of a host lies in memory that outlives its threads, and the world reads it. It is the host's network card as
 * well: a packet has left when the record that says so has been published, and not before. A record is published by one
 * atomic store behind its bytes, so one that the writer's death has cut short does not exist.
 */
export class JournalWriter {
  readonly #producer: RingProducer;
  readonly #isAborted: () => boolean;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));

  constructor(ring: SharedRing, isAborted: () => boolean) {
    this.#producer = new RingProducer(ring);
    this.#isAborted = isAborted;
  }

  /** Writes a record; blocks while the journal is full. Throws RunAborted. */
  write(news: HostNews): void {
    const bytes = serialize(news);
    if (bytes.length > MOST_NEWS_BYTES) throw new RangeError(`${news.kind} does not fit a record`);
    let at = this.#producer.reserve(bytes.length);
    while (at < 0) {
      if (this.#isAborted()) throw new RunAborted('the run was aborted');
      Atomics.wait(this.#sleep, 0, 0, FULL_MS);
      at = this.#producer.reserve(bytes.length);
    }
    this.#producer.memory.bytes.set(bytes, at);
    this.#producer.commit(bytes.length, 0);
  }
}

/** The world's end of a host's journal. */
export class JournalReader {
  readonly #consumer: RingConsumer;

  constructor(ring: SharedRing) {
    this.#consumer = new RingConsumer(ring);
  }

  /** Returns what the host has told since the last call. */
  read(): HostNews[] {
    const news: HostNews[] = [];
    const { bytes } = this.#consumer.memory;
    for (let record = this.#consumer.peek(); record; record = this.#consumer.peek()) {
      // The record's room is given back right after this, so the bytes are copied.
      news.push(deserialize(bytes.slice(record.at, record.at + record.bytes)) as HostNews);
      this.#consumer.release(record.room);
    }
    return news;
  }
}
