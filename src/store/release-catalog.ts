/** Releases: versions of tags that were published together. */
import { SegmentdError } from '../errors.js';
import { quote } from './numbers.js';

const MAX_NAME_BYTES = 255;
const MAX_SOURCE_BYTES = 4096;
/** Releases of which it is still told. */
const MAX_TOLD = 1000;

/** Versions that were published together. */
export interface Release {
  readonly release: string;
  /** Where the lists came from, as whoever published them says. */
  readonly source: string;
  /** When they were published, in milliseconds since the epoch. */
  readonly at: number;
  readonly state: 'published' | 'rolled back';
  readonly tags: readonly TagVersion[];
  /** The versions right after it of the tags that went back from them before the next release; undefined for none. */
  readonly left?: readonly TagVersion[];
}

/** A version of a tag. */
export interface TagVersion {
  readonly tag: string;
  readonly version: number;
}

export class ReleaseCatalog {
  readonly #releases = new Map<string, Release>();
  #count = 0;

  /** Every release that is told of, the oldest first. */
  all(): Release[] {
    return [...this.#releases.values()];
  }

  find(release: string): Release | undefined {
    return this.#releases.get(release);
  }

  /** Throws UNKNOWN_VERSION. */
  require(name: string): Release {
    const release = this.#releases.get(name);
    if (release !== undefined) return release;
    throw new SegmentdError('UNKNOWN_VERSION', `there is no release ${quote(name)}`);
  }

  /** A name that no release has. */
  nextName(): string {
    let number = this.#count + 1;
    while (this.#releases.has(String(number))) number++;
    return String(number);
  }

  /** Throws INVALID_ARGUMENT or VERSION_CONFLICT unless there may be a release of the name. */
  checkNew(name: string, source: string): void {
    checkReleaseName(name);
    checkSource(source);
    if (!this.#releases.has(name)) return;
    throw new SegmentdError(
      'VERSION_CONFLICT',
      `there is a release ${quote(name)} already: take another name`,
    );
  }

  add(release: Release): void {
    this.#releases.set(release.release, release);
    this.#count++;
    for (const name of this.#releases.keys()) {
      if (this.#releases.size <= MAX_TOLD) break;
      this.#releases.delete(name);
    }
  }

  setState(name: string, state: Release['state']): void {
    this.#releases.set(name, { ...this.require(name), state });
  }

  /** To be called when a tag goes back from a version: tells what it had right after the newest release. */
  noteRollback(tag: string, version: number): void {
    const newest = this.#newest();
    if (newest === undefined || newest.left?.some((other) => other.tag === tag)) return;
    this.#releases.set(newest.release, { ...newest, left: [...(newest.left ?? []), { tag, version }] });
  }

  /** To be called when a tag is dropped: another one of its name will have versions of its own. */
  tagDropped(tag: string): void {
    for (const [name, release] of this.#releases) {
      if (!release.left?.some((other) => other.tag === tag)) continue;
      this.#releases.set(name, { ...release, left: release.left.filter((other) => other.tag !== tag) });
    }
  }

  clear(): void {
    this.#releases.clear();
    this.#count = 0;
  }

  #newest(): Release | undefined {
    let newest: Release | undefined;
    for (const release of this.#releases.values()) newest = release;
    return newest;
  }
}

/** Throws INVALID_ARGUMENT unless the name is 1 to 255 bytes without control characters. */
export function checkReleaseName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes >= 1 && bytes <= MAX_NAME_BYTES && name.isWellFormed() && !CONTROL.test(name)) return;
  throw new SegmentdError(
    'INVALID_ARGUMENT',
    `release ${quote(name)}: its name has 1 to ${MAX_NAME_BYTES} bytes, without control characters`,
  );
}

/** Throws INVALID_ARGUMENT when there is too much to be noted of where lists came from. */
export function checkSource(source: string): void {
  if (Buffer.byteLength(source) <= MAX_SOURCE_BYTES) return;
  throw new SegmentdError('INVALID_ARGUMENT', `a release's source has at most ${MAX_SOURCE_BYTES} bytes`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;
