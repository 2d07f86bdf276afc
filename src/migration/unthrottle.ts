import type { SourceGuest } from './ports.ts';

/** Lets the guest run at full speed, whatever a policy has asked of its vCPUs. */
export function unthrottle(guest: Pick<SourceGuest, 'throttle' | 'stun'>): void {
  guest.throttle(0);
  guest.stun(0);
}
