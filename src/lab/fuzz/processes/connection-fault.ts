/** What happens to a connection once so many of its bytes have passed in one direction. */
export interface ConnectionFault {
  /** The direction whose bytes count, and which is hit: `forward` is away from who connects. */
  readonly direction: 'forward' | 'backward';
  readonly afterBytes: number;
  readonly happens: ConnectionTrouble;
}

/**
 * The troubles of a connection. `lost`: both ends are closed. `half-open`: who connects is
 * closed, and nothing more reaches the other end, which isn't told. `stall`: nothing passes for a time. `jitter`: each
 * piece from now on waits for up to a time, in its order. `rate`: from now on so many bytes a second pass. `flip`: a bit
 * of the next byte is wrong. `repeat`: so many of the last bytes come again. `gap`: so many bytes are left out. `cut`: the
 * direction ends. `call`: something is called, such as a kill.
 */
export type ConnectionTrouble =
  | { readonly kind: 'lost' | 'half-open' | 'cut' }
  | { readonly kind: 'stall' | 'jitter'; readonly forMs: number }
  | { readonly kind: 'rate'; readonly bytesPerSecond: number }
  | { readonly kind: 'flip'; readonly bit: number }
  | { readonly kind: 'repeat' | 'gap'; readonly bytes: number }
  | { readonly kind: 'call'; readonly act: () => void };

/** The troubles that let every byte pass as it is, in its order. */
export const HARMLESS: ReadonlySet<ConnectionTrouble['kind']> = new Set([
  'stall',
  'jitter',
  'rate',
]);
