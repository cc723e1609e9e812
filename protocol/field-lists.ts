/**
 * Lists of fields that clients ask for, remembered by their bytes: an ad server sends the same HMGET fields with every
 * request, and comparing them with the last ones costs less than looking ten names up.
 */
import { isUtf8 } from 'node:buffer';
import type { Engine, Selection } from '../src/index.js';
import type { RespReader } from './resp/reader.js';

interface FieldList {
  /** From the first byte of the first field to the last of the last, with the protocol's bytes in between. */
  readonly bytes: Buffer;
  /** Bytes of the first field: with it, and the number of words, the same bytes are the same fields. */
  readonly firstLength: number;
  readonly words: number;
  readonly selection: Selection;
}

const PLACES = 256;
/** Longer lists are rare, and not worth keeping. */
const MAX_BYTES = 4_096;

export class FieldLists {
  readonly #engine: Engine;
  readonly #lists = new Array<FieldList | undefined>(PLACES).fill(undefined);
  #lastTail = 0;
  #lastSelection: Selection | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The selection of words 2 and up; undefined for a list that is not to be remembered. */
  selectionOf(reader: RespReader): Selection | undefined {
    if (reader.tail !== this.#lastTail) {
      this.#lastTail = reader.tail;
      this.#lastSelection = this.#find(reader);
    }
    return this.#lastSelection;
  }

  #find(reader: RespReader): Selection | undefined {
    const { buffer, starts, ends, argc } = reader;
    const start = starts[2]!;
    const length = ends[argc - 1]! - start;
    const firstLength = ends[2]! - start;
    const place = (length * 31 + argc * 7 + buffer[start + length - 1]!) & (PLACES - 1);
    const list = this.#lists[place];
    if (list !== undefined && list.words === argc && list.firstLength === firstLength) {
      if (buffer.compare(list.bytes, 0, list.bytes.length, start, start + length) === 0)
        return list.selection;
    }
    return length > MAX_BYTES ? undefined : this.#remember(reader, place);
  }

  #remember({ buffer, starts, ends, argc }: RespReader, place: number): Selection | undefined {
    const bytes = Buffer.from(buffer.subarray(starts[2]!, ends[argc - 1]!));
    // A name that is not UTF-8 is no tag's, but its text might be.
    if (!isUtf8(bytes)) return undefined;
    const names = Array.from({ length: argc - 2 }, (_, i) =>
      buffer.toString('utf8', starts[i + 2]!, ends[i + 2]!),
    );
    const selection = this.#engine.select(names);
    this.#lists[place] = { bytes, firstLength: ends[2]! - starts[2]!, words: argc, selection };
    return selection;
  }
}
