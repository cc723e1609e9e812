/**
 * One engine at a time for a folder. The file LOCK names its owner: process, when that process started, machine. A lock whose
 * owner is gone is taken over, so a crash leaves nothing to clean up. It is between processes, not for the disk, and so has
 * the system's own files whatever else is behind the storage.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SegmentdError } from '../errors.js';
import type { StorageLock } from './storage.js';

const NAME = 'LOCK';

interface Owner {
  readonly pid: number;
  /** When the process started, by the kernel's clock; tells it from a later process of the same pid. Empty if unknown. */
  readonly started: string;
  /** The machine's start, and the space in which the pid means something (a container's). Empty if unknown. */
  readonly boot: string;
  readonly space: string;
  readonly host: string;
  /** Different for every lock. */
  readonly token: string;
}

/** Takes the lock of a folder, or throws DATA_DIR_IN_USE, naming the folder and who has it. */
export function lockFolder(folder: string): StorageLock {
  const path = join(folder, NAME);
  const own = ownerHere();
  const text = JSON.stringify(own);
  const temporary = join(folder, `${NAME}.${own.token}`);
  writeFileSync(temporary, text, { mode: 0o600 });
  try {
    // Linking makes the lock with its content at once: nobody ever sees it empty.
    while (!link(temporary, path)) {
      const held = read(path);
      if (held === undefined) continue;
      const owner = parse(held);
      if (owner === undefined || isHeld(owner, own)) throw inUse(folder, path, owner);
      takeAway(path, held, temporary);
    }
  } finally {
    remove(temporary);
  }
  return {
    release() {
      if (read(path) === text) remove(path);
    },
  };
}

/** Takes a stale lock away. Whoever else did the same may have locked meanwhile: then that lock is put back. */
function takeAway(path: string, stale: string, temporary: string): void {
  const aside = `${temporary}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (read(aside) !== stale) link(aside, path);
  remove(aside);
}

function isHeld(owner: Owner, own: Owner): boolean {
  // Another machine's processes cannot be asked about. One with our name that has restarted since has lost all of them,
  // and so has a container with our name that has.
  if (owner.host !== own.host) return true;
  if (owner.boot !== own.boot || owner.space !== own.space) return false;
  return isAlive(owner.pid) && (owner.started === '' || owner.started === startOf(owner.pid));
}

function inUse(folder: string, path: string, owner: Owner | undefined): SegmentdError {
  const advice = `if you are sure that it is gone, delete ${path}`;
  if (owner === undefined) {
    return new SegmentdError(
      'DATA_DIR_IN_USE',
      `data folder ${folder} is locked by an unknown owner: ${advice}`,
    );
  }
  const { pid, host } = owner;
  if (host !== hostname()) {
    const message = `data folder ${folder} is in use by process ${pid} of the machine ${host}: ${advice}`;
    return new SegmentdError('DATA_DIR_IN_USE', message);
  }
  const who = pid === process.pid ? `this process (${pid})` : `process ${pid}`;
  return new SegmentdError(
    'DATA_DIR_IN_USE',
    `data folder ${folder} is in use by ${who}: close it or choose another folder`,
  );
}

function ownerHere(): Owner {
  return {
    pid: process.pid,
    started: startOf(process.pid),
    boot: orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    space: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
    host: hostname(),
    token: randomBytes(8).toString('hex'),
  };
}

/** Field 22 of /proc/PID/stat; the name in field 2 may contain blanks and parentheses. */
function startOf(pid: number): string {
  return orEmpty(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // Alive, and somebody else's.
  }
}

function parse(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner;
    return Number.isInteger(owner.pid) ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Gives the file a second name. False when that name is taken. */
function link(path: string, name: string): boolean {
  try {
    linkSync(path, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
