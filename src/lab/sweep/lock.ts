import { closeSync, openSync, readFileSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';

/** A lock that somebody else has; the message says who, and what to do. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/** A process as a lock names it: `HOST PID BOOT NAMESPACE`, of which older versions wrote the first two. */
interface Holder {
  readonly host: string;
  readonly pid: number;
  /** Tell apart machines of one name, and containers on one machine, as far as the system does. */
  readonly place: string;
}

/**
 * Takes a lock, a file that exists while a process has it. It works between machines that share a folder, since a file
 * is made by one of them only. A lock is taken over when its process is gone for certain: it was one of this very
 * machine. Throws LockedError.
 */
export function takeLock(path: string): void {
  if (make(path)) return;
  const holder = holderOf(path);
  if (!isGone(holder)) throw new LockedError(heldBy(path, holder));
  takeOver(path);
}

/** Gives a lock back, unless somebody has removed it and taken it since. */
export function releaseLock(path: string): void {
  if (read(path) === own()) rmSync(path, { force: true });
}

/**
 * Replaces the lock of a process that is gone. Of several that find it gone, the one that makes the second file may
 * replace it; whoever comes later finds the new lock when it looks again.
 */
function takeOver(path: string): void {
  const second = `${path}.takeover`;
  if (!make(second)) {
    throw new LockedError(
      `is being taken over by another process: try again, or remove ${second} if there is none`,
    );
  }
  try {
    const holder = holderOf(path);
    if (!isGone(holder)) throw new LockedError(heldBy(path, holder));
    rmSync(path, { force: true });
    if (!make(path)) throw new LockedError(heldBy(path, holderOf(path)));
  } finally {
    rmSync(second, { force: true });
  }
}

/** Makes a file that names this process; returns false when it is there already. */
function make(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  writeSync(file, own());
  closeSync(file);
  return true;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // The lock was given back in between.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

const own = (): string => `${hostname()} ${process.pid} ${placeOfThisProcess()}`;

/** Returns who has a lock; undefined while it is being made, or given back. */
function holderOf(path: string): Holder | undefined {
  const [host, pid, ...place] = read(path).trim().split(' ');
  if (host === undefined || pid === undefined) return undefined;
  return { host, pid: Number(pid), place: place.join(' ') };
}

/** The boot of the machine and the namespace of process numbers; empty where the system has no such files. */
function placeOfThisProcess(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

const isHere = ({ host, place }: Holder): boolean =>
  host === hostname() && (place === '' || place === placeOfThisProcess());

/** Whether a process is gone for certain; of another machine's, or another container's, nothing can be known. */
const isGone = (holder: Holder | undefined): boolean =>
  holder !== undefined && isHere(holder) && !isAlive(holder.pid);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function heldBy(path: string, holder: Holder | undefined): string {
  if (!holder) {
    return `is being locked by another process: try again, or remove ${path} if there is none`;
  }
  const { host, pid } = holder;
  const where =
    host === hostname() && !isHere(holder)
      ? `${host} (another machine or container of that name, or this one before it was started anew)`
      : host;
  return `is written by process ${pid} on ${where}: wait for it, or give each machine a store of its own (--shard i/n, then merge); if that process is gone, remove ${path}`;
}
