import type { CopyOnWrite } from '../../../replication/copy-on-write.ts';
import { type GateLayer, WAITS } from '../../../memory/gate/gate-layer.ts';
import { gateBytes } from '../../../memory/gate/page-gate.ts';
import { type GuestMemory, slotOf } from '../../../memory/guest-memory.ts';
import {
  answerTo,
  ASK_WRITE,
  type HostCaller,
  requestBy,
} from '../../../memory/handshake/host-requests.ts';
import { PAGE_PROTECTED } from '../../../memory/kernels/abi.ts';

/**
 * The gate layer of copy-on-write for a vCPU in a thread. The sender's thread alone knows which pages it has saved, so
 * the vCPU asks it to save the page, and is parked until the answer.
 */
export const askToSave = (caller: HostCaller): GateLayer => ({
  bits: PAGE_PROTECTED,
  resolve({ layout }, page) {
    caller.ask(ASK_WRITE, layout.firstGfn + page);
    return 0;
  },
});

/**
 * Answers, in the sender's thread, the vCPUs that are about to write a protected page. Those for whose page the buffer has
 * no room are answered later. Without a capture there is nothing to save.
 */
export function savePages(
  memory: GuestMemory,
  words: Int32Array,
  vcpus: number,
  capture: CopyOnWrite | undefined,
): void {
  for (let writer = 1; writer <= vcpus; writer++) {
    const request = requestBy(words, writer);
    if (!request) continue;
    const slot = slotOf(memory, request.gfn);
    const page = request.gfn - slot.layout.firstGfn;
    // It may have been sent, or saved for another vCPU, since the vCPU looked at its gate.
    const isProtected = (Atomics.load(gateBytes(slot), page) & PAGE_PROTECTED) !== 0;
    if (isProtected && capture?.resolve(slot, page) === WAITS) continue;
    answerTo(words, writer);
  }
}
