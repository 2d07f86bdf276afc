import { PageStore } from '../memory/page-store.ts';
import { SwapDevice, type SwapDeviceSpec } from './swap-device.ts';

/** The swap store of a host, or of several hosts: the pages that it holds, and the device that reads and writes them. */
export class SwapStore {
  readonly store: PageStore;
  readonly device: SwapDevice;

  /** `storedBytes` is what stands for a page in memory. */
  constructor(spec: SwapDeviceSpec & { readonly pages: number }, storedBytes: number) {
    // A page that comes back keeps its slot until it has a machine page, for which another one may have to be written.
    this.store = new PageStore(storedBytes, spec.pages + 1);
    this.device = new SwapDevice(spec);
  }
}
