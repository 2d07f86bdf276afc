import type { DeviceSpec } from '../../guest/devices/device.ts';

/** Work on devices during which no page gets on, as the source knows it. */
export interface DeviceHoldUp {
  /** The source saves a device of the stopped guest, or the destination loads initial bytes. */
  readonly work: 'save' | 'load';
  /** The kinds of the devices. */
  readonly kinds: readonly string[];
  /** How long it has held pages up. */
  readonly heldNs: number;
  /** How long it will still take. */
  readonly leftNs: number;
}

/** A device all of whose initial bytes have been sent. */
export interface InitialState {
  readonly spec: Pick<DeviceSpec, 'kind' | 'loadInitialNs'>;
  readonly sentNs: number;
}

/**
 * Works out how long the destination has loaded initial bytes from `fromNs` until `endNs`, when all were loaded or the
 * source knows no more; `nowNs` is the present. The destination loads one device after the other and takes no frame
 * meanwhile. Returns undefined if it has loaded none in that time.
 */
export function loadHoldUp(
  states: readonly InitialState[],
  fromNs: number,
  endNs: number,
  nowNs: number,
): DeviceHoldUp | undefined {
  const kinds: string[] = [];
  let heldNs = 0;
  let freeNs = -Infinity;
  for (const { spec, sentNs } of states.toSorted((a, b) => a.sentNs - b.sentNs)) {
    const beginNs = Math.max(sentNs, freeNs);
    freeNs = beginNs + spec.loadInitialNs;
    const ns = Math.min(freeNs, endNs) - Math.max(beginNs, fromNs);
    if (ns <= 0) continue;
    heldNs += ns;
    kinds.push(spec.kind);
  }
  if (heldNs === 0) return undefined;
  return { work: 'load', kinds, heldNs, leftNs: endNs < nowNs ? 0 : Math.max(0, freeNs - nowNs) };
}
