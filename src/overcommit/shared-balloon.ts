import { BALLOON_TARGET, balloonPagesOf } from '../memory/handshake/words.ts';
import type { BalloonConfig, HostedBalloon } from './balloon.ts';

/** The balloon of a guest whose vCPUs run in threads, as its host sees it: each vCPU moves a part of it. */
export class SharedBalloon implements HostedBalloon {
  readonly #config: BalloonConfig;
  readonly #words: Int32Array;
  readonly #vcpus: number;

  constructor(config: BalloonConfig, words: Int32Array, vcpus: number) {
    this.#config = config;
    this.#words = words;
    this.#vcpus = vcpus;
  }

  get mostPages(): number {
    return this.#config.mostPages;
  }

  get pages(): number {
    let pages = 0;
    for (let vcpu = 0; vcpu < this.#vcpus; vcpu++) {
      pages += Atomics.load(this.#words, balloonPagesOf(vcpu + 1));
    }
    return pages;
  }

  get targetPages(): number {
    return Atomics.load(this.#words, BALLOON_TARGET);
  }

  set targetPages(pages: number) {
    Atomics.store(this.#words, BALLOON_TARGET, Math.floor(pages));
  }

  room(guestNs: number): number {
    const { bootNs, mostPages } = this.#config;
    return guestNs < bootNs ? 0 : Math.max(0, mostPages - this.pages);
  }

  /** Does nothing, since the vCPUs move the balloon themselves. */
  advance(): void {}
}
