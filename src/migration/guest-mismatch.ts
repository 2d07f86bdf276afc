import type { ControlBody } from '../wire/control.ts';
import type { DestinationGuest } from './ports.ts';

/** Says why the guest of a HELLO is not the one that has been prepared here; undefined when it is. */
export function guestMismatch(
  hello: ControlBody<'hello'>,
  { memory, vcpus }: Pick<DestinationGuest, 'memory' | 'vcpus'>,
): string | undefined {
  const own = memory.slots.map(({ layout }) => layout.pages);
  const isSame =
    hello.slots.join() === own.join() &&
    hello.pageSize === memory.pageSize &&
    hello.vcpus === vcpus;
  if (isSame) return undefined;
  return (
    `the source's guest (${hello.slots.join(' + ')} pages of ${hello.pageSize}, ${hello.vcpus} vCPUs) ` +
    `is not the one prepared here (${own.join(' + ')} pages of ${memory.pageSize}, ${vcpus} vCPUs)`
  );
}
