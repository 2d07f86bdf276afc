import { kubevirt, kubevirtByStall, kubevirtByTimeouts } from './kubevirt-keys.ts';
import type { ManagerKind } from './managers.ts';
import { nova } from './nova.ts';
import { ovirt } from './ovirt.ts';
import { proxmox } from './proxmox.ts';

/** All managers that are known by name. To add one, write its file, add a line here, and its settings to policy qemu. */
export const MANAGERS = [
  nova,
  kubevirt,
  proxmox,
  ovirt,
  kubevirtByTimeouts,
  kubevirtByStall,
] as const;

export type ManagerName = (typeof MANAGERS)[number]['name'];

const BY_NAME: ReadonlyMap<string, ManagerKind> = new Map(
  MANAGERS.map((kind) => [kind.name, kind as unknown as ManagerKind]),
);

/** Returns the manager of a name, or undefined if there is none. */
export const managerNamed = (name: unknown): ManagerKind | undefined => BY_NAME.get(String(name));
